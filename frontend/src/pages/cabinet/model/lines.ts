import type { Schemas } from '@/api/client'
import type { Choice } from './pick'

export type Line = Schemas['Line']
export type LineList = Schemas['LineList']

/** What a line may carry: the channels offered, each with the line that has it now, and what it carries although it is not offered any more. */
export function choicesOf(list: LineList, line: Line, onLine: (name: string) => string): Choice[] {
  const choices: Choice[] = list.channels.map((offer) => {
    const there = offer.line === null || offer.line === line.id ? undefined : list.items.find((one) => one.id === offer.line)
    return { id: offer.id, label: offer.name || offer.type, note: there ? onLine(there.name) : '' }
  })
  if (line.channel !== null && !choices.some((one) => one.id === line.channel)) choices.unshift({ id: line.channel, label: line.channel_name ?? `№ ${String(line.channel)}`, gone: true })
  return choices
}

/** What is to be said of a line besides its channel; null: nothing. */
export function notedOf(line: Line): 'connecting' | 'disconnecting' | 'gone' | 'off' | null {
  if (line.state === 'connecting' || line.state === 'disconnecting') return line.state
  if (line.gone) return 'gone'
  return line.active ? null : 'off'
}

export interface Carried {
  channel: number
  name: string
  type: string
  line: string
}

/** The lines that carry a channel. */
export function carriedOf(list: LineList): Carried[] {
  return list.items.flatMap((line) => (line.channel === null ? [] : [{ channel: line.channel, name: line.channel_name ?? `№ ${String(line.channel)}`, type: line.channel_type ?? '', line: line.name }]))
}
