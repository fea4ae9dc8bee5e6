import { describe, expect, it } from 'vitest'
import { guideOf, sectionOf } from './guide'

const item = (code: string, ok: boolean) => ({ code, ok, text: code })

describe('the set-up guide', () => {
  it('counts what is done and names what comes next', () => {
    const guide = guideOf([item('portal', true), item('uis', false), item('employees', false)])
    expect(guide).toMatchObject({ done: 1, total: 3, percent: 33 })
    expect(guide.next?.code).toBe('uis')
  })

  it('has no next step when all is done, and nothing to count when nothing is known', () => {
    expect(guideOf([item('portal', true)]).next).toBeNull()
    expect(guideOf([])).toEqual({ done: 0, total: 0, percent: 0, next: null })
  })

  it.each([
    ['uis', 'uis'],
    ['data_api', 'uis'],
    ['employees', 'employees'],
    ['last_names', 'employees'],
    ['channels', 'uis'],
    ['chats', 'chats'],
    ['main', 'main'],
    ['placements', 'main'],
    ['connector', 'lines'],
    ['commands_refused', 'operations'],
  ])('leads from %s to %s', (code, section) => {
    expect(sectionOf(code)).toBe(section)
  })
})
