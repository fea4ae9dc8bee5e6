import { describe, expect, it } from 'vitest'
import { found, hereOf, lineOf, optionsOf, phaseOf, type Line, type LineList } from './lines'

const line = (id: number, more: Partial<Line> = {}): Line => ({ id, name: `Line ${String(id)}`, active: true, gone: false, channel: null, channel_name: null, channel_type: null, state: 'none', trouble: null, chosen_by: null, ...more })
const channel = (id: number, name: string, on: number | null = null, portal: number | null = on === null ? null : 1) => ({ id, type: 'whatsapp', name, active: true, write_first: [], line: on, line_portal: portal })
const list = (more: Partial<LineList> = {}): LineList => ({ connector: 'omni_uis', next: null, enabled: true, portal: 1, items: [line(1, { channel: 20, channel_name: 'Sales', state: 'on' }), line(2)], channels: [channel(19, 'Help'), channel(20, 'Sales', 1)], ...more })

describe('the line of the connector page', () => {
  it('is read from the context', () => {
    expect([lineOf({ line: '3' }), lineOf({}), lineOf({ line: 'x' }), lineOf({ line: '0' })]).toEqual([3, null, null, null])
  })

  it('is there also when the portal does not list it', () => {
    expect(hereOf(list(), 1).name).toBe('Line 1')
    expect([hereOf(list(), 9).name, hereOf(list(), 9).gone, hereOf(list(), 9).state]).toEqual(['№ 9', true, 'none'])
  })

  it.each([
    ['off', list({ enabled: false }), line(1, { channel: 20, state: 'on' }), false],
    ['done', list(), line(1, { channel: 20, state: 'on' }), false],
    ['choose', list(), line(1, { channel: 20, state: 'on' }), true],
    ['choose', list(), line(2), false],
    ['choose', list(), line(2, { state: 'failed' }), false],
    ['waiting', list(), line(2, { state: 'connecting' }), true],
    ['waiting', list(), line(2, { state: 'disconnecting' }), false],
  ])('shows %s', (phase, whole, here, changing) => {
    expect(phaseOf(whole, here, changing)).toBe(phase)
  })
})

describe('the channels to choose from', () => {
  it('say which other line carries one, and which this line has', () => {
    expect(optionsOf(list(), line(2), 1).map((one) => [one.id, one.from, one.current])).toEqual([[19, null, false], [20, 'Line 1', false]])
    const here = list().items[0] as Line
    expect(optionsOf(list(), here, 1).map((one) => [one.id, one.from, one.current])).toEqual([[20, null, true], [19, null, false]])
  })

  it('name a line of another portal by its number', () => {
    const other = list({ channels: [channel(20, 'Sales', 1, 7)] })
    expect(optionsOf(other, line(1), 1).map((one) => one.from)).toEqual(['№ 1'])
  })

  it('are found by name and type, and what is chosen stays', () => {
    const options = optionsOf(list(), line(2), 1)
    expect(found(options, 'hel', null).map((one) => one.id)).toEqual([19])
    expect(found(options, 'hel', 20).map((one) => one.id)).toEqual([19, 20])
    expect(found(options, 'whats', null)).toHaveLength(2)
    expect(found(options, 'zz', null)).toHaveLength(0)
  })
})
