import { useQueries, useQuery } from '@tanstack/vue-query'
import { computed, inject, provide, shallowRef, toValue, type ComputedRef, type InjectionKey, type MaybeRefOrGetter } from 'vue'
import { useI18n } from 'vue-i18n'
import { unwrap } from '@/api/client'
import type { paths } from '@/api/schema.gen'
import { watchDebounced } from '@/shared/debounce'
import { useServices } from '@/shared/services'
import type { CRM } from '../model/dependencies'
import type { Parameter } from '../model/filter'
import type { Choice } from '../model/pick'
import { read, type Doc } from '../model/settings'
import type { Variable } from '../model/template'
import { acting, references, vanished, type Entry, type Reference, type Vanished } from '../model/vanished'
import { useForm, type SettingsForm } from './useSettingsForm'

export type DirectoryName = paths['/directories/{name}']['get']['parameters']['path']['name']
const ofPortal: readonly DirectoryName[] = ['b24-users', 'pipelines', 'stages', 'fields', 'mode', 'lines', 'departments']

/** A directory as it was read: its entries, and whether they may be out of date. */
export interface Directory {
  items: Entry[]
  stale: boolean
  trouble: string | null
}

function directoryQuery(api: ReturnType<typeof useServices>['api'], name: DirectoryName, portal: number | null) {
  const of = ofPortal.includes(name) ? portal : null
  return {
    queryKey: ['directory', name, of] as const,
    queryFn: async (): Promise<Directory> => {
      const query = of === null ? {} : { portal: of }
      const { items, stale, trouble } = await unwrap(api.GET('/directories/{name}', { params: { path: { name }, query } }))
      return { items: items as Entry[], stale, trouble: trouble?.text ?? null }
    },
  }
}

/** A directory, of the portal given where it is one of a portal. */
export function useList(name: MaybeRefOrGetter<DirectoryName>, portal: MaybeRefOrGetter<number | null> = null, wanted: MaybeRefOrGetter<boolean> = true) {
  const { api } = useServices()
  const of = computed(() => (ofPortal.includes(toValue(name)) ? toValue(portal) : null))
  return useQuery({
    queryKey: ['directory', computed(() => toValue(name)), of],
    enabled: computed(() => toValue(wanted)),
    queryFn: () => directoryQuery(api, toValue(name), of.value).queryFn(),
  })
}

/** The parameters of conditions (R2). */
export function useParameters(): ComputedRef<Parameter[]> {
  const list = useList('parameters')
  return computed(() => (list.data.value?.items ?? []) as unknown as Parameter[])
}

/** The variables of templates and extra fields. */
export function useVariables(): ComputedRef<Variable[]> {
  const list = useList('variables')
  return computed(() => (list.data.value?.items ?? []) as unknown as Variable[])
}

/** The portal a section works with: its own, else the main one. */
export function portalOf(form: SettingsForm, section: string): number | null {
  const doc = form.draft.value
  return doc ? ((read(doc, `/${section}/portal`) ?? read(doc, '/main/portal')) as number | null) : null
}

/** The choices that many fields of a section share; each list is made once, however many rows show it. */
function choicesOf(portal: ComputedRef<number | null>) {
  const people = useList('b24-users', portal)
  const stages = useList('stages', portal)
  const pipelines = useList('pipelines', portal)
  const fields = useList('fields', portal)
  const { t } = useI18n()
  const dealStages = computed(() => {
    const byPipeline = new Map<number, Choice[]>()
    for (const one of stages.data.value?.items ?? []) {
      if (one.entity === 'deal') byPipeline.set(Number(one.pipeline), [...(byPipeline.get(Number(one.pipeline)) ?? []), plainChoice(one)])
    }
    return byPipeline
  })
  const fieldChoices = (list: readonly Entry[]) =>
    ['lead', 'deal', 'company', 'contact'].flatMap((entity) =>
      list.filter((one) => one.entity === entity && !one.gone).map((one) => ({ id: `${entity}:${String(one.id)}`, label: one.name, note: one.own === true ? String(one.id) : '', group: t(`cabinet.entity.${entity}`) })))
  return {
    people: computed<Choice[]>(() => (people.data.value?.items ?? []).map((one) => ({ id: Number(one.id), label: one.name, note: textOf(one.email), hint: textOf(one.department) || undefined }))),
    pipelines: computed<Choice[]>(() => (pipelines.data.value?.items ?? []).map((one) => ({ ...plainChoice(one), id: Number(one.id) }))),
    leadStages: computed<Choice[]>(() => (stages.data.value?.items ?? []).filter((one) => one.entity === 'lead').map(plainChoice)),
    dealStages,
    fields: computed<Choice[]>(() => fieldChoices(fields.data.value?.items ?? [])),
    textFields: computed<Choice[]>(() => fieldChoices((fields.data.value?.items ?? []).filter((one) => one.text === true))),
    trouble: {
      people: computed(() => troubleOf(people)),
      stages: computed(() => troubleOf(stages) ?? troubleOf(pipelines)),
      fields: computed(() => troubleOf(fields)),
    },
    loading: computed(() => people.isPending.value || stages.isPending.value || pipelines.isPending.value || fields.isPending.value),
  }

  /** S4: a list that is empty or old says so, with its remedy, and nothing is lost because of it. */
  function troubleOf(list: ReturnType<typeof useList>): string | null {
    if (list.data.value?.trouble) return list.data.value.trouble
    if (list.isError.value) return t('cabinet.list_failed')
    return list.isSuccess.value && (list.data.value?.stale === true || list.data.value?.items.length === 0) ? t('cabinet.list_stale') : null
  }
}

