import { useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/vue-query'
import { computed, onScopeDispose, toValue, type InjectionKey, type MaybeRefOrGetter, type Ref } from 'vue'
import { unwrap, type Schemas } from '@/api/client'
import { useServices } from '@/shared/services'
import { running, type Job } from '../model/employees'
import type { Entry } from '../model/vanished'
import { useList } from './useLists'
import type { SettingsForm } from './useSettingsForm'

export type Portal = Schemas['Portal']
export type UISConnection = Schemas['UISConnection']
export type Command = Schemas['Command']
type DirectoryName = 'b24-users' | 'channels'

const pollEvery = 1_500

/** Set when the portal this page stands in was removed by it: the account's only portal, or one of several. */
export const leftKey: InjectionKey<Ref<'only' | 'one' | null>> = Symbol('left')

export function useMe() {
  const { api } = useServices()
  return useQuery({ queryKey: ['me'], queryFn: () => unwrap(api.GET('/me')) })
}

export function useHealth() {
  const { api } = useServices()
  return useQuery({ queryKey: ['health'], queryFn: () => unwrap(api.GET('/health')) })
}

export function usePortals() {
  const { api } = useServices()
  return useQuery({ queryKey: ['portals'], queryFn: async () => (await unwrap(api.GET('/portals'))).items })
}

/** The portals that a consent was given for; one that still waits for it cannot be worked with. */
export function useJoined() {
  const portals = usePortals()
  return computed(() => (portals.data.value ?? []).filter((one) => one.state !== 'waiting'))
}

export function useUIS() {
  const { api } = useServices()
  return useQuery({ queryKey: ['uis'], queryFn: () => unwrap(api.GET('/uis')) })
}

export function useNotifications(open: Ref<boolean>) {
  const { api } = useServices()
  return useQuery({ queryKey: ['uis-notifications'], enabled: open, queryFn: () => unwrap(api.GET('/uis/notifications')) })
}

/** A directory with what of it this page shows: name, e-mail, type. */
export function useDirectory(name: DirectoryName) {
  const list = useList(name)
  return { ...list, data: computed(() => list.data.value && { stale: list.data.value.stale, items: list.data.value.items.map(entryOf) }) }
}

function entryOf(item: Entry) {
  return { id: Number(item.id), name: item.name, email: textOf(item.email), type: textOf(item.type), active: item.active !== false }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function useEmployees() {
  const { api } = useServices()
  return useQuery({ queryKey: ['employees'], queryFn: () => unwrap(api.GET('/employees')) })
}

/** Whether working days of a portal can be imported (S2); without a portal it is the one of the session. */
export function useWorkdays(portal: MaybeRefOrGetter<number | null>) {
  const { api } = useServices()
  const of = computed(() => toValue(portal))
  return useQuery({
    queryKey: ['employees', 'workdays', of],
    queryFn: async () => (await unwrap(api.GET('/employees', { params: { query: of.value === null ? {} : { portal: of.value } } }))).workdays,
  })
}

export function useCommands(state: Ref<'refused' | 'unclear'>) {
  const { api } = useServices()
  return useQuery({
    queryKey: ['commands', state],
    staleTime: 0,
    queryFn: async () => (await unwrap(api.GET('/operations/commands', { params: { query: { state: state.value } } }))).items,
  })
}

/** The running job: asked for now and then, as a socket may be blocked, and at once when it tells of a change. */
export function useJob(id: Ref<number | null>) {
  const { api } = useServices()
  return useQuery({
    queryKey: ['job', id],
    enabled: computed(() => id.value !== null),
    staleTime: 0,
    queryFn: (): Promise<Job> => unwrap(api.GET('/jobs/{id}', { params: { path: { id: id.value ?? 0 } } })),
    refetchInterval: (query) => (running(query.state.data) ? pollEvery : false),
  })
}

/** Does something on the server, then reads again what it may have changed. */
export function useDoing<In, Out>(work: (value: In) => Promise<Out>, ...changed: string[]) {
  const client = useQueryClient()
  return useMutation({ mutationFn: work, onSuccess: () => { readAgain(client, ...changed) } })
}

function readAgain(client: QueryClient, ...names: string[]): void {
  for (const name of names) void client.invalidateQueries({ queryKey: [name] })
}

/** Whether what is told of a line is to be said (P6): it carries something else now, and this page did not do that. */
function isNews(told: unknown, own: ReadonlySet<string>): boolean {
  const { changed, id } = told as { changed?: boolean; id?: string }
  return changed !== false && !own.has(id ?? '')
}

/** Carries what the socket tells into what is on the screen. */
export function useCabinetLive(form: SettingsForm, own: ReadonlySet<string>): void {
  const client = useQueryClient()
  const live = useServices().live()
  let seen = false
  const everything = () => {
    void client.invalidateQueries()
    void form.heard()
  }
  const offs = [
    live.on('job.changed', (data) => {
      readAgain(client, 'job')
      // Whoever began the reading, here or elsewhere or by the clock: the lists are new.
      const { kind, state } = data as { kind?: string; state?: string }
      if (kind === 'directories' && state === 'done') readAgain(client, 'directory', 'employees', 'lines')
    }),
    live.on('portal.changed', () => { readAgain(client, 'portals', 'health') }),
    live.on('settings.changed', () => {
      readAgain(client, 'health')
      void form.heard()
    }),
    live.on('line.changed', (data) => {
      readAgain(client, 'lines', 'directory')
      if (isNews(data, own)) form.heardLine()
    }),
    live.onReload(everything),
    live.onReady((resumed) => {
      if (!resumed && seen) everything()
      seen = true
    }),
  ]
  onScopeDispose(() => { offs.forEach((off) => { off() }) })
}
