import { describe, expect, it } from 'vitest'
import { lineOf, rowsOf } from './lines'

const channel = { id: 20, type: 'whatsapp', name: 'WhatsApp sales', active: true, write_first: [] }

describe('lines of the connector', () => {
  it('names the channel of each line and puts the line of the page first', () => {
    const rows = rowsOf(
      {
        connector: 'omni',
        next: null,
        channels: [channel],
        items: [
          { id: 1, name: 'Sales', active: true, channel: 20 },
          { id: 2, name: 'Support', active: false, channel: null },
          { id: 3, name: 'Old', active: true, channel: 99 },
        ],
      },
      2,
    )
    expect(rows.map((row) => [row.line.id, row.channel, row.here])).toEqual([
      [2, null, true],
      [1, 'WhatsApp sales', false],
      [3, '№ 99', false],
    ])
  })

  it('reads the line from the context', () => {
    expect(lineOf({ line: '3' })).toBe(3)
    expect(lineOf({})).toBeNull()
    expect(lineOf({ line: 'x' })).toBeNull()
  })
})
