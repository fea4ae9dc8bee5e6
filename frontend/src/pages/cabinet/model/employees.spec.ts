import { describe, expect, it } from 'vitest'
import { changesOf, choices, counts, jobPercent, nameless, rowsOf, running, undecided, type Employee, type Job } from './employees'

const person = (over: Partial<Employee>): Employee => ({ b24_user: 1, name: 'Anna Example', active: true, uis_employee: null, match: 'none', ...over })
const people = [
  person({ b24_user: 1, email: 'anna@example.com', uis_employee: 5, uis_name: 'Anna E.', match: 'auto' }),
  person({ b24_user: 2, name: 'Boris', last_name_missing: true }),
  person({ b24_user: 3, name: 'Vera Sample', inner_number: '103', match: 'several', candidates: [{ id: 8, name: 'Vera S.' }] }),
]
const job = (over: Partial<Job>): Job => ({ id: 1, kind: 'employees', state: 'running', done: 0, total: null, ...over })

describe('the list of employees', () => {
  it('finds by name, e-mail, inner number and the name at UIS', () => {
    expect(rowsOf(people, 'all', 'ANNA@').map((one) => one.b24_user)).toEqual([1])
    expect(rowsOf(people, 'all', '103').map((one) => one.b24_user)).toEqual([3])
    expect(rowsOf(people, 'all', ' ').length).toBe(3)
  })

  it('shows who is not matched and who needs a person (S0, S1)', () => {
    expect(rowsOf(people, 'unmatched', '').map((one) => one.b24_user)).toEqual([2, 3])
    expect(rowsOf(people, 'trouble', '').map((one) => one.b24_user)).toEqual([2, 3])
    expect(counts(people)).toEqual({ all: 3, matched: 1, unmatched: 2, trouble: 2 })
  })

  it('offers the candidates first, nobody twice', () => {
    const uis = [{ id: 8, name: 'Vera S.' }, { id: 7, name: 'Yana' }, { id: 5, name: 'Anna E.' }]
    expect(choices(people[2] as Employee, uis).map((one) => one.id)).toEqual([8, 5, 7])
  })
})

describe('the result of a synchronisation', () => {
  it('tells every change with names', () => {
    const uis = [{ id: 7, name: 'Yana' }, { id: 8, name: 'Vera' }]
    const change = (before: number, after: number) => ({ user: 1, name: 'Anna', before, after, how: 'email' })
    const result = { users: 3, employees: 2, matched: 1, several: 0, without_last_name: 0, at: '', changes: [change(0, 7), change(7, 8), change(8, 0), change(5, 0)] }
    expect(changesOf(result, uis).map((one) => [one.what, one.before, one.after].join(' '))).toEqual(['matched  Yana', 'moved Yana Vera', 'lost Vera ', 'lost № 5 '])
  })

  it('names those who are left to a person', () => {
    expect(undecided(people).every((one) => one.match === 'several')).toBe(true)
    expect(nameless(people).every((one) => one.active && one.last_name_missing)).toBe(true)
  })
})

describe('a job', () => {
  it('knows how far it is', () => {
    expect(jobPercent(job({}))).toBeNull()
    expect(jobPercent(job({ done: 30, total: 120 }))).toBe(25)
    expect(jobPercent(job({ state: 'done', done: 0, total: 0 }))).toBe(100)
  })

  it('runs until it is done or failed', () => {
    expect(running(job({ state: 'queued' }))).toBe(true)
    expect(running(job({ state: 'failed' }))).toBe(false)
    expect(running(null)).toBe(false)
  })
})
