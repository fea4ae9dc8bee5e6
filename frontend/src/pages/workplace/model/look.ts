/** Colours of avatars without a picture, after the portal's own messenger; dark enough for white letters. */
const palette = ['#c2451f', '#4d7f0e', '#35795f', '#337a94', '#2f77a1', '#6f5fb8', '#157a6e', '#c93c62', '#35802a', '#8f6350', '#29619b', '#86683f']

/** The colour of a person: the same for the same name or number. */
export function colourOf(seed: number | string): string {
  let sum = 0
  for (const letter of String(seed)) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973
  return palette[sum % palette.length] ?? '#3e99ce'
}

/** One or two letters for an avatar; empty for names that are telephone numbers. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word))
  return words.slice(0, 2).map((word) => [...word][0]?.toUpperCase() ?? '').join('')
}

/** A size in words: 512 B, 34 KB, 1.2 MB. */
export function sizeOf(bytes: number, language: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: units[unit],
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0,
  }).format(value)
}

/** Which bubble a file gets, by its type. */
export function kindOf(mime: string): 'image' | 'video' | 'audio' | 'document' {
  const type = mime.split('/')[0]
  return type === 'image' || type === 'video' || type === 'audio' ? type : 'document'
}

/** The last part of a file's name, for the tile of a document. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(dot + 1, dot + 5).toUpperCase() : ''
}

const link = /\bhttps?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'»]/giu

/** Cuts a text into plain parts and links; nothing else of it is ever treated as markup. */
export function linked(text: string): { text: string; href: string | null }[] {
  const parts: { text: string; href: string | null }[] = []
  let at = 0
  for (const found of text.matchAll(link)) {
    if (found.index > at) parts.push({ text: text.slice(at, found.index), href: null })
    parts.push({ text: found[0], href: found[0] })
    at = found.index + found[0].length
  }
  if (at < text.length) parts.push({ text: text.slice(at), href: null })
  return parts
}
