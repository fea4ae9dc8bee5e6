import { describe, expect, it } from 'vitest'
import { landing, moved } from './order'
import { rowsOf, toggle, withChosen, type Choice } from './pick'

const choices: Choice[] = [{ id: 1, label: 'Анна', note: 'anna@example.com', group: 'Лид' }, { id: 2, label: 'Борис', group: 'Лид' }, { id: 3, label: 'Вера', group: 'Сделка' }]
const shown = (rows: ReturnType<typeof rowsOf>) => rows.map((row) => (row.kind === 'group' ? `[${row.label} ${String(row.count)}]` : row.choice.label))

describe('choices', () => {
  it('stand under their groups', () => {
    expect(shown(rowsOf(choices, '', false, new Set()))).toEqual(['[Лид 2]', 'Анна', 'Борис', '[Сделка 1]', 'Вера'])
    expect(shown(rowsOf(choices, 'ANNA@', false, new Set()))).toEqual(['[Лид 1]', 'Анна'])
  })
  it('of a tree are there when their branch is open, or while searching', () => {
    expect(shown(rowsOf(choices, '', true, new Set(['Сделка'])))).toEqual(['[Лид 2]', '[Сделка 1]', 'Вера'])
    expect(shown(rowsOf(choices, 'бор', true, new Set()))).toEqual(['[Лид 1]', 'Борис'])
  })
  it('keep what was chosen and is not there (S4)', () => {
    expect(withChosen(choices, [3, 99], (id) => ({ id, label: `№ ${String(id)}`, gone: true }))[0]).toEqual({ id: 99, label: '№ 99', gone: true })
    expect(withChosen(choices, ['1'], (id) => ({ id, label: '?' }))).toHaveLength(3)
  })
  it('are marked and unmarked', () => {
    expect(toggle([1], 2)).toEqual([1, 2])
    expect(toggle(['1', '2'], 1)).toEqual(['2'])
  })
})

describe('the order of rules', () => {
  it('changes by moving one', () => {
    expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a'])
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b'])
    expect(moved(['a', 'b'], 0, 2)).toEqual(['a', 'b'])
  })
  it('counts the gap without the row that is dragged', () => {
    expect([landing(0, 3), landing(2, 0), landing(1, 1), landing(1, 2)]).toEqual([2, 0, 1, 1])
  })
})
