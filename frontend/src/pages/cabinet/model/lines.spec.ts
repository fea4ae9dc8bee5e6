import { describe, expect, it } from 'vitest'
import { carriedOf, choicesOf, notedOf, type Line, type LineList } from './lines'

const line = (id: number, more: Partial<Line> = {}): Line => ({ id, name: `Line ${String(id)}`, active: true, gone: false, channel: null, channel_name: null, channel_type: null, state: 'none', trouble: null, chosen_by: null, ...more })
const offer = (id: number, on: number | null) => ({ id, type: 'avito', name: `Channel ${String(id)}`, active: true, write_first: [], line: on, line_portal: on === null ? null : 1 })
const tied = line(1, { channel: 20, channel_name: 'Sales', channel_type: 'whatsapp', state: 'on' })
const list: LineList = { connector: 'omni_uis', next: null, enabled: true, portal: 1, items: [tied, line(2)], channels: [offer(20, 1), offer(21, null)] }

describe('lines in the cabinet', () => {
  it('offer channels with the line that has them', () => {
    expect(choicesOf(list, line(2), (name) => `on ${name}`).map((one) => [one.id, one.note])).toEqual([[20, 'on Line 1'], [21, '']])
    expect(choicesOf(list, tied, (name) => `on ${name}`).map((one) => one.note)).toEqual(['', ''])
  })

  it('show what a line carries although it is not offered', () => {
    const odd = line(3, { channel: 99, state: 'on' })
    expect(choicesOf(list, odd, String)[0]).toEqual({ id: 99, label: '№ 99', gone: true })
  })

  it('say what is odd about a line', () => {
    expect([notedOf(tied), notedOf(line(2, { active: false })), notedOf(line(2, { gone: true, active: false })), notedOf(line(2, { state: 'connecting' }))]).toEqual([null, 'off', 'gone', 'connecting'])
  })

  it('name what they carry', () => {
    expect(carriedOf(list)).toEqual([{ channel: 20, name: 'Sales', type: 'whatsapp', line: 'Line 1' }])
  })
})
