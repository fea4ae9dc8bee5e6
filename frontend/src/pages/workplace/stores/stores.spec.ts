import { createPinia, type Pinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp } from 'vue'
import { makeApi } from '@/api/client'
import { servicesKey, type Services } from '@/shared/services'
import type { Session } from '@/shared/session'
import type { Chat, Me, Message, SharedChat } from '../model/types'
import { useChats } from './chats'
import { useConversations } from './conversations'
import { useMe } from './me'
import { useSending } from './sending'

type Answer = (request: { method: string; path: string; query: URLSearchParams; body: Record<string, unknown> }) => unknown

let pinia: Pinia
let answer: Answer
let asked: string[]
let seq: number

const me = { user: 14, account: 1, rights: ['chats', 'chats_others'], employee: { id: 301, name: 'Ирина' } } as unknown as Me
const chat = (id: number, state: Chat['state'], employee: Chat['employee'] = null): Chat =>
  ({ id, state, employee, list: 'new', can: {}, channel: { id: 20 }, client: { id, name: 'Анна' }, unread: 0, entities: [], changed_at: `2026-11-24T09:00:${String(id).padStart(2, '0')}Z` }) as unknown as Chat
const message = (id: number, more: Partial<Message> = {}): Message =>
  ({ id, chat: 5, key: null, side: 'client', kind: 'text', text: `text ${String(id)}`, status: 'received', created_at: '2026-11-24T09:00:00Z', ...more })
const counters = { new: 1, mine: 0, others: 0, closed: 0, unread: 0 }

beforeEach(() => {
  asked = []
  seq = 100
  vi.stubGlobal('fetch', async (request: Request) => {
    const url = new URL(request.url)
    asked.push(`${request.method} ${url.pathname}`)
    const text = await request.text()
    const body = (text ? JSON.parse(text) : {}) as Record<string, unknown>
    return new Response(JSON.stringify(await answer({ method: request.method, path: url.pathname, query: url.searchParams, body })), { headers: { 'content-type': 'application/json' } })
  })
  const session = { current: () => Promise.resolve('token'), renew: () => Promise.resolve('token') } as unknown as Session
  const services = {
    boot: { api: 'http://test', context: {} }, session, api: makeApi('http://test', session), t: (key: string) => key, language: 'ru',
    live: () => ({ asOf: () => seq }),
  } as unknown as Services
  pinia = createPinia()
  const app = createApp({})
  app.provide(servicesKey, services)
  app.use(pinia)
  useMe(pinia).me = me
})

afterEach(() => { vi.unstubAllGlobals() })

describe('chats', () => {
  it('move between lists and counters as the socket tells, never back in time (W2)', async () => {
    answer = () => ({ items: [chat(1, 'new')], next: null, counters })
    const chats = useChats(pinia)
    await chats.show('new')
    expect(chats.inList('new').map((one) => one.id)).toEqual([1])
    const taken = { ...chat(1, 'work', { id: 301, name: 'Ирина' }), list: undefined, can: undefined } as SharedChat
    expect(chats.hear(taken, 105, false)).toBe(true)
    expect(chats.inList('new')).toEqual([])
    expect(chats.inList('mine')[0]).toMatchObject({ list: 'mine', can: { write: true } })
    expect(chats.counters).toMatchObject({ new: 0, mine: 1 })
    expect(chats.hear({ ...taken, state: 'new', employee: null }, 104, false)).toBe(true)
    expect(chats.inList('mine')).toHaveLength(1)
  })

  it('ask to be counted again after a change of a chat nobody has read', () => {
    const chats = useChats(pinia)
    expect(chats.hear(chat(9, 'work', { id: 302, name: 'Олег' }), 105, false)).toBe(false)
    expect(chats.hear(chat(10, 'new'), 106, true)).toBe(true)
    expect(chats.counters.new).toBe(1)
  })

  it('forget the answer to a search the person has typed on from', async () => {
    const chats = useChats(pinia)
    chats.query = 'ан'
    answer = ({ query }) => {
      if (query.get('q') === 'ан') chats.query = 'анна'
      return { items: [chat(query.get('q') === 'анна' ? 2 : 1, 'new')], next: null, counters }
    }
    await chats.load('new')
    await vi.waitFor(() => { expect(chats.inList('new').map((one) => one.id)).toEqual([2]) })
  })

  it('keep chats in order of activity and read on by cursor', async () => {
    answer = ({ query }) => (query.get('cursor') ? { items: [chat(1, 'new')], next: null, counters } : { items: [chat(3, 'new'), chat(2, 'new')], next: 'c', counters })
    const chats = useChats(pinia)
    await chats.load('new')
    await chats.load('new', true)
    await chats.load('new', true)
    expect(chats.inList('new').map((one) => one.id)).toEqual([3, 2, 1])
    expect(asked).toHaveLength(2)
  })
})

