import { describe, expect, it } from 'vitest'
import { percent, readContext, succeeded } from './steps'

const ok = { code: 'events', ok: true, text: 'Events' }
const bad = { code: 'left-menu', ok: false, text: 'Menu', cure: 'Try again' }

describe('steps of the installation', () => {
  it('succeeds only when every step did', () => {
    expect(succeeded([ok, bad])).toBe(false)
    expect(succeeded([ok, ok])).toBe(true)
    expect(succeeded([])).toBe(false)
  })

  it('counts what is there', () => {
    expect(percent([])).toBeNull()
    expect(percent([ok, bad])).toBe(50)
    expect(percent([ok, ok, bad])).toBe(67)
  })

  it('reads who opened the page', () => {
    expect(readContext({ admin: true, reinstall: true })).toEqual({ admin: true, reinstall: true })
    expect(readContext({})).toEqual({ admin: null, reinstall: false })
  })
})
