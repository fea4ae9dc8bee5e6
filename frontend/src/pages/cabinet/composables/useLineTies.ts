import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, inject, provide, ref, type InjectionKey } from 'vue'
import { unwrap } from '@/api/client'
import { useServices } from '@/shared/services'
import { read } from '../model/settings'
import { useForm } from './useSettingsForm'

/** The choices made on this page: what the socket tells of them is no news here (P6). */
const ownKey: InjectionKey<Set<string>> = Symbol('own choices')

export function provideOwnChoices(): Set<string> {
  const own = new Set<string>()
  provide(ownKey, own)
  return own
}

/** The lines of the portal that the saved settings work with, read from the portal once the page shows what was read before. */
export function useLineTies() {
  const { api } = useServices()
  const client = useQueryClient()
  const form = useForm()
  const own = inject(ownKey, () => new Set<string>(), true)
  const portal = computed(() => (form.base.value ? ((read(form.base.value, '/lines/portal') ?? read(form.base.value, '/main/portal')) as number | null) : null))
  const query = computed(() => (portal.value === null ? {} : { portal: portal.value }))
  const asked = ref(false)
  const lines = useQuery({
    queryKey: ['lines', portal],
    queryFn: async () => {
      const list = await unwrap(api.GET('/lines', { params: { query: query.value } }))
      if (!asked.value) {
        asked.value = true
        void renew()
      }
      return list
    },
  })
  async function renew() {
    const fresh = await unwrap(api.GET('/lines', { params: { query: { ...query.value, fresh: 1 as const } } })).catch(() => null)
    if (fresh) client.setQueryData(['lines', portal.value], fresh)
  }

  /** Which line waits for the portal, and what it answered last. */
  const busy = ref<number | null>(null)
  const choose = useMutation({
    mutationFn: async ({ line, channel }: { line: number; channel: number | null }) => {
      busy.value = line
      const id = crypto.randomUUID()
      own.add(id)
      if (channel === null) await unwrap(api.DELETE('/lines/{line}', { params: { path: { line }, query: { ...query.value, id } } }))
      else await unwrap(api.PUT('/lines/{line}', { params: { path: { line }, query: query.value }, body: { channel, id } }))
    },
    onSettled: () => {
      busy.value = null
      return client.invalidateQueries({ queryKey: ['lines'] })
    },
  })
  return { lines, choose, busy }
}

export type LineTies = ReturnType<typeof useLineTies>
