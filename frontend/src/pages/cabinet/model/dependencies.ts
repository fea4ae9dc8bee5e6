import type { Filter } from './filter'
import { spotOf } from './places'
import { read, type Doc } from './settings'

/** What a field allows now: it may be used, and it must be filled before a save. */
export interface State {
  disabled: boolean
  required: boolean
}

/** What the portal's CRM is: `simple` works without leads. */
export interface CRM {
  simple: boolean
}

type Talk = 'chats' | 'requests'

function on(doc: Doc, pointer: string): boolean {
  return read(doc, pointer) === true
}

function filled(doc: Doc, pointer: string): boolean {
  const value = read(doc, pointer)
  return value !== null && value !== ''
}

function creates(doc: Doc, form: string, kind: string): boolean {
  return on(doc, `${form}/on`) && (read(doc, `${form}/create`) as string[]).includes(kind)
}

/** T2: another telephony creates the entities; of this section only the extra fields act. */
export function otherTelephony(doc: Doc): boolean {
  return on(doc, '/telephony/other_telephony')
}

/** C2: the section writes to the CRM; requests have no switch of their own for it (C13). */
export function writesCRM(doc: Doc, section: Talk): boolean {
  return section === 'requests' || on(doc, '/chats/create')
}

/** C4: the priority of comments says nothing while a repeat communication makes a lead or a deal of its own. */
export function priorityMatters(doc: Doc, section: Talk = 'chats', crm: CRM = { simple: false }): boolean {
  return !(creates(doc, `/${section}/repeat`, 'lead') && !crm.simple) && !creates(doc, `/${section}/repeat`, 'deal')
}

/** C4: where comments may go. A CRM without leads has none to put them into; one that was chosen all the same stays, so that it can be seen and changed. */
export function prioritiesOf(crm: CRM, chosen: string | null): { id: string; gone: boolean }[] {
  return ['deals', 'leads', 'both'].map((id) => ({ id, gone: crm.simple && id !== 'deals' })).filter((one) => !one.gone || one.id === chosen)
}

/** C5: which fields of a funnel act, by what its form creates. */
export function funnelActs(doc: Doc, section: Talk, which: 'first' | 'repeat', crm: CRM): { lead: boolean; deal: boolean } {
  const used = writesCRM(doc, section) && on(doc, `/${section}/funnel_${which}/on`)
  const form = `/${section}/${which}`
  return { lead: used && !crm.simple && creates(doc, form, 'lead'), deal: used && creates(doc, form, 'deal') }
}

/** T12: the filter of a direction has a condition on employee or last operation, and filters are on. */
export function certainFilter(doc: Doc): boolean {
  if (!on(doc, '/telephony/filter_on')) return false
  return ['/telephony/filter_inbound', '/telephony/filter_outbound'].some((at) => (read(doc, at) as Filter).flat().some((one) => ['employee', 'last_operation'].includes(one.param)))
}

// Fields that stand under a switch of their own: off disables them and keeps their values.
const under: Record<string, string> = {
  '/telephony/responsible_after_min': '/telephony/responsible_later',
  '/telephony/filter_inbound': '/telephony/filter_on',
  '/telephony/filter_outbound': '/telephony/filter_on',
  '/telephony/click/number': '/telephony/click/on',
  '/telephony/click/override_caller_id': '/telephony/click/on',
  '/telephony/callback/number': '/telephony/callback/on',
  '/telephony/records/with_filters': '/telephony/records/send',
}
const mandatory = ['/telephony/responsible_after_min', '/telephony/click/number', '/telephony/callback/number']
const always = ['/telephony/enabled', '/telephony/portal', '/telephony/other_telephony']

/** What a field allows now (T2–T12, C2–C9, S3). */
export function stateOf(doc: Doc, pointer: string, crm: CRM = { simple: false }): State {
  const [section = '', ...rest] = pointer.split('/').slice(1)
  if (section === 'telephony') return telephony(doc, pointer, crm)
  if (section === 'chats' || section === 'requests') return talk(doc, section, rest, crm)
  if (pointer === '/main/portal') return { disabled: false, required: on(doc, '/main/enabled') }
  if (pointer === '/main/sync_only') return { disabled: on(doc, '/main/sync_all'), required: false }
  return { disabled: false, required: false }
}

function telephony(doc: Doc, pointer: string, crm: CRM): State {
  const other = otherTelephony(doc)
  const active = on(doc, '/telephony/enabled') && !other
  const blocked = other && spotOf(pointer).tab === 'main' && !always.includes(pointer)
  const parent = under[pointer]
  if (parent) return { disabled: blocked || !on(doc, parent), required: mandatory.includes(pointer) && active && on(doc, parent) }
  if (pointer === '/telephony/talker') return { disabled: blocked, required: !blocked }
  if (/^\/telephony\/responsible_(in|out)bound$/.test(pointer)) return { disabled: false, required: active }
  if (pointer.endsWith('/lead_stage')) return { disabled: crm.simple, required: pointer.includes('funnels_') && !crm.simple }
  if (/funnels_.*\/(pipeline|deal_stage)$/.test(pointer)) return { disabled: false, required: true }
  // R5: the default may be left empty, but not by half: a pipeline and its stage are given together.
  if (pointer === '/telephony/funnel/pipeline') return { disabled: false, required: filled(doc, '/telephony/funnel/deal_stage') }
  if (pointer === '/telephony/funnel/deal_stage') return { disabled: false, required: filled(doc, '/telephony/funnel/pipeline') }
  return { disabled: blocked, required: false }
}

function talk(doc: Doc, section: Talk, rest: string[], crm: CRM): State {
  const [field = '', part = ''] = rest
  const at = `/${section}`
  const writes = writesCRM(doc, section)
  const active = on(doc, `${at}/enabled`) && writes
  switch (field) {
    case 'enabled': case 'portal': case 'channels': case 'create': case 'template': case 'filter': case 'fields_on':
      return { disabled: false, required: false }
    case 'responsible':
      return { disabled: !writes, required: active }
    case 'first':
      return { disabled: !writes || (part === 'create' && !on(doc, `${at}/first/on`)), required: part === 'create' && active && on(doc, `${at}/first/on`) }
    case 'repeat':
      return { disabled: !writes || (part === 'create' && !on(doc, `${at}/repeat/on`)), required: false }
    case 'comment_priority':
      return { disabled: !writes || !priorityMatters(doc, section, crm), required: active && priorityMatters(doc, section, crm) }
    case 'create_at':
      return { disabled: !writes, required: writes }
    case 'fields':
      return { disabled: !on(doc, `${at}/fields_on`), required: false }
    case 'funnel_first': case 'funnel_repeat': {
      const acts = funnelActs(doc, section, field === 'funnel_first' ? 'first' : 'repeat', crm)
      const last = rest.at(-1)
      if (last === 'lead_stage') return { disabled: !acts.lead, required: acts.lead }
      if (last === 'pipeline' || last === 'deal_stage') return { disabled: !acts.deal, required: acts.deal }
      return { disabled: part === 'rules' ? !on(doc, `${at}/${field}/on`) || !writes : !writes, required: false }
    }
    default:
      return { disabled: !writes, required: false }
  }
}
