import { watchEffect, type Ref } from 'vue'
import { preference } from './preference'

export type Theme = 'light' | 'dark'

let theme: Ref<Theme> | undefined

/** The page's theme. The portal does not tell its own (nothing in its init data does), so a page is light until switched. */
export function useTheme(): Ref<Theme> {
  theme ??= applied()
  return theme
}

function applied(): Ref<Theme> {
  const chosen: Ref<Theme> = preference<Theme>('theme', 'light')
  watchEffect(
    () => {
      const root = document.documentElement
      root.classList.toggle('dark', chosen.value === 'dark')
      root.classList.toggle('light', chosen.value !== 'dark')
      root.style.colorScheme = chosen.value
    },
    { flush: 'sync' },
  )
  return chosen
}
