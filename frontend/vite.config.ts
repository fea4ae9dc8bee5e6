import { fileURLToPath } from 'node:url'
import bitrix24UI from '@bitrix24/b24ui-nuxt/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { keepFile } from './tools/keep-file.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
// While one page is being worked on it can be built alone: PAGES=workplace npm run build -- --outDir /tmp/one
const pages = (process.env.PAGES ?? 'workplace,cabinet,connector,install').split(',')

export default defineConfig({
  base: '/ui/',
  resolve: {
    alias: {
      '@': at('./src'),
      '@locales': at('../locales'),
    },
  },
  plugins: [
    vue(),
    bitrix24UI({
      // Components are found by name (src/types/kit.d.ts tells the type checker about them), functions are imported by hand.
      autoImport: false,
      dts: false,
      components: { dts: false, dirs: [] },
      router: false,
      prose: false,
      mdc: false,
      // src/shared/theme.ts does this, so that light and dark have one owner.
      colorMode: false,
      experimental: { componentDetection: true },
    }),
    keepFile(at('./dist/.keep')),
  ],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  server: { fs: { allow: ['..'] } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    manifest: true,
    // Tiny pictures as data: addresses would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(pages.map((page) => [page, at(`./${page}.html`)])),
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.spec.ts'],
    restoreMocks: true,
  },
})