describe('conversations', () => {
  it('read back page by page and put live messages at the end', async () => {
    answer = ({ query }) => (query.get('before') ? { items: [message(1), message(2)], next: null } : { items: [message(3), message(4)], next: 3 })
    const conversations = useConversations(pinia)
    await conversations.load(5)
    conversations.hear(message(5), 101)
    await conversations.load(5, true)
    await conversations.load(5, true)
    expect(conversations.of(5).timeline.known.map((entry) => entry.message.id)).toEqual([1, 2, 3, 4, 5])
    expect(asked).toHaveLength(2)
  })

  it('keep only the newest page when a gap would open', async () => {
    answer = () => ({ items: [message(1), message(2)], next: null })
    const conversations = useConversations(pinia)
    await conversations.load(5)
    answer = () => ({ items: [message(60), message(61)], next: 60 })
    await conversations.refresh(5)
    expect(conversations.of(5).timeline.known.map((entry) => entry.message.id)).toEqual([60, 61])
    expect(conversations.of(5).before).toBe(60)
  })
})

describe('sending (X2)', () => {
  const pending = () => useConversations(pinia).of(5).timeline.pending
  const known = () => useConversations(pinia).of(5).timeline.known

  it('shows the message at once and lets the echo of the socket come first', async () => {
    const conversations = useConversations(pinia)
    answer = ({ body }) => {
      conversations.hear(message(7, { key: body.id as string, side: 'operator', status: 'sent' }), 101)
      return message(7, { key: body.id as string, side: 'operator', status: 'queued' })
    }
    useSending(pinia).send(5, 'Здравствуйте', [], null)
    expect(pending()[0]?.message).toMatchObject({ text: 'Здравствуйте', status: 'queued', side: 'operator' })
    await vi.waitFor(() => { expect(pending()).toHaveLength(0) })
    expect(known().map((entry) => [entry.message.id, entry.message.status])).toEqual([[7, 'sent']])
  })

  it('goes off again by itself when the connection is back, with the same key', async () => {
    const keys: unknown[] = []
    answer = ({ body }) => {
      keys.push(body.id)
      if (keys.length === 1) throw new TypeError('no network')
      return message(7, { key: body.id as string, side: 'operator', status: 'queued' })
    }
    const sending = useSending(pinia)
    sending.send(5, 'Здравствуйте', [], null)
    await vi.waitFor(() => { expect(pending()[0]?.sending).toMatchObject({ state: 'failed', error: 'error.unreachable', again: true }) })
    sending.resume()
    await vi.waitFor(() => { expect(known()).toHaveLength(1) })
    expect(keys[0]).toBe(keys[1])
    sending.resume()
    expect(asked).toHaveLength(2)
  })

  it('keeps the order in which messages were sent', async () => {
    const texts: unknown[] = []
    answer = async ({ body }) => {
      await new Promise((resolve) => setTimeout(resolve, body.text === 'one' ? 20 : 0))
      texts.push(body.text)
      return message(texts.length, { key: body.id as string, side: 'operator' })
    }
    const sending = useSending(pinia)
    for (const text of ['one', 'two', 'three']) sending.send(5, text, [], null)
    await vi.waitFor(() => { expect(texts).toEqual(['one', 'two', 'three']) })
  })
})
