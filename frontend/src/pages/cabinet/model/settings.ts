import initialDocument from '@/api/settings.initial.gen.json'
import type { Schemas } from '@/api/client'
import type { FieldError } from '@/shared/problem'

/** The settings document (design section 12). A field is named by its JSON pointer, as the server names it in its errors. */
export type Doc = Schemas['Settings']

export type Funnel = Schemas['SettingsFunnel']
export type FunnelRule = Schemas['SettingsFunnelRule']
export type ResponsibleRule = Schemas['SettingsResponsibleRule']
export type CallTemplate = Schemas['SettingsCallTemplate']
export type FieldMapping = Schemas['SettingsFieldMapping']

export interface Change {
  pointer: string
  before: unknown
  after: unknown
}

/** Values of the fields when the document does not name them (P3b): made from the server's, so that both start alike. */
const { main, telephony, chats, requests, lines } = initialDocument
const initial = { main, telephony, chats, requests, lines }

/** The fields with a control of their own: only they can show an error at their place. */
export const shown: readonly string[] = leaves('', initial)

function leaves(at: string, node: unknown): string[] {
  return isObject(node) && Object.keys(node).length > 0 ? Object.entries(node).flatMap(([key, value]) => leaves(`${at}/${key}`, value)) : [at]
}

/** The name of a field in the texts; chats and offline requests have the same fields, elements of lists the name of their list. */
export function nameOf(pointer: string): string {
  const list = shown.find((one) => pointer === one || pointer.startsWith(`${one}/`)) ?? pointer
  return list.slice(1).replace(/^(chats|requests)\//, 'talk/').replaceAll('/', '_')
}

/** What a communication can create, in the order it is shown and saved. */
export const creatable = ['lead', 'deal', 'activity'] as const

/** The value at a pointer; a missing one is the initial value. */
export function read(doc: Doc, pointer: string): unknown {
  return walk(doc, pointer) ?? walk(initial, pointer) ?? null
}

function walk(doc: unknown, pointer: string): unknown {
  return parts(pointer).reduce<unknown>((node, key) => (isObject(node) || Array.isArray(node) ? (node as Record<string, unknown>)[key] : undefined), doc)
}

/** A copy of the document with one value changed; everything else is the very same. */
export function write(doc: Doc, pointer: string, value: unknown): Doc {
  return put(doc, parts(pointer), value) as Doc
}

function put(node: unknown, [key, ...rest]: string[], value: unknown): unknown {
  if (key === undefined) return value
  if (Array.isArray(node)) return node.map((one: unknown, i) => (String(i) === key ? put(one, rest, value) : one))
  const object = isObject(node) ? node : {}
  return { ...object, [key]: put(object[key], rest, value) }
}

/** What differs, field by field. A list is one value: its order means something. The version is not a setting. */
export function changes(base: Doc, draft: Doc): Change[] {
  return differences('', base, draft).filter(({ pointer }) => pointer !== '/version')
}

function differences(at: string, before: unknown, after: unknown): Change[] {
  if (before === after) return []
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap((key) => differences(`${at}/${escape(key)}`, before[key], after[key]))
  }
  if (before === undefined && isObject(after)) return differences(at, {}, after)
  const old = before ?? walk(initial, at)
  const now = after ?? walk(initial, at)
  return same(old, now) ? [] : [{ pointer: at, before: old ?? null, after: now ?? null }]
}

/** The document with these changes made on top of it. */
export function apply(doc: Doc, list: readonly Change[]): Doc {
  return list.reduce((made, { pointer, after }) => write(made, pointer, after), doc)
}

/** Which of my changes touch what another person changed too, and to another value. */
export function clashes(base: Doc, theirs: Doc, mine: readonly Change[]): string[] {
  const other = new Map(changes(base, theirs).map((change) => [change.pointer, change.after]))
  return mine.filter(({ pointer, after }) => other.has(pointer) && !same(other.get(pointer), after)).map(({ pointer }) => pointer)
}

/** The server's errors by the places they name; what has no control here is told beside the Save button. */
export function placeErrors(errors: readonly FieldError[], fields: readonly string[] = shown): { at: Record<string, string>; elsewhere: FieldError[] } {
  const at: Record<string, string> = {}
  const elsewhere: FieldError[] = []
  for (const error of errors) {
    // An error of a group ("/chats/first") is shown at what the group creates.
    const field = fields.includes(`${error.field}/create`) ? `${error.field}/create` : error.field
    if (fields.some((one) => field === one || field.startsWith(`${one}/`))) at[field] ??= error.text
    else elsewhere.push(error)
  }
  return { at, elsewhere }
}

/** The errors that are still there after a change at a place: what stood there or below was about the old value. */
export function withoutErrorsAt(errors: Readonly<Record<string, string>>, pointer: string): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).filter(([field]) => field !== pointer && !field.startsWith(`${pointer}/`)))
}

/** What is wrong at a place or below it. */
export function errorUnder(errors: Readonly<Record<string, string>>, pointer: string): string | undefined {
  return errors[pointer] ?? Object.entries(errors).find(([field]) => field.startsWith(`${pointer}/`))?.[1]
}

/** The set with one value more or less, in the order given. */
export function toggled<T>(set: readonly T[], value: T, on: boolean, order: readonly T[]): T[] {
  const wanted = new Set(set)
  if (on) wanted.add(value)
  else wanted.delete(value)
  const known = order.filter((one) => wanted.has(one))
  return [...known, ...[...wanted].filter((one) => !order.includes(one))]
}

export interface RecommendedFor {
  portal: number
  user: number
  channels: readonly number[]
  /** The portal's CRM works without leads. */
  simple: boolean
}

/** The settings that suit most companies at the start: every chat makes a lead, where there are none a deal (C3). */
export function recommended(doc: Doc, { portal, user, channels, simple }: RecommendedFor): Doc {
  const values: Record<string, unknown> = {
    '/main/enabled': true,
    '/main/portal': portal,
    '/chats/enabled': true,
    '/chats/portal': portal,
    '/chats/channels': [...channels],
    '/chats/create': true,
    '/chats/responsible': user,
    '/chats/first/on': true,
    '/chats/first/create': [simple ? 'deal' : 'lead'],
    '/chats/repeat/on': false,
    '/chats/repeat/create': [],
    '/chats/comment_priority': 'deals',
    '/chats/create_at': 'start',
  }
  return Object.entries(values).reduce((made, [pointer, value]) => write(made, pointer, value), doc)
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parts(pointer: string): string[] {
  return pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
