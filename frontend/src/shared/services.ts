import { inject, type InjectionKey } from 'vue'
import type { Api } from '@/api/client'
import type { Boot } from './boot'
import type { PortalFrame } from './frame'
import type { Live } from './live'
import type { Session } from './session'

/** What every page has at hand. */
export interface Services {
  boot: Boot
  session: Session
  api: Api
  /** The portal's page, null outside a portal. */
  frame: () => Promise<PortalFrame | null>
  /** A text by its key, for what lives outside components. */
  t: (key: string, named?: Record<string, unknown>) => string
  language: string
  /** Live updates; the socket is opened at the first use. */
  live: () => Live
}

export const servicesKey: InjectionKey<Services> = Symbol('services')

/** The page's services, inside components and stores. */
export function useServices(): Services {
  const services = inject(servicesKey)
  if (!services) throw new Error('the page was not started by startPage')
  return services
}
