import { describe, expect, it } from 'vitest'
import { abilitiesOf, complete, listOf, moved } from './lists'
import type { Me, SharedChat } from './types'

const me = { user: 14, rights: ['chats'], employee: { id: 301, name: 'Ирина' } } as unknown as Me
const senior = { ...me, rights: ['chats', 'chats_others'] } as Me
const stranger = { ...me, employee: null } as Me
const mine = { id: 301, name: 'Ирина' }
const other = { id: 302, name: 'Олег' }
const chat = (state: SharedChat['state'], employee: SharedChat['employee']) => ({ state, employee })

describe('listOf (W2, W9)', () => {
  it.each([
    ['new', null, me, 'new'],
    ['work', mine, me, 'mine'],
    ['starting', mine, me, 'mine'],
    ['work', other, me, null],
    ['work', other, senior, 'others'],
    ['work', null, me, null],
    ['closed', mine, me, 'closed'],
    ['closed', null, me, 'closed'],
    ['closed', other, me, null],
    ['closed', other, senior, 'closed'],
    ['failed', mine, me, 'closed'],
    ['work', mine, stranger, null],
  ] as const)('%s led by %o', (state, employee, person, list) => {
    expect(listOf(chat(state, employee), person)).toBe(list)
  })

  it('does not take two people without a match for the same one', () => {
    expect(listOf(chat('work', null), { ...stranger, rights: ['chats_others'] })).toBe('others')
  })
})

describe('abilitiesOf (W3)', () => {
  it.each([
    ['new', null, me, { accept: true, write: false, close: false, transfer: false, why: 'accept_first' }],
    ['work', mine, me, { accept: false, write: true, close: true, transfer: true, why: null }],
    ['work', other, senior, { accept: false, write: false, close: false, transfer: false, why: 'led_by_other' }],
    ['closed', mine, me, { accept: false, write: false, close: false, transfer: false, why: 'closed' }],
    ['new', null, stranger, { accept: false, write: false, close: false, transfer: false, why: 'no_match' }],
  ] as const)('%s led by %o', (state, employee, person, can) => {
    expect(abilitiesOf(chat(state, employee), person)).toEqual(can)
  })

  it('gives a chat of the socket its list and a sentence for what may not be done', () => {
    const shared = { id: 5, ...chat('new', null) } as SharedChat
    expect(complete(shared, me, (why) => `say ${why}`)).toMatchObject({ list: 'new', can: { accept: true, why_not: { code: 'accept_first', text: 'say accept_first' } } })
    expect(complete({ ...shared, ...chat('work', other) }, me, String)).toBeNull()
  })
})

describe('moved', () => {
  const counters = { new: 2, mine: 0, others: 1, closed: 4, unread: 0 }

  it('counts a chat out of one list and into another', () => {
    expect(moved(counters, 'new', 'mine')).toEqual({ ...counters, new: 1, mine: 1 })
    expect(moved(counters, null, 'new').new).toBe(3)
    expect(moved(counters, 'others', null).others).toBe(0)
    expect(moved(counters, 'mine', 'mine')).toBe(counters)
  })

  it('never goes below zero', () => {
    expect(moved(counters, 'mine', 'closed').mine).toBe(0)
  })
})
