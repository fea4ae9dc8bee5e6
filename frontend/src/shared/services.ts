import { inject, type InjectionKey } from 'vue'
import type { Api } from '@/api/client'
import type { Boot } from './boot'
import type { PortalFrame } from './frame'
import type { Session } from './session'

/** What every page has at hand. */
export interface Services {
  boot: Boot
  session: Session
  api: Api
  /** The portal's page, null outside a portal. */
  frame: () => Promise<PortalFrame | null>
}

export const servicesKey: InjectionKey<Services> = Symbol('services')

/** The page's services, inside components and stores. */
export function useServices(): Services {
  const services = inject(servicesKey)
  if (!services) throw new Error('the page was not started by startPage')
  return services
}
