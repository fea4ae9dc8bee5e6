import { useQuery } from '@tanstack/vue-query'
import { unwrap } from '@/api/client'
import { useServices } from '@/shared/services'
import type { Channel } from '../model/types'

const fresh = 5 * 60_000

/** The account's chat channels, read when first needed. */
export function useChannels() {
  const { api } = useServices()
  return useQuery({
    queryKey: ['directories', 'channels'],
    staleTime: fresh,
    queryFn: async () => {
      const { items } = await unwrap(api.GET('/directories/{name}', { params: { path: { name: 'channels' } } }))
      return items.map((item): Channel => ({ type: '', active: true, write_first: [], ...(item as Partial<Channel>), id: Number(item.id), name: item.name }))
    },
  })
}

/** The employees at UIS, for transfers. */
export function useEmployees() {
  const { api } = useServices()
  return useQuery({
    queryKey: ['directories', 'uis-employees'],
    staleTime: fresh,
    queryFn: async () => {
      const { items } = await unwrap(api.GET('/directories/{name}', { params: { path: { name: 'uis-employees' } } }))
      return items.map((item) => ({ id: Number(item.id), name: item.name }))
    },
  })
}
