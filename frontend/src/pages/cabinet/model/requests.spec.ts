import { describe, expect, it } from 'vitest'
import { byDay, communicationOf, few, filtered, filtersOfCommand, noFilters, pretty, queryOf, verdictOf, wrongCommunication, type LoggedRequest } from './requests'

describe('a typed communication', () => {
  it.each([
    ['chat:101', 'chat:101'],
    [' Chat : 101 ', 'chat:101'],
    ['101', 'chat:101'],
    ['#101', 'chat:101'],
    ['call:7', 'call:7'],
    ['request:9', 'request:9'],
    ['client:9', null],
    ['chat:', null],
    ['chat:1x', null],
    ['', null],
  ])('"%s" means %s', (typed, wanted) => {
    expect(communicationOf(typed)).toBe(wanted)
  })

  it('is wrong only when something was typed', () => {
    expect([wrongCommunication(''), wrongCommunication('  '), wrongCommunication('anna'), wrongCommunication('5')]).toEqual([false, false, true, false])
  })
})

describe('the question to the server', () => {
  it('leaves out what was not filled in', () => {
    expect(queryOf(noFilters)).toEqual({})
    expect(filtered(noFilters)).toBe(false)
  })

  it('carries everything that was', () => {
    expect(queryOf({ portal: 5, communication: '101', method: ' CRM.Item.Add ', failed: true })).toEqual({ portal: 5, communication: 'chat:101', method: 'crm.item.add', failed: 1 })
  })

  it('leaves out a communication that cannot be understood', () => {
    expect(queryOf({ ...noFilters, communication: 'anna' })).toEqual({})
  })
})

it.each([
  [{ kind: 'crm.item.add', key: 'chat:101' }, { ...noFilters, communication: 'chat:101' }],
  [{ kind: 'crm.item.add', key: 'client:12' }, { ...noFilters, method: 'crm.item.add' }],
  [{ kind: 'profile' }, { ...noFilters, method: 'profile' }],
])('the requests of command %o', (command, wanted) => {
  expect(filtersOfCommand(command)).toEqual(wanted)
})

it('few names of many', () => {
  expect(few(['a', 'b', 'a'], 2)).toEqual({ shown: ['a', 'b'], more: 0 })
  expect(few(['a', 'b', 'c'], 2)).toEqual({ shown: ['a', 'b', 'c'], more: 0 })
  expect(few(['a', 'b', 'c', 'd'], 2)).toEqual({ shown: ['a', 'b'], more: 2 })
})

it('requests by day, each once', () => {
  const request = (id: string, at: string) => ({ id, at: new Date(at).toISOString() }) as LoggedRequest
  const days = byDay([request('4', '2026-11-20T10:00:00'), request('3', '2026-11-20T00:00:00'), request('3', '2026-11-20T00:00:00'), request('2', '2026-11-19T23:59:59')])
  expect(days.map((one) => [one.day, one.items.map((item) => item.id)])).toEqual([['2026-11-20', ['4', '3']], ['2026-11-19', ['2']]])
})

it('how a request ended', () => {
  expect([verdictOf({ commands: 7, failed: 0 }), verdictOf({ commands: 7, failed: 1 }), verdictOf({ commands: 1, failed: 1 })]).toEqual(['ok', 'part', 'bad'])
})

it('any value as text', () => {
  expect([pretty('plain'), pretty({ a: 1 }), pretty(undefined), pretty(null)]).toEqual(['plain', '{\n  "a": 1\n}', '', 'null'])
})
