import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, onScopeDispose, type Ref } from 'vue'
import { unwrap } from '@/api/client'
import { useServices } from '@/shared/services'
import { queryOf, refOfEvent, unique, type CallFilter, type Kind } from '../model/communications'

/** Communications of a kind, page by page, newest first; calls as far as they pass the filter. */
export function useCommunications(kind: Ref<Kind>, text: Ref<string>, filter: Ref<CallFilter>) {
  const { api } = useServices()
  const client = useQueryClient()
  const narrowed = computed(() => queryOf(kind.value, filter.value))
  const list = useInfiniteQuery({
    queryKey: ['communications', kind, text, narrowed],
    staleTime: 0,
    gcTime: 0,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => unwrap(api.GET('/communications', { params: { query: { kind: kind.value, q: text.value || undefined, cursor: pageParam, ...narrowed.value } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  })
  return {
    list,
    items: computed(() => unique(list.data.value?.pages.flatMap((page) => page.items) ?? [])),
    /** From the newest on; the pages that were read are not read again one by one. */
    again: () => client.resetQueries({ queryKey: ['communications'] }),
  }
}

/** One communication with everything that is told of it. */
export function useWhy(ref: Ref<string>) {
  const { api } = useServices()
  return useQuery({ queryKey: ['why', ref], staleTime: 0, queryFn: () => unwrap(api.GET('/communications/{ref}', { params: { path: { ref: ref.value } } })) })
}

/** What comes in a burst is read once. */
const calm = 1_500

/** Reads again what the socket says has changed: the list as long as only its first page is there, and the communication that is looked at. */
export function useCommunicationsLive(chosen: Ref<string | null>): void {
  const client = useQueryClient()
  const live = useServices().live()
  const changed = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const read = () => {
    timer = undefined
    void client.invalidateQueries({ queryKey: ['communications'], predicate: (query) => ((query.state.data as { pages?: unknown[] } | undefined)?.pages?.length ?? 0) <= 1 })
    if (chosen.value && changed.has(chosen.value)) void client.invalidateQueries({ queryKey: ['why'] })
    changed.clear()
  }
  const hear = (data: unknown) => {
    const ref = refOfEvent(data)
    if (ref) changed.add(ref)
    timer ??= setTimeout(read, calm)
  }
  const offs = ['chat.added', 'chat.changed', 'call.changed'].map((name) => live.on(name, hear))
  onScopeDispose(() => {
    clearTimeout(timer)
    offs.forEach((off) => { off() })
  })
}
