import { describe, expect, it } from 'vitest'
import { addPending, bounds, changeSending, dropPending, emptyTimeline, merge, type Sending } from './timeline'
import type { Message } from './types'

const sending: Sending = { state: 'posting', progress: 0, error: null, again: false }
const message = (id: number, more: Partial<Message> = {}): Message => ({
  id, chat: 5, key: null, side: 'client', kind: 'text', text: `text ${String(id)}`, status: 'received', created_at: '2026-11-24T09:00:00Z', ...more,
})
const numbers = (timeline: ReturnType<typeof merge>) => timeline.known.map((entry) => entry.message.id)

describe('merge', () => {
  it('keeps the order of numbers, whatever comes first', () => {
    let timeline = merge(emptyTimeline, [message(10), message(11)], 1)
    timeline = merge(timeline, [message(3), message(4)], 1)
    timeline = merge(timeline, [message(12)], 2)
    timeline = merge(timeline, [message(7), message(13)], 3)
    expect(numbers(timeline)).toEqual([3, 4, 7, 10, 11, 12, 13])
    expect(bounds(timeline)).toEqual({ oldest: 3, newest: 13 })
  })

  it('never shows a message twice', () => {
    let timeline = merge(emptyTimeline, [message(1), message(2)], 1)
    timeline = merge(timeline, [message(2), message(3)], 2)
    timeline = merge(timeline, [message(3)], 2)
    expect(numbers(timeline)).toEqual([1, 2, 3])
  })

  it('lets an older telling never overwrite a newer one', () => {
    let timeline = merge(emptyTimeline, [message(1, { status: 'delivered' })], 20)
    timeline = merge(timeline, [message(1, { status: 'sent' })], 15)
    expect(timeline.known[0]?.message.status).toBe('delivered')
    timeline = merge(timeline, [message(1, { status: 'read' })], 21)
    expect(timeline.known[0]?.message.status).toBe('read')
  })

  it('replaces the optimistic message by its echo, in the same row', () => {
    const optimistic = message(0, { key: 'a', side: 'operator', status: 'queued' })
    let timeline = addPending(merge(emptyTimeline, [message(1)], 1), optimistic, sending)
    const row = timeline.pending[0]?.row
    timeline = merge(timeline, [message(2, { key: 'a', side: 'operator', status: 'sent' })], 2)
    expect(timeline.pending).toHaveLength(0)
    expect(timeline.known.at(-1)).toMatchObject({ row, sending: null, message: { id: 2, status: 'sent' } })
    // The answer to the request comes after the echo and is older than it.
    timeline = merge(timeline, [message(2, { key: 'a', side: 'operator', status: 'queued' })], 1)
    expect(numbers(timeline)).toEqual([1, 2])
    expect(timeline.known.at(-1)?.message.status).toBe('sent')
  })

  it('leaves other messages on their way alone', () => {
    let timeline = addPending(emptyTimeline, message(0, { key: 'a' }), sending)
    timeline = addPending(timeline, message(0, { key: 'b' }), sending)
    timeline = merge(timeline, [message(1, { key: 'a' }), message(2)], 1)
    expect(timeline.pending.map((entry) => entry.message.key)).toEqual(['b'])
  })

  it('keeps 10,000 messages as they are when one more comes', () => {
    const all = Array.from({ length: 10_000 }, (_, i) => message(i + 1))
    const before = merge(emptyTimeline, all, 1)
    const after = merge(before, [message(10_001)], 2)
    expect(after.known).toHaveLength(10_001)
    // Rows that did not change are the same objects, so nothing of them is drawn again.
    expect(after.known[5_000]).toBe(before.known[5_000])
  })
})

describe('messages on their way', () => {
  it('change their state and can be given up', () => {
    let timeline = addPending(emptyTimeline, message(0, { key: 'a' }), sending)
    timeline = changeSending(timeline, 'a', { state: 'failed', error: 'no connection', again: true })
    expect(timeline.pending[0]?.sending).toEqual({ state: 'failed', progress: 0, error: 'no connection', again: true })
    expect(changeSending(timeline, 'other', { progress: 1 }).pending[0]?.sending?.progress).toBe(0)
    expect(dropPending(timeline, 'a').pending).toHaveLength(0)
  })
})
