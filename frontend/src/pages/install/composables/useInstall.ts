import { ref, shallowRef } from 'vue'
import { succeeded, type Phase, type Step } from '../model/steps'

export interface InstallOptions {
  /** Binds placements, events and the connector, and says how each went. */
  repair: () => Promise<Step[]>
  /** The portal's installFinish. It never resolves when it works: the portal reloads the page. It rejects when there is nothing to finish. Null outside a portal. */
  finish: () => Promise<(() => Promise<unknown>) | null>
}

/** The installation: bind everything, then, last of all, tell the portal that it is done. */
export function useInstall({ repair, finish }: InstallOptions) {
  const phase = ref<Phase>('working')
  const steps = shallowRef<Step[]>([])
  const error = shallowRef<unknown>(null)
  let running = false

  async function run(): Promise<void> {
    if (running) return
    running = true
    phase.value = 'working'
    error.value = null
    try {
      steps.value = await repair()
      if (succeeded(steps.value)) await open()
      else phase.value = 'failed'
    } catch (caught) {
      error.value = caught
      phase.value = 'failed'
    } finally {
      running = false
    }
  }

  async function open(): Promise<void> {
    const tell = await finish()
    if (!tell) {
      phase.value = 'done'
      return
    }
    phase.value = 'open'
    // Not awaited: the answer is the page's own end. A refusal means that the portal has finished it before.
    tell().catch(() => {
      phase.value = 'done'
    })
  }

  return { phase, steps, error, run }
}
