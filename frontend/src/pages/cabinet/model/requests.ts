import type { Schemas } from '@/api/client'

export type LoggedRequest = Schemas['RequestShort']
export type LoggedPart = Schemas['RequestPart']

/** What the person typed and chose; texts are as typed. */
export interface Filters {
  portal: number | null
  communication: string
  method: string
  failed: boolean
}

export const noFilters: Filters = { portal: null, communication: '', method: '', failed: false }

export interface Query {
  portal?: number
  communication?: string
  method?: string
  failed?: 1
}

/** A communication as the server names it, such as `chat:101`. A bare number is a chat. Null: this names none. */
export function communicationOf(typed: string): string | null {
  const found = /^(?:(call|chat|request)\s*:\s*)?#?(\d{1,18})$/i.exec(typed.trim())
  return found ? `${(found[1] ?? 'chat').toLowerCase()}:${found[2] ?? ''}` : null
}

/** Whether what was typed as a communication cannot be searched for. */
export function wrongCommunication(typed: string): boolean {
  return typed.trim() !== '' && communicationOf(typed) === null
}

/** What is asked of the server: without what was not filled in, or cannot be understood. */
export function queryOf(filters: Filters): Query {
  const communication = communicationOf(filters.communication)
  const method = filters.method.trim().toLowerCase()
  return {
    ...(filters.portal === null ? {} : { portal: filters.portal }),
    ...(communication ? { communication } : {}),
    ...(method ? { method } : {}),
    ...(filters.failed ? { failed: 1 as const } : {}),
  }
}

export function filtered(filters: Filters): boolean {
  return Object.keys(queryOf(filters)).length > 0
}

/** Where the requests of a command are found: those of its communication, else all of its method. */
export function filtersOfCommand(command: Pick<Schemas['Command'], 'kind' | 'key'>): Filters {
  const communication = /^(call|chat|request):\d+$/.test(command.key ?? '') ? (command.key ?? '') : ''
  return { ...noFilters, communication, method: communication ? '' : command.kind }
}

export interface Names {
  shown: string[]
  /** How many more there are. */
  more: number
}

/** The first few of many names. A remainder of one is shown instead of being counted. */
export function few(names: readonly string[], limit: number): Names {
  const unique = [...new Set(names)]
  const shown = unique.length === limit + 1 ? unique : unique.slice(0, limit)
  return { shown, more: unique.length - shown.length }
}

export interface Day {
  day: string
  items: LoggedRequest[]
}

/** Requests by the day they were made on, by the browser's clock; a request that came with two pages is shown once. */
export function byDay(items: readonly LoggedRequest[]): Day[] {
  const days: Day[] = []
  const seen = new Set<string>()
  for (const item of items) {
    if (seen.has(item.id)) continue
    seen.add(item.id)
    const at = new Date(item.at)
    const day = `${String(at.getFullYear())}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`
    const last = days.at(-1)
    if (last?.day === day) last.items.push(item)
    else days.push({ day, items: [item] })
  }
  return days
}

export type Verdict = 'ok' | 'part' | 'bad'

/** How a request ended as a whole. */
export function verdictOf(request: Pick<LoggedRequest, 'commands' | 'failed'>): Verdict {
  if (request.failed === 0) return 'ok'
  return request.failed < request.commands ? 'part' : 'bad'
}

/** Any value as text to read. */
export function pretty(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '')
}
