import type { Abilities, Chat, Counters, ListName, Me, SharedChat } from './types'

export const listNames = ['new', 'mine', 'others', 'closed'] as const satisfies readonly ListName[]

/** Where a chat stands for this person; null when the person may not see it (W2, W9). */
export function listOf(chat: Pick<SharedChat, 'state' | 'employee'>, me: Me): ListName | null {
  if (chat.state === 'new') return 'new'
  const seesOthers = me.rights.includes('chats_others')
  if (chat.state === 'closed' || chat.state === 'failed') return leads(chat, me) || !chat.employee || seesOthers ? 'closed' : null
  if (leads(chat, me)) return 'mine'
  return seesOthers ? 'others' : null
}

/** Codes of why a person may not write; their texts are `workplace.why.{code}`. */
export type WhyNot = 'no_match' | 'accept_first' | 'led_by_other' | 'closed' | 'starting' | 'failed'

/** What the person may do with the chat, as far as the page can tell by itself. */
export interface OwnAbilities extends Omit<Abilities, 'why_not'> {
  why: WhyNot | null
}

const nothing = { accept: false, write: false, close: false, transfer: false }

/** The same rules as the server's; the server has the last word in any case. */
export function abilitiesOf(chat: Pick<SharedChat, 'state' | 'employee'>, me: Me): OwnAbilities {
  if (!me.employee) return { ...nothing, why: 'no_match' }
  switch (chat.state) {
    case 'new':
      return { ...nothing, accept: true, why: 'accept_first' }
    case 'starting':
      return { ...nothing, why: 'starting' }
    case 'failed':
      return { ...nothing, why: 'failed' }
    case 'closed':
      return { ...nothing, why: 'closed' }
    case 'work':
      return leads(chat, me) ? { accept: false, write: true, close: true, transfer: true, why: null } : { ...nothing, why: 'led_by_other' }
  }
}

/** Completes a chat that came over the socket. `say` turns a code into a sentence. */
export function complete(chat: SharedChat, me: Me, say: (why: WhyNot) => string): Chat | null {
  const list = listOf(chat, me)
  if (!list) return null
  const { why, ...can } = abilitiesOf(chat, me)
  return { ...chat, list, can: { ...can, why_not: why ? { code: why, text: say(why) } : null } }
}

/** The counters after a chat moved from one list to another; null stands for "not in my lists". */
export function moved(counters: Counters, from: ListName | null, to: ListName | null): Counters {
  if (from === to) return counters
  const next = { ...counters }
  if (from) next[from] = Math.max(0, next[from] - 1)
  if (to) next[to] += 1
  return next
}

function leads(chat: Pick<SharedChat, 'employee'>, me: Me): boolean {
  return Boolean(me.employee) && chat.employee?.id === me.employee?.id
}
