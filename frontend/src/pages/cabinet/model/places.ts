import type { Section } from './guide'

/** The tabs of the sections that have some, in their order. */
export const tabs = {
  telephony: ['main', 'templates', 'funnels', 'responsibles', 'fields'],
  chats: ['main', 'templates', 'fields', 'filters', 'funnels'],
  requests: ['main', 'templates', 'fields', 'filters', 'funnels'],
  lines: ['main', 'fields'],
} as const

export type Tabbed = keyof typeof tabs
export type Tab = (typeof tabs)[Tabbed][number]

export interface Spot {
  section: Section
  tab: Tab
}

// What stands on another tab than the first one.
const elsewhere: [RegExp, Tab][] = [
  [/^templates?$/, 'templates'],
  [/^funnels?_?/, 'funnels'],
  [/^fields/, 'fields'],
]

/** Where on the page a field of the settings stands. */
export function spotOf(pointer: string): Spot {
  const [section = '', field = ''] = pointer.split('/').slice(1)
  if (!isTabbed(section)) return { section: 'main', tab: 'main' }
  const tab = elsewhere.find(([pattern]) => pattern.test(field))?.[1]
  if (tab) return { section, tab }
  if (section === 'telephony' && field.startsWith('responsible') && !['responsible_later', 'responsible_after_min'].includes(field)) return { section, tab: 'responsibles' }
  if ((section === 'chats' || section === 'requests') && field === 'filter') return { section, tab: 'filters' }
  return { section, tab: 'main' }
}

export function isTabbed(section: string): section is Tabbed {
  return section in tabs
}

/** Which sections and tabs hold a wrong field, as `chats` and `chats/funnels`. */
export function marksOf(pointers: readonly string[]): Set<string> {
  return new Set(pointers.flatMap((pointer) => {
    const { section, tab } = spotOf(pointer)
    return [section, `${section}/${tab}`]
  }))
}
