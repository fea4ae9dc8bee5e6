import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, onScopeDispose, ref } from 'vue'
import { unwrap } from '@/api/client'
import { useServices } from '@/shared/services'
import { hereOf, optionsOf, phaseOf } from '../model/lines'

/** How often a choice that the portal has not confirmed is looked at, as a socket may be blocked. */
const lookEvery = 3_000

/** The line of this page: what it carries, what it may carry, and the change of it. */
export function useLine(id: number) {
  const { api, live } = useServices()
  const client = useQueryClient()
  const key = ['lines']
  const me = useQuery({ queryKey: ['me'], queryFn: () => unwrap(api.GET('/me')) })
  const lines = useQuery({
    queryKey: key,
    queryFn: () => unwrap(api.GET('/lines', { params: { query: { fresh: 1 } } })),
    refetchInterval: (query) => (query.state.data && phaseOf(query.state.data, hereOf(query.state.data, id), false) === 'waiting' ? lookEvery : false),
  })
  const changing = ref(false)
  const line = computed(() => (lines.data.value ? hereOf(lines.data.value, id) : null))
  const phase = computed(() => (lines.data.value && line.value ? phaseOf(lines.data.value, line.value, changing.value) : null))
  const options = computed(() => (lines.data.value && line.value ? optionsOf(lines.data.value, line.value, me.data.value?.portal ?? lines.data.value.portal) : []))
  const again = () => client.invalidateQueries({ queryKey: key })

  const connect = useMutation({
    mutationFn: (channel: number) => unwrap(api.PUT('/lines/{line}', { params: { path: { line: id } }, body: { channel, id: crypto.randomUUID() } })),
    onSuccess: async () => {
      await again()
      changing.value = false
    },
    onError: again,
  })
  const release = useMutation({
    mutationFn: () => unwrap(api.DELETE('/lines/{line}', { params: { path: { line: id } } })),
    onSettled: again,
  })
  onScopeDispose(live().on('line.changed', () => void again()))
  return { lines, line, phase, options, changing, connect, release }
}
