import { defineStore } from 'pinia'
import { computed, reactive, ref, shallowRef } from 'vue'
import { unwrap, type Schemas } from '@/api/client'
import { useServices } from '@/shared/services'
import { byActivity, dropChat, putChats, type ChatTable } from '../model/chatTable'
import { complete, listNames, moved } from '../model/lists'
import type { Chat, Counters, EntityType, ListName, SharedChat } from '../model/types'
import { useMe } from './me'

/** How far one list was read. */
interface View {
  /** What the server answered for the present filter; with a search only these are shown. */
  ids: Set<number>
  next: string | null
  loaded: boolean
  loading: boolean
  error: unknown
}

export type ViewName = ListName | 'card'

/** All chats the page knows, and the lists over them (W1, W2). */
export const useChats = defineStore('chats', () => {
  const { api, boot, live, t } = useServices()
  const person = useMe()

  const table = shallowRef<ChatTable>(new Map())
  const counters = ref<Counters>({ new: 0, mine: 0, others: 0, closed: 0, unread: 0 })
  const views = reactive(Object.fromEntries([...listNames, 'card'].map((name) => [name, emptyView()])) as Record<ViewName, View>)
  const list = ref<ListName>('mine')
  const query = ref('')
  const channel = ref<number | null>(null)

  const { entity_type, entity_id } = boot.context
  /** The CRM card this page is a tab of (W1). */
  const card = entity_type && entity_id ? { type: entity_type as EntityType, id: entity_id } : null
  /** Contact data of that card, to prefill a new chat. */
  const cardClient = shallowRef<Schemas['CardClient'] | null>(null)

  const ordered = computed(() => [...table.value.values()].map((known) => known.chat).sort(byActivity))
  const rights = computed(() => person.me?.rights ?? [])
  const visibleLists = computed(() => listNames.filter((name) => name !== 'others' || rights.value.includes('chats_others')))

  function inList(name: ViewName): Chat[] {
    const view = views[name]
    return ordered.value.filter((chat) => {
      if (name === 'card') return view.ids.has(chat.id) || ofCard(chat)
      if (chat.list !== name) return false
      if (channel.value !== null && chat.channel.id !== channel.value) return false
      return query.value === '' || view.ids.has(chat.id)
    })
  }

  function ofCard(chat: Chat): boolean {
    if (chat.entities.some((entity) => entity.type === card?.type && entity.id === card.id)) return true
    return chat.client.id !== null && [...views.card.ids].some((id) => get(id)?.client.id === chat.client.id)
  }

  function get(id: number): Chat | undefined {
    return table.value.get(id)?.chat
  }

  async function load(name: ViewName, more = false): Promise<void> {
    const view = views[name]
    if (view.loading || (more && !view.next)) return
    const filter = { q: query.value || undefined, channel: channel.value ?? undefined }
    const where = name === 'card' ? { entity_type: card?.type, entity_id: card?.id } : { list: name, ...filter }
    view.loading = true
    view.error = null
    const asOf = live().asOf()
    try {
      const page = await unwrap(api.GET('/chats', { params: { query: { ...where, cursor: more ? (view.next ?? undefined) : undefined } } }))
      if (name !== 'card' && !sameFilter(filter)) return
      if (!more) view.ids = new Set()
      for (const chat of page.items) view.ids.add(chat.id)
      view.next = page.next
      view.loaded = true
      counters.value = page.counters
      cardClient.value = page.card ?? cardClient.value
      table.value = putChats(table.value, page.items, asOf)
    } catch (reason) {
      view.error = reason
    } finally {
      view.loading = false
      // The person typed on while this was under way.
      if (name !== 'card' && !sameFilter(filter)) void load(name)
    }
  }

  function sameFilter(filter: { q?: string; channel?: number }): boolean {
    return filter.q === (query.value || undefined) && filter.channel === (channel.value ?? undefined)
  }

  /** Reads the shown list again after the filter changed, or everything after a gap in the live updates. */
  async function refresh(): Promise<void> {
    for (const name of listNames) Object.assign(views[name], { ...emptyView(), loading: views[name].loading })
    await load(card ? 'card' : list.value)
  }

  async function show(name: ListName): Promise<void> {
    list.value = name
    if (!views[name].loaded) await load(name)
  }

  /** Reads one chat; used when it is opened by its number and when what may be done with it has changed. */
  async function fetch(id: number): Promise<Chat> {
    const asOf = live().asOf()
    const chat = await unwrap(api.GET('/chats/{id}', { params: { path: { id } } }))
    put(chat, asOf)
    return chat
  }

  function put(chat: Chat, asOf: number): void {
    const before = get(chat.id)?.list ?? null
    table.value = putChats(table.value, [chat], asOf)
    counters.value = moved(counters.value, before, get(chat.id)?.list ?? null)
  }

  /** Takes in a chat told by the socket. Answers false when the counters can no longer be kept by counting along. */
  function hear(shared: SharedChat, seq: number, added: boolean): boolean {
    const { me } = person
    if (!me) return false
    const known = table.value.get(shared.id)
    if (known && known.asOf > seq) return true
    const chat = complete(shared, me, (why) => t(`workplace.why.${why}`))
    const before = known?.chat.list ?? null
    table.value = chat ? putChats(table.value, [chat], seq) : dropChat(table.value, shared.id)
    if (!known && !added) return false
    counters.value = moved(counters.value, before, chat?.list ?? null)
    return true
  }

  return { table, counters, views, list, query, channel, card, cardClient, visibleLists, inList, get, load, refresh, show, fetch, put, hear }
})

function emptyView(): View {
  return { ids: new Set(), next: null, loaded: false, loading: false, error: null }
}
