import type { Entry, Timeline } from './timeline'
import type { Message } from './types'

/** What the conversation shows, top to bottom. */
export type Row =
  | { type: 'day'; row: string; at: number }
  | { type: 'unread'; row: string }
  | {
      type: 'message'
      row: string
      entry: Entry
      /** First of several in a row by the same person: carries the name. */
      first: boolean
      /** Last of them: carries the avatar and the tail of the bubble. */
      last: boolean
    }

const together = 5 * 60_000

/** Lays a conversation out in rows; `unreadFrom` is the number of the first message not read when the chat was opened. */
export function layOut(timeline: Timeline, unreadFrom: number | null): Row[] {
  const rows: Row[] = []
  const entries = timeline.pending.length === 0 ? timeline.known : [...timeline.known, ...timeline.pending]
  let day = ''
  let marked = unreadFrom === null
  const days = entries.map((entry) => dayOf(entry.message))
  for (const [i, entry] of entries.entries()) {
    const thisDay = days[i] ?? ''
    const newDay = thisDay !== day
    if (newDay) {
      day = thisDay
      rows.push({ type: 'day', row: `d${thisDay}`, at: Date.parse(entry.message.created_at) })
    }
    const mark = !marked && !entry.sending && entry.message.id >= (unreadFrom ?? 0) && entry.message.side === 'client'
    if (mark) {
      marked = true
      rows.push({ type: 'unread', row: 'unread' })
    }
    const before = entries[i - 1]
    const after = entries[i + 1]
    rows.push({
      type: 'message',
      row: entry.row,
      entry,
      first: newDay || mark || !before || !sameSpeaker(before.message, entry.message),
      last: !after || !sameSpeaker(entry.message, after.message) || days[i + 1] !== thisDay,
    })
  }
  return rows
}

function sameSpeaker(one: Message, other: Message): boolean {
  return (
    one.side === other.side &&
    one.side !== 'system' &&
    one.author?.id === other.author?.id &&
    Date.parse(other.created_at) - Date.parse(one.created_at) < together
  )
}

// A message never changes its day, and long conversations are laid out again with every new page.
const knownDays = new WeakMap<Message, string>()

function dayOf(message: Message): string {
  const known = knownDays.get(message)
  if (known !== undefined) return known
  const at = new Date(message.created_at)
  const day = `${String(at.getFullYear())}-${String(at.getMonth())}-${String(at.getDate())}`
  knownDays.set(message, day)
  return day
}
