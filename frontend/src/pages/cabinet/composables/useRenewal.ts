import { computed, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { useQueryClient } from '@tanstack/vue-query'
import { unwrap } from '@/api/client'
import { words } from '@/shared/problem'
import { useServices } from '@/shared/services'
import { jobPercent, running } from '../model/employees'
import { keptLists, readLists } from '../model/renewal'
import { useDoing, useJob, usePortals } from './useCabinet'

/** States in which only a new consent helps, as far as the page knows. */
const asleep: readonly string[] = ['waiting', 'blocked']

/**
 * The round arrow (P2, S4): what is missing at a portal is bound, its lists and users are read anew, and when no token of it works a person is sent to
 * consent, in a window of the portal.
 */
export function useRenewal() {
  const { t, te } = useI18n()
  const { api } = useServices()
  const client = useQueryClient()
  const portals = usePortals()
  const of = ref<number | null>(null)
  const jobId = ref<number | null>(null)
  const job = useJob(jobId)
  const consent = ref<{ url: string; opened: boolean } | null>(null)
  const repair = useDoing((id: number) => unwrap(api.POST('/portals/{id}/repair', { params: { path: { id } } })), 'portals', 'health')
  const reading = computed(() => jobId.value !== null && (!job.data.value || running(job.data.value)) && !job.isError.value)
  const failed = computed(() => (repair.data.value?.items ?? []).filter((step) => !step.ok))

  async function start(portal: number): Promise<void> {
    if (busy.value) return
    of.value = portal
    jobId.value = null
    consent.value = null
    // A window that opens after an answer may be taken for an advertisement and blocked, so it is opened before when it will be needed.
    const known = portals.data.value?.find((one) => one.id === portal)?.state ?? ''
    const view = asleep.includes(known) ? window.open('', '_blank') : null
    const answer = await repair.mutateAsync(portal).catch(() => null)
    if (!answer?.authorize_url) view?.close()
    else consent.value = { url: answer.authorize_url, opened: send(view ?? window.open('', '_blank'), answer.authorize_url) }
    jobId.value = answer?.job?.id ?? null
  }

  watch(reading, (on, before) => {
    if (before && !on) for (const name of ['directory', 'employees', 'lines', 'health']) void client.invalidateQueries({ queryKey: [name] })
  })

  // The portal works again: the request for consent is over.
  watch(() => portals.data.value?.find((one) => one.id === of.value)?.state, (state, before) => {
    if (before && state !== before && state === 'active') consent.value = null
  })

  const busy = computed(() => repair.isPending.value || reading.value)
  const progress = computed(() => {
    if (repair.isPending.value) return t('cabinet.renew.binding')
    const { done = 0, total = null } = job.data.value ?? {}
    return total ? t('cabinet.renew.reading_of', { done, total }) : t('cabinet.renew.reading')
  })
  const result = computed(() => {
    if (busy.value || !job.data.value) return null
    if (job.data.value.state === 'failed') return { ok: false, text: job.data.value.error?.text ?? t('cabinet.renew.failed') }
    const parts = readLists(job.data.value).map((one) => `${t(`cabinet.renew.kind.${one.kind}`)} ${String(one.entries)}`)
    const kept = keptLists(job.data.value).map((one) => `${te(`cabinet.renew.kind.${one.kind}`) ? t(`cabinet.renew.kind.${one.kind}`) : one.kind}: ${t(`directory.trouble.${one.trouble ?? ''}`)}`)
    if (kept.length > 0) return { ok: false, text: `${t('cabinet.renew.kept')} ${kept.join('; ')}` }
    return { ok: failed.value.length === 0, text: t('cabinet.renew.done', { list: parts.join(', ') }) }
  })
  return {
    of, busy, progress, result, consent, failed, start,
    percent: computed(() => (job.data.value && !repair.isPending.value ? jobPercent(job.data.value) : null)),
    error: computed(() => (repair.error.value ? words(repair.error.value, t) : null)),
  }
}

export type Renewal = ReturnType<typeof useRenewal>

/** Leads a window to an address of the portal, which learns nothing of this page; false: the browser gave no window. */
export function send(view: Window | null, url: string): boolean {
  if (!view) return false
  view.opener = null
  view.location.href = url
  return true
}
