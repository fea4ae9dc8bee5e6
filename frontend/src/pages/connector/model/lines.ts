import type { Schemas } from '@/api/client'

export type Line = Schemas['Line']
export type LineList = Schemas['LineList']

export interface LineRow {
  line: Line
  /** Name of the channel the line carries, null when it carries none. */
  channel: string | null
  /** The line this page was opened for. */
  here: boolean
}

/** Lines with the names of their channels, the line of the page first. */
export function rowsOf(list: LineList, here: number | null): LineRow[] {
  const names = new Map((list.channels ?? []).map((channel) => [channel.id, channel.name]))
  return list.items
    .map((line) => ({
      line,
      channel: line.channel === null ? null : (names.get(line.channel) ?? `№ ${String(line.channel)}`),
      here: line.id === here,
    }))
    .sort((a, b) => Number(b.here) - Number(a.here))
}

/** The number of the line in the page's context, which carries it as a text. */
export function lineOf(context: Record<string, unknown>): number | null {
  const line = Number(context.line)
  return Number.isInteger(line) && line > 0 ? line : null
}
