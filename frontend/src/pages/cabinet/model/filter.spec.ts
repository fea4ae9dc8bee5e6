import { describe, expect, it } from 'vitest'
import { halfFilled, kindOf, knownLater, neverReached, newRow, opsAt, parametersAt, withAnd, withOr, withoutRow, withParameter, withRow, type Condition, type Filter, type Parameter } from './filter'

const parameter = (id: string, places: Parameter['places'], known: Parameter['known']): Parameter => ({ id, name: id, directory: 'numbers', values: [], free: false, places, known })
const list = [
  parameter('virtual_number', { inbound_filter: ['include', 'exclude'], call_title: ['include'] }, { call: 'start' }),
  parameter('employee', { inbound_filter: ['include', 'exclude'] }, { call: 'answer', chat: 'answer' }),
  parameter('group', { inbound_filter: ['include', 'exclude'] }, { call: 'answer' }),
]
const row = (param: string, op: Condition['op'] = 'include', values = ['1']): Condition => ({ param, op, values })

describe('conditions', () => {
  it('offer what the place allows (R2)', () => {
    expect(parametersAt(list, 'call_title').map((one) => one.id)).toEqual(['virtual_number'])
    expect(opsAt(list, 'call_title')).toEqual(['include'])
    expect(opsAt(list, 'inbound_filter')).toEqual(['include', 'exclude'])
    expect(newRow(['include'])).toEqual({ param: '', op: 'include', values: [] })
    expect(newRow(['include', 'exclude']).op).toBe('')
  })

  it('И adds a row to the group, ИЛИ a group (R1)', () => {
    const one: Filter = [[row('a')]]
    expect(withAnd(one, 0, row('b'))).toEqual([[row('a'), row('b')]])
    expect(withOr(one, row('b'))).toEqual([[row('a')], [row('b')]])
    expect(withRow([[row('a')], [row('b')]], 1, 0, row('c'))).toEqual([[row('a')], [row('c')]])
    expect(withoutRow([[row('a')], [row('b'), row('c')]], 0, 0)).toEqual([[row('b'), row('c')]])
    expect(withoutRow(one, 0, 0)).toEqual([])
    expect(one).toEqual([[row('a')]])
  })

  it('forget their values with another parameter', () => {
    expect(withParameter(row('a'), 'b')).toEqual({ param: 'b', op: 'include', values: [] })
    expect(withParameter(row('a'), 'a')).toEqual(row('a'))
  })

  it('cannot be saved half-filled', () => {
    expect(halfFilled([[row('a')]])).toEqual([])
    expect(halfFilled([[row('a'), { param: 'b', op: '', values: [] }], [row('', 'include')]])).toEqual([
      { group: 0, row: 1, field: 'op' }, { group: 0, row: 1, field: 'values' }, { group: 1, row: 0, field: 'param' },
    ])
  })

  it('tell which of them put the registration of a call off (T8a)', () => {
    expect(knownLater([[row('virtual_number')]], list, 'call')).toEqual([])
    expect(knownLater([[row('virtual_number')], [row('group', 'exclude'), row('employee')]], list, 'call').map((one) => one.id)).toEqual(['employee', 'group'])
  })

  it('know whose conditions they are', () => {
    expect([kindOf('inbound_filter'), kindOf('call_title'), kindOf('chat_funnel'), kindOf('request_filter')]).toEqual(['call', 'call', 'chat', 'request'])
  })
})

describe('rules', () => {
  const rule = (about: string, filter: Filter) => ({ about, filter })
  it('after one without conditions are never reached (R3)', () => {
    const some: Filter = [[row('a')]]
    expect([...neverReached([rule('', some), rule('', some)], (one) => one.filter)]).toEqual([])
    expect([...neverReached([rule('', some), rule('', []), rule('', some), rule('', [])], (one) => one.filter)]).toEqual([2, 3])
    expect([...neverReached([rule('', some), rule('', [])], (one) => one.filter)]).toEqual([])
  })
  it('about different things do not shadow each other', () => {
    expect([...neverReached([rule('in', []), rule('out', []), rule('in', [])], (one) => one.filter, (one) => one.about)]).toEqual([2])
  })
})
