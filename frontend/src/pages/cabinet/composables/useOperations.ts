import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { unwrap, type Schemas } from '@/api/client'
import { useServices } from '@/shared/services'
import { nextLook } from '../model/lanes'
import { queryOf, type Filters } from '../model/requests'

export type AsideEvent = Schemas['Aside']

/** The lanes, asked for again and again while somebody can see them: not in a hidden window, and less often when the server does not answer. */
export function useLanes() {
  const { api } = useServices()
  return useQuery({
    queryKey: ['lanes'],
    staleTime: 0,
    retry: false,
    queryFn: async () => (await unwrap(api.GET('/operations/lanes'))).items,
    refetchInterval: (query) => nextLook(query.state.status === 'error' ? query.state.errorUpdateCount : 0),
    refetchIntervalInBackground: false,
  })
}

/** The log of requests, page by page. */
export function useRequests(filters: Ref<Filters>) {
  const { api } = useServices()
  const client = useQueryClient()
  const asked = computed(() => queryOf(filters.value))
  const list = useInfiniteQuery({
    queryKey: ['requests', asked],
    staleTime: 0,
    gcTime: 0,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => unwrap(api.GET('/operations/requests', { params: { query: { ...asked.value, cursor: pageParam } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  })
  return {
    list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
    /** From the newest on; the pages that were read are not read again one by one. */
    again: () => client.resetQueries({ queryKey: ['requests'] }),
  }
}

/** What came in and was set aside, page by page. */
export function useEvents() {
  const { api } = useServices()
  const list = useInfiniteQuery({
    queryKey: ['events'],
    staleTime: 0,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => unwrap(api.GET('/operations/events', { params: { query: { cursor: pageParam } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  })
  return { list, items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []) }
}

/** Who changed what and when, page by page: versions of the settings and what is changed beside them. */
export function useHistory() {
  const { api } = useServices()
  const list = useInfiniteQuery({
    queryKey: ['history'],
    staleTime: 0,
    gcTime: 0,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => unwrap(api.GET('/history', { params: { query: { cursor: pageParam } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  })
  return { list, items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []) }
}

/** One request with what was asked and answered. */
export function useRequest(id: string, open: Ref<boolean>) {
  const { api } = useServices()
  return useQuery({ queryKey: ['request', id], enabled: open, staleTime: Infinity, queryFn: () => unwrap(api.GET('/operations/requests/{id}', { params: { path: { id } } })) })
}
