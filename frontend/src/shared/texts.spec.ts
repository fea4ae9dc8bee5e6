import { describe, expect, it } from 'vitest'
import en from '@locales/en.json'
import ru from '@locales/ru.json'
import { languageOf, russianPlural } from './i18n'

const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../**/*.spec.ts', '!../**/*.gen.ts'], { query: '?raw', import: 'default', eager: true })

function flat(texts: object, prefix = ''): string[] {
  return Object.entries(texts).flatMap(([key, text]) => (typeof text === 'string' ? [prefix + key] : flat(text as object, `${prefix}${key}.`)))
}

const known = flat(ru)

describe('texts', () => {
  it('are there in both languages', () => {
    expect(flat(en).sort()).toEqual([...known].sort())
  })

  it('are there for every key the pages use', () => {
    const missing = Object.entries(sources).flatMap(([file, source]) =>
      [...source.matchAll(/\bt\(\s*(['`])((?:(?!\1).)+)\1/g)]
        .map(([, , key]) => key ?? '')
        .filter((key) => {
          const fixed = key.split('${')[0] ?? ''
          return fixed === key ? !known.includes(key) : !known.some((one) => one.startsWith(fixed))
        })
        .map((key) => `${file}: ${key}`),
    )
    expect(missing).toEqual([])
  })

  it('count in Russian', () => {
    expect([1, 2, 5, 11, 21, 22, 112].map((n) => russianPlural(n, 3))).toEqual([0, 1, 2, 2, 0, 1, 2])
  })

  it('follow the language of the portal', () => {
    expect([languageOf('ru'), languageOf('kz'), languageOf('en'), languageOf('de')]).toEqual(['ru', 'ru', 'en', 'en'])
  })
})
