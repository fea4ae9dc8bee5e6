import type { Schemas } from '@/api/client'

export type Step = Schemas['Step']

/** Where the installation stands. `open`: everything is bound and the portal opens the app. */
export type Phase = 'working' | 'failed' | 'open' | 'done'

/** What is said to be installed, in the order of the list; each has a text `install.what.{name}`. */
export const parts = ['menu', 'tabs', 'connector', 'events'] as const

/** Every step went well. No steps at all is no success: something must have been bound. */
export function succeeded(steps: readonly Step[]): boolean {
  return steps.length > 0 && steps.every((step) => step.ok)
}

/** How much of it is there, 0…100; null while nothing is known. */
export function percent(steps: readonly Step[]): number | null {
  if (steps.length === 0) return null
  return Math.round((steps.filter((step) => step.ok).length / steps.length) * 100)
}

export interface InstallContext {
  admin: boolean | null
  reinstall: boolean
}

/** The page's context; `admin` is null when the server did not say, then `GET me` does. */
export function readContext(context: Record<string, unknown>): InstallContext {
  return {
    admin: typeof context.admin === 'boolean' ? context.admin : null,
    reinstall: context.reinstall === true,
  }
}
