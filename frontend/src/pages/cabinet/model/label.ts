import { Problem } from '@/shared/problem'
import { nameOf, shown } from './settings'

export interface Words {
  t: (key: string, values?: Record<string, unknown>) => string
  te: (key: string) => boolean
}

/** A field of the settings in words: its section, its name, and which row of its list; undefined for what is no setting. */
export function labelOf(pointer: string, { t, te }: Words): string | undefined {
  const section = `cabinet.section.${pointer.split('/')[1] ?? ''}`
  const field = `cabinet.field.${nameOf(pointer)}`
  if (!te(field) || !te(section)) return undefined
  const list = shown.find((one) => pointer.startsWith(`${one}/`))
  const row = list === undefined ? Number.NaN : Number(pointer.slice(list.length + 1).split('/')[0])
  return `${t(section)}: ${t(field)}${Number.isInteger(row) && list !== '/lines/auto_close_min' ? t('cabinet.row', { n: row + 1 }) : ''}`
}

/** What an answer of the server says of single fields, in words. */
export function fieldsOf(error: unknown, words: Words): string[] {
  if (!(error instanceof Problem)) return []
  return [...new Set(error.errors.map((one) => [labelOf(one.field, words), one.text].filter(Boolean).join(': ')))]
}
