import type { Schemas } from '@/api/client'

export type Line = Schemas['Line']
export type LineList = Schemas['LineList']
export type Offer = Schemas['LineChannel']

/** The number of the line in the page's context, which carries it as a text; null: the portal did not say which. */
export function lineOf(context: Record<string, unknown>): number | null {
  const line = Number(context.line)
  return Number.isInteger(line) && line > 0 ? line : null
}

/** The line this page was opened for. One that the portal does not list is still that line: it may be new. */
export function hereOf(list: LineList, id: number): Line {
  return list.items.find((one) => one.id === id)
    ?? { id, name: `№ ${String(id)}`, active: true, gone: true, channel: null, channel_name: null, channel_type: null, state: 'none', trouble: null, chosen_by: null }
}

/** What the page shows: a section that is off, a choice under way, what is connected, or the choice. */
export type Phase = 'off' | 'waiting' | 'done' | 'choose'

/** `changing`: the person asked to change what is connected. */
export function phaseOf(list: LineList, line: Line, changing: boolean): Phase {
  if (!list.enabled) return 'off'
  if (line.state === 'connecting' || line.state === 'disconnecting') return 'waiting'
  return line.state === 'on' && !changing ? 'done' : 'choose'
}

export interface Option {
  id: number
  name: string
  type: string
  active: boolean
  /** Another line that carries it now and would lose it; its number when it has no name here (it is of another portal). */
  from: string | null
  /** It is the one this line carries. */
  current: boolean
}

/** The channels to choose from, what the line carries first. */
export function optionsOf(list: LineList, line: Line, portal: number | null): Option[] {
  const named = (offer: Offer): string | null => {
    if (offer.line === null || (offer.line === line.id && (portal === null || offer.line_portal === portal))) return null
    const there = portal === null || offer.line_portal === portal ? list.items.find((one) => one.id === offer.line) : undefined
    return there?.name ?? `№ ${String(offer.line)}`
  }
  return list.channels
    .map((offer) => ({ id: offer.id, name: offer.name || offer.type, type: offer.type, active: offer.active, from: named(offer), current: offer.id === line.channel }))
    .sort((a, b) => Number(b.current) - Number(a.current))
}

/** The channels that a search in the list leaves; what is chosen stays. */
export function found(options: Option[], query: string, chosen: number | null): Option[] {
  const wanted = query.trim().toLowerCase()
  return options.filter((one) => !wanted || one.id === chosen || one.name.toLowerCase().includes(wanted) || one.type.includes(wanted))
}
