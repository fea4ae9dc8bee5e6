import { describe, expect, it } from 'vitest'
import en from '@locales/en.json'
import ru from '@locales/ru.json'
import { nameOf, shown } from '@/pages/cabinet/model/settings'
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

  it('of the cabinet are all used', () => {
    // A name in quotes, or a name with a changing end; what a setting is called and its help follow from the settings document.
    const all = Object.values(sources).join('\n')
    const ends = [...all.matchAll(/`(cabinet\.[^`$]*)\$\{/g)].map(([, start]) => start ?? '')
    const settings = new Set(shown.map(nameOf))
    const unused = known.filter((key) => {
      if (!key.startsWith('cabinet.')) return false
      const [, kind, name = ''] = key.split('.')
      if (kind === 'field' || kind === 'help') return !settings.has(name) && !all.includes(`'${key}'`)
      return !all.includes(`'${key}'`) && !ends.some((start) => key.startsWith(start))
    })
    expect(unused).toEqual([])
  })

  it('name every setting', () => {
    const unnamed = shown.map((pointer) => `cabinet.field.${nameOf(pointer)}`).filter((key) => !known.includes(key))
    expect(unnamed).toEqual([])
  })

  it('count in Russian', () => {
    expect([1, 2, 5, 11, 21, 22, 112].map((n) => russianPlural(n, 3))).toEqual([0, 1, 2, 2, 0, 1, 2])
  })

  it('follow the language of the portal', () => {
    expect([languageOf('ru'), languageOf('kz'), languageOf('en'), languageOf('de')]).toEqual(['ru', 'ru', 'en', 'en'])
  })
})