export function plainChoice(entry: Entry): Choice {
  return { id: entry.id, label: entry.name || String(entry.id), ...(entry.gone ? { gone: true } : {}) }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** What a portal's CRM is. A mode that was not read yet counts as classic: nothing is taken away before one knows. */
export function useCRM(portal: MaybeRefOrGetter<number | null>, wanted: MaybeRefOrGetter<boolean> = true): ComputedRef<CRM> {
  const mode = useList('mode', portal, wanted)
  return computed(() => ({ simple: mode.data.value?.items.some((one) => one.id === 'simple' && !one.gone) ?? false }))
}

interface SectionLists {
  name: string
  portal: ComputedRef<number | null>
  crm: ComputedRef<CRM>
  choices: ReturnType<typeof choicesOf> | null
}

const sectionKey: InjectionKey<SectionLists> = Symbol('section')

/** Tells the fields of a section whose lists they show. */
export function provideSection(name: string) {
  const form = useForm()
  const portal = computed(() => portalOf(form, name))
  const section = { name, portal, crm: useCRM(portal), choices: choicesOf(portal) }
  provide(sectionKey, section)
  return section
}

/** The section around this field. */
export function useSection(): SectionLists {
  return inject(sectionKey, () => ({ name: 'main', portal: computed(() => null), crm: computed(() => ({ simple: false })), choices: null }), true)
}

/** The choices of the section around this field. */
export function useChoices() {
  const { choices } = useSection()
  if (!choices) throw new Error('this field stands outside a section')
  return choices
}

const vanishedKey: InjectionKey<ComputedRef<Vanished[]>> = Symbol('vanished')

/** Finds out for the whole page what vanished. */
export function provideVanished(form: SettingsForm): ComputedRef<Vanished[]> {
  const list = useVanished(form)
  provide(vanishedKey, list)
  return list
}

/** What vanished at a place of the settings or below it, by its last names. */
export function useGone(pointer: MaybeRefOrGetter<string>): ComputedRef<string[]> {
  const list = inject(vanishedKey, () => computed(() => []), true)
  return computed(() => list.value.filter((one) => one.pointer.startsWith(`${toValue(pointer)}/`)).map((one) => one.name))
}

/** How long a person may pause while typing. */
const pause = 300

/**
 * Everything the saved and unsaved settings name and that is not there any more. Only the directories that are named are read, and only once nobody is
 * typing are the settings looked through.
 */
function useVanished(form: SettingsForm): ComputedRef<Vanished[]> {
  const { api } = useServices()
  const parameters = useParameters()
  const settled = shallowRef<Doc | null>(form.draft.value)
  watchDebounced(() => form.draft.value, pause, (doc) => { settled.value = doc })
  const named = computed(() => (settled.value ? acting(settled.value, references(settled.value, parameters.value)) : []))
  const portalOfReference = (reference: Reference) => (ofPortal.includes(reference.directory as DirectoryName) ? portalOf(form, reference.pointer.split('/')[1] ?? '') : null)
  const keyOf = (reference: Reference) => `${reference.directory} ${String(portalOfReference(reference) ?? '')}`
  const wanted = computed(() => [...new Set(named.value.filter((one) => one.directory !== 'portals').map(keyOf))].sort().join('\n'))
  const keys = computed(() => wanted.value.split('\n').filter(Boolean))
  const results = useQueries({
    queries: computed(() => keys.value.map((key) => {
      const [name = '', portal] = key.split(' ')
      return directoryQuery(api, name as DirectoryName, portal ? Number(portal) : null)
    })),
  })
  // Portals are no directory. One whose app was removed does nothing for a section, as one that is not there.
  const portals = useQuery({ queryKey: ['portals'], queryFn: async () => (await unwrap(api.GET('/portals'))).items })
  const portalEntries = computed(() => portals.data.value?.map((one): Entry => ({ id: one.id, name: one.name || one.domain, gone: one.state === 'uninstalled' })))
  const copies = computed(() => new Map([['portals ', portalEntries.value], ...keys.value.map((key, i) => [key, results.value[i]?.data?.items] as const)]))
  return computed(() => vanished(named.value, (reference) => copies.value.get(keyOf(reference))))
}
