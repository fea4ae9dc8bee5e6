export interface BriefWords {
  yes: string
  no: string
  nothing: string
  rows: (n: number) => string
}

const longest = 120

/** A value of the settings in a few words: lists of rows by their number, everything else as it is. */
export function brief(value: unknown, words: BriefWords): string {
  if (value === null || value === undefined || value === '') return words.nothing
  if (typeof value === 'boolean') return value ? words.yes : words.no
  if (Array.isArray(value)) {
    if (value.length === 0) return words.nothing
    return value.every((one) => typeof one !== 'object') ? cut(value.join(', ')) : words.rows(value.length)
  }
  return cut(typeof value === 'object' ? JSON.stringify(value) : String(value as string | number))
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}
