import type { Message } from './types'

/** Why a message of our own has not reached the server yet. */
export interface Sending {
  state: 'waiting' | 'uploading' | 'posting' | 'failed'
  /** 0…1 while a file goes up. */
  progress: number
  /** A sentence, when failed. */
  error: string | null
  /** Whether sending it again by itself makes sense (nobody refused it, the server was only out of reach). */
  again: boolean
}

/** A message on the page. */
export interface Entry {
  /** Stays the same when the optimistic message is replaced by the server's, so the row on the screen stays as well. */
  row: string
  message: Message
  /** The number of the socket's event it was known by. */
  asOf: number
  /** Set while the message is ours alone. */
  sending: Sending | null
}

/** A conversation: messages the server knows by their number, then those that are still on their way there. */
export interface Timeline {
  known: readonly Entry[]
  pending: readonly Entry[]
}

export const emptyTimeline: Timeline = { known: [], pending: [] }

/** Puts in messages told by the server; an older telling never overwrites a newer one, a message is never there twice. */
export function merge(timeline: Timeline, messages: readonly Message[], asOf: number): Timeline {
  if (messages.length === 0) return timeline
  const incoming = new Map(messages.map((message) => [message.id, message]))
  const rows = new Map(timeline.pending.map((entry) => [entry.message.key ?? '', entry.row]))
  const known: Entry[] = []
  for (const entry of timeline.known) {
    const message = incoming.get(entry.message.id)
    if (message) incoming.delete(message.id)
    known.push(message && entry.asOf <= asOf ? { ...entry, message, asOf } : entry)
  }
  const fresh = [...incoming.values()].map((message) => ({ row: rows.get(message.key ?? '') ?? rowOf(message), message, asOf, sending: null }))
  const landed = new Set(messages.map((message) => message.key).filter(Boolean))
  return {
    known: fresh.length === 0 ? known : inOrder(known, fresh),
    pending: landed.size === 0 ? timeline.pending : timeline.pending.filter((entry) => !landed.has(entry.message.key)),
  }
}

/** Adds a message the person has just sent. Its number is not known yet, its key is. */
export function addPending(timeline: Timeline, message: Message, sending: Sending): Timeline {
  return { ...timeline, pending: [...timeline.pending, { row: rowOf(message), message, asOf: 0, sending }] }
}

/** Changes the state of a message that is still ours alone; nothing happens when it has landed meanwhile. */
export function changeSending(timeline: Timeline, key: string, change: Partial<Sending>): Timeline {
  return {
    ...timeline,
    pending: timeline.pending.map((entry) =>
      entry.message.key === key && entry.sending ? { ...entry, sending: { ...entry.sending, ...change } } : entry,
    ),
  }
}

/** Forgets a message that was never sent. */
export function dropPending(timeline: Timeline, key: string): Timeline {
  return { ...timeline, pending: timeline.pending.filter((entry) => entry.message.key !== key) }
}

/** The number of the oldest and of the newest message known. */
export function bounds(timeline: Timeline): { oldest: number; newest: number } | null {
  const first = timeline.known[0]
  const last = timeline.known.at(-1)
  return first && last ? { oldest: first.message.id, newest: last.message.id } : null
}

function rowOf(message: Message): string {
  return message.key ? `k${message.key}` : `m${String(message.id)}`
}

// Pages come whole from one side, single messages at the end: both are the cheap cases.
function inOrder(known: Entry[], fresh: Entry[]): Entry[] {
  fresh.sort(byNumber)
  const first = fresh[0]
  const last = fresh.at(-1)
  if (!first || !last) return known
  if ((known.at(-1)?.message.id ?? -Infinity) < first.message.id) return [...known, ...fresh]
  if ((known[0]?.message.id ?? Infinity) > last.message.id) return [...fresh, ...known]
  return [...known, ...fresh].sort(byNumber)
}

function byNumber(one: Entry, other: Entry): number {
  return one.message.id - other.message.id
}
