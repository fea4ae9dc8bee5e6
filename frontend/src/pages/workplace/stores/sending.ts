import { defineStore } from 'pinia'
import { watch } from 'vue'
import { unwrap } from '@/api/client'
import { Problem, SessionOver, Unreachable, words } from '@/shared/problem'
import { useServices } from '@/shared/services'
import { kindOf } from '../model/look'
import { addPending, changeSending, dropPending } from '../model/timeline'
import type { Message } from '../model/types'
import { useAttachments, type Attachment } from './attachments'
import { useConversations } from './conversations'
import { useMe } from './me'

interface Outgoing {
  key: string
  chat: number
  text: string
  attachment: Attachment | null
  replyTo: Message | null
}

/** Sends messages. Each has a key made here, so sending it again, by hand or by itself, can never double it. */
export const useSending = defineStore('sending', () => {
  const { api, live, t } = useServices()
  const conversations = useConversations()
  const attachments = useAttachments()
  const person = useMe()
  const waiting = new Map<string, Outgoing>()
  const turns = new Map<number, Promise<unknown>>()

  function send(chat: number, text: string, files: Attachment[], replyTo: Message | null): void {
    const parts = files.length === 0 ? [null] : files
    for (const [i, attachment] of parts.entries()) {
      const out: Outgoing = { key: crypto.randomUUID(), chat, text: i === 0 ? text : '', attachment, replyTo: i === 0 ? replyTo : null }
      waiting.set(out.key, out)
      const sending = { state: 'waiting', progress: 0, error: null, again: false } as const
      conversations.change(chat, (timeline) => addPending(timeline, optimistic(out), sending))
      void deliver(out)
    }
  }

  async function deliver(out: Outgoing): Promise<void> {
    const state = (change: Parameters<typeof changeSending>[2]) => {
      conversations.change(out.chat, (timeline) => changeSending(timeline, out.key, change))
    }
    try {
      const file = out.attachment ? await uploadFor(out.attachment, state) : undefined
      state({ state: 'posting', error: null })
      await inTurn(out.chat, () => post(out, file))
      waiting.delete(out.key)
      if (out.attachment) attachments.remove(out.attachment)
    } catch (error) {
      state({ state: 'failed', error: words(error, t), again: mayHelp(error) })
    }
  }

  async function uploadFor(attachment: Attachment, state: (change: { state?: 'uploading'; progress?: number; error?: null }) => void): Promise<number> {
    if (!attachment.uploaded) state({ state: 'uploading', error: null })
    const off = watch(() => attachment.progress, (progress) => { state({ progress }) })
    try {
      return (await attachments.uploaded(attachment)).file
    } finally {
      off()
    }
  }

  /** Messages of one chat reach the server in the order they were sent; a file that is still going up holds nobody back. */
  function inTurn<T>(chat: number, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(chat) ?? Promise.resolve()).then(work, work)
    turns.set(chat, turn)
    return turn
  }

  async function post(out: Outgoing, file: number | undefined): Promise<void> {
    const asOf = live().asOf()
    const body = { id: out.key, text: out.text || undefined, file, reply_to: out.replyTo?.id }
    const message = await unwrap(api.POST('/chats/{id}/messages', { params: { path: { id: out.chat } }, body }))
    conversations.hear(message, asOf)
  }

  function optimistic(out: Outgoing): Message {
    const file = out.attachment?.file
    return {
      id: 0,
      chat: out.chat,
      key: out.key,
      side: 'operator',
      author: person.me?.employee ?? null,
      kind: file ? kindOf(file.type) : 'text',
      text: out.text,
      file: file ? { id: null, name: file.name, size: file.size, mime: file.type, state: 'coming', url: out.attachment?.preview ?? null } : null,
      reply_to: out.replyTo ? { id: out.replyTo.id, text: out.replyTo.text || (out.replyTo.file?.name ?? ''), side: out.replyTo.side, author: out.replyTo.author?.name } : null,
      status: 'queued',
      reason: null,
      created_at: new Date().toISOString(),
    }
  }

  /** Sends again what did not reach the server. */
  function again(key: string): void {
    const out = waiting.get(key)
    if (out) void deliver(out)
  }

  /** Gives up a message that did not reach the server. */
  function giveUp(chat: number, key: string): void {
    const out = waiting.get(key)
    if (out?.attachment) attachments.remove(out.attachment)
    waiting.delete(key)
    conversations.change(chat, (timeline) => dropPending(timeline, key))
  }

  /** The connection is back: what only failed to reach the server goes off by itself. */
  function resume(): void {
    for (const [key, out] of waiting) {
      const entry = conversations.of(out.chat).timeline.pending.find((one) => one.message.key === key)
      if (entry?.sending?.state === 'failed' && entry.sending.again) void deliver(out)
    }
  }

  /** Asks the server to send a message again that failed, or of which nobody knows whether it arrived. */
  async function retry(message: Message): Promise<void> {
    const asOf = live().asOf()
    const path = { id: message.chat, message: message.id }
    const call = api.POST('/chats/{id}/messages/{message}/retry', { params: { path }, body: { id: crypto.randomUUID() } })
    conversations.hear(await unwrap(call), asOf)
  }

  return { send, again, giveUp, resume, retry }
})

function mayHelp(error: unknown): boolean {
  return error instanceof Unreachable || error instanceof SessionOver || (error instanceof Problem && error.status >= 500)
}
