import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { unwrap } from '@/api/client'
import { useServices } from '@/shared/services'
import { bounds, emptyTimeline, merge, type Timeline } from '../model/timeline'
import type { Message } from '../model/types'

export interface Conversation {
  timeline: Timeline
  /** What to pass as `before` for older messages; null when there are none. */
  before: number | null
  loaded: boolean
  loading: boolean
  error: unknown
  /** The first message that was not read when the chat was opened. */
  unreadFrom: number | null
}

const kept = 20

/** The conversations opened lately, each read page by page and kept up by live updates. */
export const useConversations = defineStore('conversations', () => {
  const { api, live } = useServices()
  const all = shallowReactive(new Map<number, Conversation>())

  function of(chat: number): Conversation {
    let conversation = all.get(chat)
    if (!conversation) {
      conversation = shallowReactive<Conversation>({ timeline: emptyTimeline, before: null, loaded: false, loading: false, error: null, unreadFrom: null })
      all.set(chat, conversation)
      forgetOldest()
    }
    return conversation
  }

  function forgetOldest(): void {
    for (const [chat, conversation] of all) {
      if (all.size <= kept) return
      if (conversation.timeline.pending.length === 0) all.delete(chat)
    }
  }

  /** Reads the newest page, or the page before what is known. */
  async function load(chat: number, older = false): Promise<void> {
    const conversation = of(chat)
    if (conversation.loading || (older && conversation.before === null)) return
    conversation.loading = true
    conversation.error = null
    const asOf = live().asOf()
    const before = older ? (conversation.before ?? undefined) : undefined
    try {
      const page = await unwrap(api.GET('/chats/{id}/messages', { params: { path: { id: chat }, query: { before, limit: 50 } } }))
      take(conversation, page.items, page.next, asOf, older)
    } catch (reason) {
      conversation.error = reason
    } finally {
      conversation.loading = false
    }
  }

  function take(conversation: Conversation, messages: Message[], next: number | null, asOf: number, older: boolean): void {
    const known = bounds(conversation.timeline)
    const first = messages[0]?.id
    // The newest page no longer touches what is known: keep only the page, older ones are read again when scrolled to.
    const gap = !older && known !== null && first !== undefined && first > known.newest && next !== null
    const base = gap ? { ...conversation.timeline, known: [] } : conversation.timeline
    conversation.timeline = merge(base, messages, asOf)
    if (older || gap || !conversation.loaded) conversation.before = next
    conversation.loaded = true
  }

  /** Takes in a message told by the socket or by an answer; conversations that are not open do not care. */
  function hear(message: Message, asOf: number): void {
    const conversation = all.get(message.chat)
    if (conversation && (conversation.loaded || conversation.timeline.pending.length > 0)) conversation.timeline = merge(conversation.timeline, [message], asOf)
  }

  function change(chat: number, change: (timeline: Timeline) => Timeline): void {
    const conversation = of(chat)
    conversation.timeline = change(conversation.timeline)
  }

  /** After a gap in the live updates: what is open is read again, the rest when it is opened. */
  async function refresh(open: number | null): Promise<void> {
    for (const [chat, conversation] of all) {
      if (chat !== open && conversation.timeline.pending.length === 0) all.delete(chat)
    }
    if (open !== null) await load(open)
  }

  return { all, of, load, hear, change, refresh }
})
