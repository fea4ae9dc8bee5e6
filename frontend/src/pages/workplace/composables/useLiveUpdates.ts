import { onScopeDispose, reactive, watch } from 'vue'
import { useServices } from '@/shared/services'
import type { Message, SharedChat } from '../model/types'
import { useChats } from '../stores/chats'
import { useConversations } from '../stores/conversations'
import { useMe } from '../stores/me'
import { useSending } from '../stores/sending'

export interface LiveUpdatesOptions {
  /** The chat on the screen. */
  open: () => number | null
  /** Told of each new message, after the stores know it. */
  arrived: (message: Message) => void
}

const recountAfter = 1_000
const typingFor = 5_000

/** Carries what the socket tells into the stores: one table from event name to what it does. */
export function useLiveUpdates({ open, arrived }: LiveUpdatesOptions) {
  const live = useServices().live()
  const person = useMe()
  const chats = useChats()
  const conversations = useConversations()
  const sending = useSending()
  /** Chats a colleague is typing in just now, with his name. */
  const typing = reactive(new Map<number, string>())
  const typingTimers = new Map<number, ReturnType<typeof setTimeout>>()
  // Where a chat belongs cannot be said before it is known who is looking.
  const early: (() => void)[] = []
  let recount: ReturnType<typeof setTimeout> | undefined
  let listsRead = false

  const table: Record<string, (data: never, seq: number) => void> = {
    'chat.added': ({ chat }: { chat: SharedChat }, seq) => { hearChat(chat, seq, true) },
    'chat.changed': ({ chat }: { chat: SharedChat }, seq) => { hearChat(chat, seq, false) },
    'message.added': ({ message }: { message: Message }, seq) => {
      conversations.hear(message, seq)
      touch(message, seq)
      stopTyping(message.chat)
      arrived(message)
    },
    'message.changed': ({ message }: { message: Message }, seq) => {
      conversations.hear(message, seq)
      touch(message, seq)
    },
  }

  function hearChat(chat: SharedChat, seq: number, added: boolean): void {
    const before = chats.get(chat.id)
    if (!chats.hear(chat, seq, added)) recountSoon()
    const after = chats.get(chat.id)
    // What may be done with the open chat is known best by the server.
    const other = before?.state !== after?.state || before?.employee?.id !== after?.employee?.id
    if (other && after && chat.id === open()) void chats.fetch(chat.id).catch(() => undefined)
  }

  /** The list shows the last message even before the chat itself is told again. */
  function touch(message: Message, seq: number): void {
    const chat = chats.get(message.chat)
    if (!chat) return
    const last = chat.last_message?.id ?? 0
    if (message.id < last) return
    const added = message.id > last
    const unread = chat.unread + (added && message.side === 'client' ? 1 : 0)
    chats.put({ ...chat, last_message: message, unread, changed_at: added ? message.created_at : chat.changed_at }, seq)
  }

  function recountSoon(): void {
    recount ??= setTimeout(() => {
      recount = undefined
      void chats.load(chats.card ? 'card' : chats.list)
    }, recountAfter)
  }

  function stopTyping(chat: number): void {
    clearTimeout(typingTimers.get(chat))
    typing.delete(chat)
  }

  async function readAgain(): Promise<void> {
    await Promise.all([chats.refresh(), conversations.refresh(open())])
  }

  const offs = Object.entries(table).map(([name, handle]) =>
    live.on(name, (data, seq) => {
      const work = () => { handle(data as never, seq) }
      if (person.me) work()
      else early.push(work)
    }),
  )
  offs.push(
    live.onReload(() => {
      chats.table = new Map()
      void readAgain()
    }),
    live.onReady((resumed) => {
      if (!resumed && listsRead) void readAgain()
      sending.resume()
    }),
    live.onTyping((chat, { user, name }) => {
      // The same person's other pages say nothing new.
      if (user === person.me?.user) return
      clearTimeout(typingTimers.get(chat))
      typing.set(chat, typeof name === 'string' ? name : '')
      typingTimers.set(chat, setTimeout(() => typing.delete(chat), typingFor))
    }),
  )
  watch(
    () => person.me,
    (me) => {
      if (me) for (const work of early.splice(0)) work()
    },
  )
  onScopeDispose(() => {
    offs.forEach((off) => { off() })
    clearTimeout(recount)
  })

  return {
    typing,
    /** From now on a connection that did not resume means that something may have been missed. */
    read: () => { listsRead = true },
  }
}
