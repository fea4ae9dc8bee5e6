import { describe, expect, it } from 'vitest'
import { layOut } from './rows'
import { emptyTimeline, merge } from './timeline'
import type { Message } from './types'

const at = (day: number, minute: number) => new Date(2026, 10, day, 12, minute).toISOString()
const message = (id: number, side: Message['side'], created_at: string): Message => ({
  id, chat: 5, key: null, side, kind: 'text', text: 'text', status: 'received', created_at,
})
const shape = (messages: Message[], unreadFrom: number | null = null) =>
  layOut(merge(emptyTimeline, messages, 1), unreadFrom).map((row) => (row.type === 'message' ? `${row.first ? '(' : '-'}${String(row.entry.message.id)}${row.last ? ')' : '-'}` : row.type))

describe('layOut', () => {
  it('separates days and keeps what one person says in a row together', () => {
    expect(shape([message(1, 'client', at(1, 0)), message(2, 'client', at(1, 1)), message(3, 'operator', at(1, 2)), message(4, 'operator', at(2, 0))]))
      .toEqual(['day', '(1-', '-2)', '(3)', 'day', '(4)'])
  })

  it('starts anew after a pause and for each service message', () => {
    expect(shape([message(1, 'client', at(1, 0)), message(2, 'client', at(1, 30)), message(3, 'system', at(1, 31)), message(4, 'system', at(1, 31))]))
      .toEqual(['day', '(1)', '(2)', '(3)', '(4)'])
  })

  it('marks where the unread ones begin, once, at a message of the client', () => {
    expect(shape([message(1, 'client', at(1, 0)), message(2, 'operator', at(1, 1)), message(3, 'client', at(1, 2)), message(4, 'client', at(1, 3))], 2))
      .toEqual(['day', '(1)', '(2)', 'unread', '(3-', '-4)'])
  })

  it('gives every row a name of its own', () => {
    const rows = layOut(merge(emptyTimeline, [message(1, 'client', at(1, 0)), message(2, 'client', at(3, 0))], 1), 2).map((row) => row.row)
    expect(new Set(rows).size).toBe(rows.length)
  })
})
