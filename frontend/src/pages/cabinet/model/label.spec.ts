import { describe, expect, it } from 'vitest'
import ru from '@locales/ru.json'
import { Problem } from '@/shared/problem'
import { fieldsOf, labelOf, type Words } from './label'

const find = (key: string) => key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], ru)
const words: Words = { t: (key, values) => String(find(key)).replace('{n}', String(values?.n)), te: (key) => typeof find(key) === 'string' }

describe('a field in words', () => {
  it.each([
    ['/telephony/responsible_inbound', 'Телефония: Ответственный по умолчанию за входящие'],
    ['/chats/responsibles/1/user', 'Чаты: Ответственные по условиям, строка 2'],
    ['/name', undefined],
  ])('%s', (pointer, label) => { expect(labelOf(pointer, words)).toBe(label) })

  it('that stands deep in a list, or in a map, is named by its list', () => {
    expect(labelOf('/requests/funnel_first/rules/0/filter/0/0/values/2', words)).toMatch(/, строка 1$/)
    expect(labelOf('/lines/auto_close_min/20', words)).not.toContain('строка')
  })

  it('names every field of a refused answer, each once (P4)', () => {
    const errors = [
      { field: '/telephony/funnel/lead_stage', code: 'gone', text: 'Этого больше нет' },
      { field: '/telephony/funnel/lead_stage', code: 'gone', text: 'Этого больше нет' },
      { field: '/domain', code: 'https', text: 'Адрес должен начинаться с https://' },
    ]
    const list = fieldsOf(new Problem(422, { status: 422, code: 'settings_invalid', detail: 'Не сохранено', errors }), words)
    expect(list).toHaveLength(2)
    expect(list[0]).toMatch(/^Телефония: .+: Этого больше нет$/)
    expect(list[1]).toBe('Адрес должен начинаться с https://')
    expect(fieldsOf(new Error('x'), words)).toEqual([])
  })
})
