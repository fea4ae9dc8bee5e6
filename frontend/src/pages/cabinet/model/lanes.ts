import type { Schemas } from '@/api/client'

export type Lane = Schemas['Lane']

/** From so many failures in a row on the server sends one probe at a time. */
const probing = 5
/** So full a budget leaves nothing for background work; so full, almost nothing for anybody. */
const half = 0.5
const nearly = 0.9

export type Tone = 'calm' | 'warn' | 'bad'
export type LaneState = 'asleep' | 'probing' | 'paused' | 'unclear' | 'waiting' | 'busy' | 'idle'

/** A bar: how much of it is full, and how that is to be read. */
export interface Bar {
  /** From 0 to 100, for the width. */
  percent: number
  tone: Tone
}

/** A bar of what is used; without a limit there is none. */
export function barOf(used: number, limit: number): Bar | null {
  if (!(limit > 0)) return null
  const share = Math.min(1, Math.max(0, used / limit))
  return { percent: Math.round(share * 1000) / 10, tone: share >= nearly ? 'bad' : share >= half ? 'warn' : 'calm' }
}

/** The one word for a lane: what keeps it from sending comes before what it does. */
export function stateOf(lane: Lane, now: number): LaneState {
  if (lane.asleep) return 'asleep'
  if (lane.failures >= probing) return 'probing'
  if (later(lane.paused_until, now)) return 'paused'
  if (lane.in_flight > 0) return 'busy'
  if (lane.unclear > 0) return 'unclear'
  return lane.ready > 0 ? 'waiting' : 'idle'
}

export function toneOf(state: LaneState): Tone {
  if (state === 'asleep') return 'bad'
  return state === 'probing' || state === 'paused' || state === 'unclear' ? 'warn' : 'calm'
}

/** Whether a moment is still to come. */
export function later(moment: string | null, now: number): boolean {
  return moment !== null && Date.parse(moment) > now
}

/** Methods that rest now, the one that comes back first on top. */
export function restingOf(lane: Lane, now: number): Lane['resting'] {
  return lane.resting.filter((one) => later(one.until, now)).sort((one, other) => Date.parse(one.until) - Date.parse(other.until))
}

/** Operating seconds by method, the fullest first. What was counted before its reset does not count any more. */
export function operatingOf(lane: Lane, now: number): (Lane['operating'][number] & { bar: Bar })[] {
  return lane.operating
    .filter((one) => later(one.reset_at, now))
    .flatMap((one) => {
      const bar = barOf(one.used_seconds, one.limit_seconds)
      return bar ? [{ ...one, bar }] : []
    })
    .sort((one, other) => other.bar.percent - one.bar.percent || one.method.localeCompare(other.method))
}

export interface PointsBar {
  span: 'day' | 'minute'
  left: number
  limit: number
  bar: Bar
}

/** UIS points, as bars of what is used; a span without a limit is left out. */
export function pointsOf(lane: Lane): PointsBar[] {
  const points = lane.points
  if (!points) return []
  return (['day', 'minute'] as const).flatMap((span) => {
    const left = points[`${span}_left`]
    const limit = points[`${span}_limit`]
    const bar = barOf(limit - left, limit)
    return bar ? [{ span, left, limit, bar }] : []
  })
}

/** Lanes that send nothing come first, then portals before UIS, by number. Nothing that changes from second to second moves a lane. */
export function sortLanes(lanes: readonly Lane[]): Lane[] {
  const rank = (lane: Lane) => (lane.asleep ? 0 : 1)
  return [...lanes].sort((one, other) => rank(one) - rank(other) || one.kind.localeCompare(other.kind) || (one.portal ?? 0) - (other.portal ?? 0))
}

/** How long ago something was, in the largest unit that counts at least one. */
export function ageOf(moment: string, now: number): { value: number; unit: 'second' | 'minute' | 'hour' | 'day' } {
  const seconds = Math.max(0, Math.floor((now - Date.parse(moment)) / 1000))
  if (seconds < 60) return { value: seconds, unit: 'second' }
  if (seconds < 3600) return { value: Math.floor(seconds / 60), unit: 'minute' }
  if (seconds < 86_400) return { value: Math.floor(seconds / 3600), unit: 'hour' }
  return { value: Math.floor(seconds / 86_400), unit: 'day' }
}

export function keyOf(lane: Pick<Lane, 'kind' | 'portal'>): string {
  return `${lane.kind}:${String(lane.portal ?? 0)}`
}

/** How long until the lanes are asked for again: a server that does not answer is asked less and less often. */
export function nextLook(failures: number): number {
  return Math.min(30_000, 3_000 * 2 ** failures)
}
