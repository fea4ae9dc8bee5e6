import type { Schemas } from '@/api/client'
import { sections, type Section } from './guide'

export type Communication = Schemas['Communication']
export type CommunicationShort = Schemas['CommunicationShort']
export type Entity = Schemas['EntityRef']
export type Replay = Schemas['Replay']

export const kinds = ['chat', 'call', 'request'] as const
export type Kind = (typeof kinds)[number]

/** What a list of calls is narrowed by; the empty word lets all through. */
export const callParts = { direction: ['in', 'out'], outcome: ['answered', 'missed'], state: ['live', 'done', 'off', 'failed'] } as const
export type CallPart = keyof typeof callParts
export type CallFilter = { [P in CallPart]: (typeof callParts)[P][number] | 'any' }
export const everyCall = (): CallFilter => ({ direction: 'any', outcome: 'any', state: 'any' })

/** The filter as the server takes it: of calls only, and without the parts that let all through. */
export function queryOf(kind: Kind, filter: CallFilter): { [P in CallPart]?: (typeof callParts)[P][number] } {
  if (kind !== 'call') return {}
  const { direction, outcome, state } = filter
  return { ...(direction !== 'any' && { direction }), ...(outcome !== 'any' && { outcome }), ...(state !== 'any' && { state }) }
}

/** Communications without those that came with two pages. */
export function unique(items: readonly CommunicationShort[]): CommunicationShort[] {
  const seen = new Set<string>()
  return items.filter((item) => !seen.has(item.ref) && seen.add(item.ref))
}

/** Where advice leads: a field of the settings, or a section. */
export type Place = { pointer: string } | { section: Section }

export function placeOf(place: string | null): Place | null {
  if (place === null || place === '') return null
  if (place.startsWith('/')) return { pointer: place }
  const section = sections.find((one) => one === place)
  return section ? { section } : null
}

/** How a client is written to people: his name, else what he is reached by. */
export function clientOf(item: Pick<CommunicationShort, 'client' | 'phones' | 'emails'>): string {
  return item.client || (item.phones[0] ? `+${item.phones[0]}` : '') || (item.emails[0] ?? '')
}

/** How he is reached, without what stands as his name already. */
export function contactsOf(item: Pick<CommunicationShort, 'client' | 'phones' | 'emails'>): string[] {
  const name = clientOf(item)
  return [...item.phones.map((phone) => `+${phone}`), ...item.emails].filter((one) => one !== name)
}

export type Tone = 'good' | 'calm' | 'warn' | 'bad'

const tones: Record<string, Tone> = { done: 'good', refused: 'bad', unconfirmed: 'bad', expired: 'warn', unclear: 'warn' }

/** How a command's state is coloured. */
export function toneOf(state: string): Tone {
  return tones[state] ?? 'calm'
}

/** The communication a feed event is about, such as `chat:101`; null: it names none. */
export function refOfEvent(data: unknown): string | null {
  const of = data as { chat?: { uis_chat?: number | null }; call?: { id?: number } } | null
  if (of?.chat?.uis_chat) return `chat:${String(of.chat.uis_chat)}`
  return of?.call?.id ? `call:${String(of.call.id)}` : null
}
