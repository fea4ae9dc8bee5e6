import { createI18n } from 'vue-i18n'

/** Languages the product speaks; a portal in another language gets English. */
export const languages = ['ru', 'en'] as const
export type Language = (typeof languages)[number]

type Texts = Record<string, unknown>
type KitTexts = (typeof import('@bitrix24/b24ui-nuxt/runtime/locale/en.js'))['default']

// One chunk per language, so that a page loads only its own.
const texts: Record<Language, () => Promise<{ default: Texts }>> = {
  ru: () => import('@locales/ru.json'),
  en: () => import('@locales/en.json'),
}
const kitTexts: Record<Language, () => Promise<{ default: KitTexts }>> = {
  ru: () => import('@bitrix24/b24ui-nuxt/runtime/locale/ru.js'),
  en: () => import('@bitrix24/b24ui-nuxt/runtime/locale/en.js'),
}

/** Portals in Ukraine, Kazakhstan and Belarus have languages of their own that most people there replace by Russian. */
export function languageOf(portal: string): Language {
  if (['ru', 'kz', 'ua', 'by', 'uz'].includes(portal)) return 'ru'
  return 'en'
}

/** Russian has three forms: 1 чат, 2 чата, 5 чатов. A text with two forms keeps the usual rule. */
export function russianPlural(choice: number, forms: number): number {
  if (forms < 3) return choice === 1 ? 0 : 1
  const teen = choice % 100 > 10 && choice % 100 < 20
  const end = choice % 10
  if (!teen && end === 1) return 0
  if (!teen && end >= 2 && end <= 4) return 1
  return 2
}

/** Loads the texts of a language, ours and the kit's, and makes the translator. */
export async function makeI18n(portalLanguage: string) {
  const language = languageOf(portalLanguage)
  const [own, kit] = await Promise.all([texts[language](), kitTexts[language]()])
  const i18n = createI18n({
    legacy: false,
    locale: language,
    messages: { [language]: own.default as Record<string, never> },
    pluralRules: { ru: russianPlural },
    missingWarn: import.meta.env.DEV,
    fallbackWarn: false,
  })
  document.documentElement.lang = language
  return { i18n, kit: kit.default, language }
}
