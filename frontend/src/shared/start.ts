import '@/assets/main.css'
import kitPlugin from '@bitrix24/b24ui-nuxt/vue-plugin'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import { createApp, type Component } from 'vue'
import { makeApi } from '@/api/client'
import { readBoot } from './boot'
import { connectFrame } from './frame'
import { makeI18n } from './i18n'
import PageShell from './PageShell.vue'
import { Problem } from './problem'
import { servicesKey } from './services'
import { Session } from './session'

/** Starts a page of the product: texts, stores, the kit, the services, then the page's own component. */
export async function startPage(page: Component): Promise<void> {
  const boot = readBoot()
  const { i18n, kit } = await makeI18n(boot?.lang ?? navigator.language.slice(0, 2))
  const app = createApp(PageShell, { page: boot ? page : null, locale: kit })
  app.use(createPinia()).use(i18n).use(kitPlugin)
  app.use(VueQueryPlugin, { queryClient: new QueryClient({ defaultOptions: { queries: { retry, staleTime: 30_000, refetchOnWindowFocus: false } } }) })
  if (boot) {
    const session = new Session({ token: boot.session, api: boot.api, frame: connectFrame })
    app.provide(servicesKey, { boot, session, api: makeApi(boot.api, session), frame: connectFrame })
  }
  app.mount('#app')
}

/** What the server refused will be refused again; what did not reach it is tried twice more. */
function retry(failures: number, error: Error): boolean {
  return !(error instanceof Problem && error.status < 500) && failures < 2
}
