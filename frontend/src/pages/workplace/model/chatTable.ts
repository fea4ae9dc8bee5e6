import type { Chat } from './types'

/** A chat with the number of the socket's event it was known by: what is older never overwrites what is newer. */
export interface KnownChat {
  chat: Chat
  asOf: number
}

export type ChatTable = ReadonlyMap<number, KnownChat>

/** The table with the chats put in; the same table when nothing was newer. */
export function putChats(table: ChatTable, chats: readonly Chat[], asOf: number): ChatTable {
  const next = new Map(table)
  let changed = false
  for (const chat of chats) {
    const known = next.get(chat.id)
    if (known && known.asOf > asOf) continue
    next.set(chat.id, { chat, asOf })
    changed = true
  }
  return changed ? next : table
}

/** The table without one chat. */
export function dropChat(table: ChatTable, id: number): ChatTable {
  if (!table.has(id)) return table
  const next = new Map(table)
  next.delete(id)
  return next
}

/** Newest activity first, as the server orders its lists. */
export function byActivity(one: Chat, other: Chat): number {
  return Date.parse(other.changed_at) - Date.parse(one.changed_at) || other.id - one.id
}
