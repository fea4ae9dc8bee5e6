import type { Kind, Moment } from './filter'

/** A variable of templates and extra fields, as GET directories/variables tells it. */
export interface Variable {
  id: string
  name: string
  /** What it is, in a few words. */
  hint: string
  group: string
  group_name: string
  sample: string
  known: Partial<Record<Kind, Moment>>
}

/** The longest template, and the longest result by what it names, in characters. */
export const longestTemplate = 1000
export const limits: Record<string, number> = { lead: 255, deal: 255, contact: 50, company: 50 }

export type Fault = { code: 'unclosed' | 'empty' | 'unknown' | 'not_here'; name: string } | { code: 'long'; name: '' }

interface Part {
  text: string
  variable: boolean
}

// Text between variables, and what stands inside the braces, as written.
function scan(template: string): Part[] {
  const parts: Part[] = []
  let rest = template
  for (;;) {
    const open = rest.indexOf('{{')
    const end = open < 0 ? -1 : rest.indexOf('}}', open)
    if (end < 0) return [...parts, { text: rest, variable: false }]
    parts.push({ text: rest.slice(0, open), variable: false }, { text: rest.slice(open + 2, end), variable: true })
    rest = rest.slice(end + 2)
  }
}

export function lengthOf(text: string): number {
  return [...text].length
}

/** What is wrong with a template, in the order of its text; the same rules as the server's (R4). */
export function faultsOf(template: string, variables: readonly Variable[], kind: Kind): Fault[] {
  const known = new Map(variables.map((one) => [one.id, one.known[kind] !== undefined]))
  const faults: Fault[] = lengthOf(template) > longestTemplate ? [{ code: 'long', name: '' }] : []
  for (const { text, variable } of scan(template)) {
    if (!variable) {
      if (text.includes('{{')) faults.push({ code: 'unclosed', name: '' })
      continue
    }
    const name = text.trim()
    const here = known.get(name)
    if (name === '') faults.push({ code: 'empty', name })
    else if (here === undefined) faults.push({ code: 'unknown', name })
    else if (!here) faults.push({ code: 'not_here', name })
  }
  return faults
}

export interface Piece {
  text: string
  mark: 'none' | 'good' | 'bad'
}

/** The text in pieces, for marking: what is a variable, and whether it is one that can be used. Together they are the text. */
export function pieces(template: string, variables: readonly Variable[], kind: Kind): Piece[] {
  return scan(template).flatMap(({ text, variable }): Piece[] => {
    if (variable) return [{ text: `{{${text}}}`, mark: faultsOf(`{{${text}}}`, variables, kind).length === 0 ? 'good' : 'bad' }]
    const open = text.indexOf('{{')
    return open < 0 ? [{ text, mark: 'none' }] : [{ text: text.slice(0, open), mark: 'none' }, { text: text.slice(open), mark: 'bad' }]
  })
}

/** The template with sample values in it: what a name will look like. */
export function preview(template: string, variables: readonly Variable[], limit: number): string {
  const samples = new Map(variables.map((one) => [one.id, one.sample]))
  const filled = scan(template).map(({ text, variable }) => (variable ? plain(samples.get(text.trim()) ?? '') : text)).join('')
  const line = filled.split(/\s+/).filter(Boolean).join(' ')
  const characters = [...line]
  return characters.length > limit ? `${characters.slice(0, limit - 1).join('').trimEnd()}…` : line
}

// What could act as markup is taken out, as the server does.
function plain(value: string): string {
  return value.replaceAll('[', '(').replaceAll(']', ')').replace(/[<>]|\p{Cc}/gu, ' ')
}

/** The text with a variable at a place, and where the cursor then stands. */
export function withVariable(text: string, from: number, to: number, name: string): { text: string; cursor: number } {
  const inserted = `{{${name}}}`
  return { text: text.slice(0, from) + inserted + text.slice(to), cursor: from + inserted.length }
}
