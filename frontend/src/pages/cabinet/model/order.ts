/** The list with one element at another place. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  if (from === to || from < 0 || to < 0 || from >= list.length || to >= list.length) return [...list]
  const made = [...list]
  const [one] = made.splice(from, 1)
  if (one !== undefined) made.splice(to, 0, one)
  return made
}

/** Where a dragged row lands: `before` counts the gaps between rows, the dragged row leaves one. */
export function landing(from: number, before: number): number {
  return before > from ? before - 1 : before
}
