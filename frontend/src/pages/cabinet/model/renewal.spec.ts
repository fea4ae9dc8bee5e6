import { describe, expect, it } from 'vitest'
import type { Job } from './employees'
import { keptLists, outcomesOf, readLists } from './renewal'

const job = (lists: unknown): Job => ({ id: 1, kind: 'directories', state: 'done', done: 3, total: 3, result: lists === undefined ? null : { lists } })

describe('the result of a reading', () => {
  it('tells what was read, in a fixed order', () => {
    const done = job([{ kind: 'mode', entries: 1 }, { kind: 'users', entries: 5 }, { kind: 'pipelines', entries: 2 }, { kind: 'stages', entries: 9, trouble: 'slow' }])
    expect(readLists(done).map((one) => `${one.kind} ${String(one.entries)}`)).toEqual(['pipelines 2', 'users 5'])
  })

  it('names what kept its old copy, but not what a portal does not have', () => {
    expect(keptLists(job([{ kind: 'lines', entries: 0, trouble: 'absent' }, { kind: 'users', entries: 0, trouble: 'empty' }])).map((one) => one.kind)).toEqual(['users'])
  })

  it('may be missing', () => {
    expect([outcomesOf(null), outcomesOf(job(undefined)), outcomesOf(job('x'))]).toEqual([[], [], []])
  })
})
