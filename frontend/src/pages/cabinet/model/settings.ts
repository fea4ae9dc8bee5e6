import type { Schemas } from '@/api/client'
import type { FieldError } from '@/shared/problem'

/** The settings document (design section 12). A field is named by its JSON pointer, as the server names it in its errors. */
export type Doc = Schemas['Settings']

export interface Change {
  pointer: string
  before: unknown
  after: unknown
}

/** Values of the fields this page shows when the document does not name them. */
const initial: Record<string, unknown> = {
  '/main/enabled': false,
  '/main/portal': null,
  '/chats/enabled': false,
  '/chats/portal': null,
  '/chats/channels': [],
  '/chats/create': false,
  '/chats/responsible': null,
  '/chats/first/on': false,
  '/chats/first/create': [],
  '/chats/repeat/on': false,
  '/chats/repeat/create': [],
  '/chats/comment_priority': null,
  '/chats/create_at': 'start',
  '/chats/notify': false,
}

/** The fields with a control of their own: only they can show an error at their place. */
export const shown: readonly string[] = Object.keys(initial)

/** What a communication can create, in the order it is shown and saved. */
export const creatable = ['lead', 'deal', 'activity'] as const

/** The value at a pointer; a missing one is the initial value. */
export function read(doc: Doc, pointer: string): unknown {
  return walk(doc, pointer) ?? initial[pointer] ?? null
}

function walk(doc: unknown, pointer: string): unknown {
  return parts(pointer).reduce<unknown>((node, key) => (isObject(node) ? node[key] : undefined), doc)
}

/** A copy of the document with one value changed; everything else is the very same. */
export function write(doc: Doc, pointer: string, value: unknown): Doc {
  return put(doc, parts(pointer), value) as Doc
}

function put(node: unknown, [key, ...rest]: string[], value: unknown): unknown {
  if (key === undefined) return value
  const object = isObject(node) ? node : {}
  return { ...object, [key]: put(object[key], rest, value) }
}

/** What differs, field by field. A list is one value: its order means something. The version is not a setting. */
export function changes(base: Doc, draft: Doc): Change[] {
  return differences('', base, draft).filter(({ pointer }) => pointer !== '/version')
}

function differences(at: string, before: unknown, after: unknown): Change[] {
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap((key) => differences(`${at}/${escape(key)}`, before[key], after[key]))
  }
  if (before === undefined && isObject(after)) return differences(at, {}, after)
  const old = before ?? initial[at]
  const now = after ?? initial[at]
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

/** The server's errors at the fields they belong to; what has no control here is told beside the Save button. */
export function placeErrors(errors: readonly FieldError[], fields: readonly string[] = shown): { at: Record<string, string>; elsewhere: FieldError[] } {
  const at: Record<string, string> = {}
  const elsewhere: FieldError[] = []
  for (const error of errors) {
    const field = fields.find((one) => error.field === one || error.field.startsWith(`${one}/`)) ?? parentWithList(error.field, fields)
    if (field === undefined) elsewhere.push(error)
    else at[field] ??= error.text
  }
  return { at, elsewhere }
}

// An error of a group ("/chats/first") is shown at what the group creates.
function parentWithList(field: string, fields: readonly string[]): string | undefined {
  return fields.find((one) => one === `${field}/create`)
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
}

/** The settings that suit most companies at the start: every chat makes a lead. */
export function recommended(doc: Doc, { portal, user, channels }: RecommendedFor): Doc {
  const values: Record<string, unknown> = {
    '/main/enabled': true,
    '/main/portal': portal,
    '/chats/enabled': true,
    '/chats/portal': portal,
    '/chats/channels': [...channels],
    '/chats/create': true,
    '/chats/responsible': user,
    '/chats/first/on': true,
    '/chats/first/create': ['lead'],
    '/chats/repeat/on': false,
    '/chats/repeat/create': [],
    '/chats/comment_priority': 'deals',
    '/chats/create_at': 'start',
  }
  return Object.entries(values).reduce((made, [pointer, value]) => write(made, pointer, value), doc)
}

/** C4: the priority of comments says nothing while a repeat communication makes a lead or a deal of its own. */
export function priorityMatters(doc: Doc): boolean {
  if (read(doc, '/chats/repeat/on') !== true) return true
  const made = read(doc, '/chats/repeat/create') as string[]
  return !made.includes('lead') && !made.includes('deal')
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
