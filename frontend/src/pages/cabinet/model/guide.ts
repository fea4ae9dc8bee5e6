import type { Schemas } from '@/api/client'

export type HealthItem = Schemas['Step']
export const sections = ['main', 'telephony', 'chats', 'requests', 'lines', 'uis', 'employees', 'communications', 'operations'] as const
export type Section = (typeof sections)[number]

export interface Guide {
  done: number
  total: number
  percent: number
  /** The first thing that is not done: what to do next. */
  next: HealthItem | null
}

/** How far the set-up is, from the server's self-check, which lists the steps in their order. */
export function guideOf(items: readonly HealthItem[]): Guide {
  const done = items.filter((item) => item.ok).length
  return {
    done,
    total: items.length,
    percent: items.length === 0 ? 0 : Math.round((done / items.length) * 100),
    next: items.find((item) => !item.ok) ?? null,
  }
}

const places: [RegExp, Section][] = [
  [/employee|last_name|match/, 'employees'],
  [/uis|api|adapter|channel|chats_login|notification|webhook/, 'uis'],
  [/command|operation|refused|unclear/, 'operations'],
  [/^(calls|telephony)/, 'telephony'],
  [/^chats$/, 'chats'],
  [/^requests/, 'requests'],
  [/^(lines?|connector)/, 'lines'],
]

/** Where on this page a thing is put right. */
export function sectionOf(code: string): Section {
  return places.find(([pattern]) => pattern.test(code))?.[1] ?? 'main'
}
