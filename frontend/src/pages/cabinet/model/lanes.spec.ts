import { describe, expect, it } from 'vitest'
import { ageOf, barOf, nextLook, operatingOf, pointsOf, restingOf, sortLanes, stateOf, toneOf, type Lane } from './lanes'

const now = Date.parse('2026-11-20T10:00:00Z')
const in1 = '2026-11-20T10:01:00Z'
const in2 = '2026-11-20T10:02:00Z'
const past = '2026-11-20T09:59:59Z'
const lane = (more: Partial<Lane> = {}): Lane => ({
  kind: 'b24', portal: 1, portal_name: 'Example', level: 0, size: 50, drain: 2, ready: 0, in_flight: 0, unclear: 0, failures: 0, asleep: null, paused_until: null,
  resting: [], operating: [], points: null, oldest_ready_at: null, ...more,
})

describe('the bar of a budget', () => {
  it.each([
    [0, 50, 0, 'calm'],
    [12.5, 50, 25, 'calm'],
    [25, 50, 50, 'warn'],
    [45, 50, 90, 'bad'],
    [75, 50, 100, 'bad'],
    [-1, 50, 0, 'calm'],
    [1, 3, 33.3, 'calm'],
  ] as const)('%d of %d is %d %%, %s', (used, limit, percent, tone) => {
    expect(barOf(used, limit)).toEqual({ percent, tone })
  })

  it('is not there without a limit', () => {
    expect(barOf(3, 0)).toBeNull()
    expect(barOf(3, Number.NaN)).toBeNull()
  })
})

describe('the state of a lane', () => {
  it.each([
    ['asleep', { asleep: { code: 'unpaid', text: '' }, failures: 9, ready: 3 }, 'bad'],
    ['probing', { failures: 5, paused_until: in1 }, 'warn'],
    ['paused', { paused_until: in1, failures: 4, ready: 1 }, 'warn'],
    ['busy', { paused_until: past, in_flight: 1, unclear: 1 }, 'calm'],
    ['unclear', { unclear: 2, ready: 1 }, 'warn'],
    ['waiting', { ready: 1 }, 'calm'],
    ['idle', {}, 'calm'],
  ] as const)('%s', (state, more, tone) => {
    expect(stateOf(lane(more), now)).toBe(state)
    expect(toneOf(state)).toBe(tone)
  })
})

describe('what limits a lane', () => {
  it('lists methods that rest, the soonest first, without those that are back', () => {
    const resting = [{ method: 'b', until: in2 }, { method: 'gone', until: past }, { method: 'a', until: in1 }]
    expect(restingOf(lane({ resting }), now).map((one) => one.method)).toEqual(['a', 'b'])
  })

  it('lists operating seconds, the fullest first, without what was reset', () => {
    const operating = [
      { method: 'low', used_seconds: 48, limit_seconds: 480, reset_at: in1 },
      { method: 'gone', used_seconds: 470, limit_seconds: 480, reset_at: past },
      { method: 'high', used_seconds: 450, limit_seconds: 480, reset_at: in2 },
      { method: 'free', used_seconds: 5, limit_seconds: 0, reset_at: in1 },
    ]
    expect(operatingOf(lane({ operating }), now).map((one) => [one.method, one.bar.percent, one.bar.tone])).toEqual([['high', 93.8, 'bad'], ['low', 10, 'calm']])
  })

  it('shows points as what is used of a limit', () => {
    expect(pointsOf(lane({ points: { day_left: 250, day_limit: 1000, minute_left: 60, minute_limit: 60 } }))).toEqual([
      { span: 'day', left: 250, limit: 1000, bar: { percent: 75, tone: 'warn' } },
      { span: 'minute', left: 60, limit: 60, bar: { percent: 0, tone: 'calm' } },
    ])
    expect(pointsOf(lane({ points: { day_left: 0, day_limit: 0, minute_left: 0, minute_limit: 0 } }))).toEqual([])
    expect(pointsOf(lane())).toEqual([])
  })
})

it('lanes that send nothing come first, then portals by number, then UIS', () => {
  const lanes = [lane({ kind: 'uis.data', portal: null }), lane({ portal: 12 }), lane({ kind: 'uis.chat', portal: null, asleep: { code: 'x', text: '' } }), lane({ portal: 3, failures: 7 })]
  expect(sortLanes(lanes).map((one) => [one.kind, one.portal])).toEqual([['uis.chat', null], ['b24', 3], ['b24', 12], ['uis.data', null]])
})

it.each([
  [in1, 0, 'second'],
  ['2026-11-20T09:59:13Z', 47, 'second'],
  ['2026-11-20T09:58:00Z', 2, 'minute'],
  ['2026-11-20T07:01:00Z', 2, 'hour'],
  ['2026-11-17T10:00:00Z', 3, 'day'],
])('how long ago %s was', (moment, value, unit) => {
  expect(ageOf(moment, now)).toEqual({ value, unit })
})

it('a server that does not answer is asked less and less often', () => {
  expect([0, 1, 2, 3, 9].map(nextLook)).toEqual([3_000, 6_000, 12_000, 24_000, 30_000])
})
