import type { Filter, Parameter } from './filter'
import { stateOf } from './dependencies'
import { read, shown, type CallTemplate, type Doc, type FieldMapping, type Funnel, type FunnelRule, type ResponsibleRule } from './settings'

/** An entry of a directory: what the settings may name. */
export interface Entry {
  id: string | number
  name: string
  gone?: boolean
  [more: string]: unknown
}

/** Something the settings name: where, in which directory, and its id there. `scope` narrows the directory: stages by entity and pipeline, fields by entity. */
export interface Reference {
  pointer: string
  directory: string
  id: string | number
  scope: string
}

/** What the settings name and is not there any more, with its last known name. */
export interface Vanished extends Reference {
  name: string
}

/** Everything the settings name in directories. */
export function references(doc: Doc, parameters: readonly Parameter[]): Reference[] {
  const list: Reference[] = []
  const directories = new Map(parameters.map((one) => [one.id, one.directory]))
  const add = (pointer: string, directory: string, id: unknown, scope = '') => {
    if ((typeof id === 'string' || typeof id === 'number') && id !== '' && id !== 0) list.push({ pointer, directory, id, scope })
  }
  const one = (pointer: string, directory: string) => { add(pointer, directory, read(doc, pointer)) }
  const rows = <T>(pointer: string, each: (row: T, at: string) => void) => { (read(doc, pointer) as T[]).forEach((row, i) => { each(row, `${pointer}/${String(i)}`) }) }
  const filter = (value: Filter, pointer: string) => {
    value.forEach((group, g) => { group.forEach((row, r) => {
      const directory = directories.get(row.param)
      if (directory) row.values.forEach((id, v) => { add(`${pointer}/${String(g)}/${String(r)}/values/${String(v)}`, directory, id) })
    }) })
  }
  const funnel = (value: Funnel, at: string) => {
    add(`${at}/lead_stage`, 'stages', value.lead_stage, 'lead')
    if (value.pipeline !== null && value.pipeline !== undefined) list.push({ pointer: `${at}/pipeline`, directory: 'pipelines', id: value.pipeline, scope: '' })
    add(`${at}/deal_stage`, 'stages', value.deal_stage, `deal:${String(value.pipeline ?? '')}`)
  }
  const funnelRules = (pointer: string) => { rows<FunnelRule>(pointer, (row, at) => { filter(row.filter, `${at}/filter`); funnel(row, at) }) }
  const responsibles = (pointer: string) => { rows<ResponsibleRule>(pointer, (row, at) => { filter(row.filter, `${at}/filter`); add(`${at}/user`, 'b24-users', row.user) }) }
  const fields = (pointer: string) => { rows<FieldMapping>(pointer, (row, at) => { add(`${at}/field`, 'fields', row.field, row.entity) }) }

  for (const section of ['main', 'telephony', 'chats', 'requests', 'lines']) one(`/${section}/portal`, 'portals')
  rows<number>('/main/sync_only', (id, at) => { add(at, 'b24-users', id) })
  for (const at of ['/telephony/filter_inbound', '/telephony/filter_outbound']) filter(read(doc, at) as Filter, at)
  one('/telephony/click/number', 'numbers')
  one('/telephony/callback/number', 'numbers')
  rows<CallTemplate>('/telephony/templates', (row, at) => { filter(row.filter, `${at}/filter`) })
  funnel(read(doc, '/telephony/funnel') as Funnel, '/telephony/funnel')
  funnelRules('/telephony/funnels_inbound')
  funnelRules('/telephony/funnels_outbound')
  one('/telephony/responsible_inbound', 'b24-users')
  one('/telephony/responsible_outbound', 'b24-users')
  responsibles('/telephony/responsibles')
  fields('/telephony/fields')
  rows<number>('/chats/channels', (id, at) => { add(at, 'channels', id) })
  for (const section of ['/chats', '/requests']) {
    one(`${section}/responsible`, 'b24-users')
    responsibles(`${section}/responsibles`)
    filter(read(doc, `${section}/filter`) as Filter, `${section}/filter`)
    for (const form of [`${section}/funnel_first`, `${section}/funnel_repeat`]) {
      funnel(read(doc, form) as Funnel, form)
      funnelRules(`${form}/rules`)
    }
    fields(`${section}/fields`)
  }
  fields('/lines/fields')
  return list
}

/** The references that act: what a page disables or hides troubles nobody, and the server does not compare it either. */
export function acting(doc: Doc, list: readonly Reference[]): Reference[] {
  const off = new Set(shown.filter((field) => stateOf(doc, field).disabled))
  const fieldOf = (pointer: string) => shown.find((field) => pointer === field || pointer.startsWith(`${field}/`)) ?? pointer
  return list.filter(({ pointer }) => !off.has(fieldOf(pointer)) && !stateOf(doc, pointer).disabled)
}

/** Whether an entry is what a reference may mean. */
function fits(entry: Entry, reference: Reference): boolean {
  if (String(entry.id) !== String(reference.id)) return false
  if (reference.directory === 'fields') return entry.entity === reference.scope
  if (reference.directory === 'stages') return (entry.entity === 'lead' ? 'lead' : `deal:${String(entry.pipeline)}`) === reference.scope
  return true
}

// Directories are read seldom and looked through often: each copy is put in order once.
const ordered = new WeakMap<readonly Entry[], Map<string, Entry[]>>()

function byId(entries: readonly Entry[]): Map<string, Entry[]> {
  let ids = ordered.get(entries)
  if (ids) return ids
  ids = new Map()
  for (const entry of entries) {
    const same = ids.get(String(entry.id))
    if (same) same.push(entry)
    else ids.set(String(entry.id), [entry])
  }
  ordered.set(entries, ids)
  return ids
}

/**
 * What of the references is not there any more. A directory that was not read or came empty says nothing about anybody (S4), so it never makes
 * something vanish.
 */
export function vanished(list: readonly Reference[], entriesOf: (reference: Reference) => readonly Entry[] | undefined): Vanished[] {
  return list.flatMap((reference) => {
    const entries = entriesOf(reference)
    if (!entries || entries.length === 0) return []
    const entry = byId(entries).get(String(reference.id))?.find((candidate) => fits(candidate, reference))
    return entry && !entry.gone ? [] : [{ ...reference, name: entry?.name ?? String(reference.id) }]
  })
}
