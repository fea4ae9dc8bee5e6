import '@/assets/main.css'
import kitPlugin from '@bitrix24/b24ui-nuxt/vue-plugin'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import { createApp, type Component } from 'vue'
import { makeApi } from '@/api/client'
import { readBoot, type Boot } from './boot'
import { connectFrame } from './frame'
import { makeI18n } from './i18n'
import { makeLive, type Live } from './live'
import PageShell from './PageShell.vue'
import { Problem } from './problem'
import { servicesKey, type Services } from './services'
import { Session } from './session'
import { useTheme } from './theme'

/** Starts a page of the product: texts, stores, the kit, the services, then the page's own component. */
export async function startPage(page: Component): Promise<void> {
  useTheme()
  const boot = readBoot()
  const { i18n, kit, language } = await makeI18n(boot?.lang ?? navigator.language.slice(0, 2))
  const services = boot ? makeServices(boot, language, (key, named) => i18n.global.t(key, named ?? {})) : null
  const app = createApp(PageShell, { page: boot ? page : null, locale: kit })
  app.use(createPinia()).use(i18n).use(kitPlugin)
  app.use(VueQueryPlugin, { queryClient: new QueryClient({ defaultOptions: { queries: { retry, staleTime: 30_000, refetchOnWindowFocus: false } } }) })
  if (services) app.provide(servicesKey, services)
  app.mount('#app')
  // The SDK comes after the first paint: the portal's page waits for a sign of life, and the session will need a new token.
  if (services) requestAnimationFrame(() => setTimeout(() => void services.frame(), 0))
}

function makeServices(boot: Boot, language: string, t: Services['t']): Services {
  const session = new Session({ token: boot.session, api: boot.api, frame: connectFrame })
  let live: Live | undefined
  return {
    boot,
    session,
    api: makeApi(boot.api, session),
    frame: connectFrame,
    t,
    language,
    live: () => (live ??= makeLive(boot, session)),
  }
}

/** What the server refused will be refused again; what did not reach it is tried twice more. */
function retry(failures: number, error: Error): boolean {
  return !(error instanceof Problem && error.status < 500) && failures < 2
}
