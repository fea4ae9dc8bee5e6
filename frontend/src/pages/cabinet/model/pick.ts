export type Id = string | number

/** Something that can be chosen. `gone`: it is chosen and is not there any more. */
export interface Choice {
  id: Id
  label: string
  note?: string
  /** A second line: what it is. */
  hint?: string
  /** A third line: how it is written, with an example. */
  example?: string
  /** The name of the group or branch it stands in. */
  group?: string
  gone?: boolean
}

export type Row = { kind: 'group'; key: string; label: string; count: number; open: boolean } | { kind: 'choice'; key: string; choice: Choice; nested: boolean }

/** The rows of an open menu: found choices under their groups; branches of a tree are open where asked, and all of them while searching. */
export function rowsOf(choices: readonly Choice[], query: string, tree: boolean, opened: ReadonlySet<string>): Row[] {
  const wanted = query.trim().toLowerCase()
  const groups = new Map<string, Choice[]>()
  for (const choice of choices) {
    if (wanted && !`${choice.label} ${choice.note ?? ''} ${choice.hint ?? ''} ${choice.example ?? ''}`.toLowerCase().includes(wanted)) continue
    const group = choice.group ?? ''
    const list = groups.get(group)
    if (list) list.push(choice)
    else groups.set(group, [choice])
  }
  const rows: Row[] = []
  for (const [group, list] of groups) {
    const open = !tree || wanted !== '' || opened.has(group)
    if (group) rows.push({ kind: 'group', key: `group:${group}`, label: group, count: list.length, open })
    if (open) for (const choice of list) rows.push({ kind: 'choice', key: `choice:${group}:${String(choice.id)}`, choice, nested: group !== '' })
  }
  return rows
}

const rowHeight = 36
const hintedHeight = 52
const exampleHeight = 68

/** How high a row of an open menu is, in pixels. */
export function heightOf(row: Row): number {
  if (row.kind === 'group') return rowHeight
  return row.choice.example ? exampleHeight : row.choice.hint ? hintedHeight : rowHeight
}

/** The choices with those chosen ones in front that the list does not know: they vanished, or the list could not be read (S4). */
export function withChosen(choices: readonly Choice[], chosen: readonly Id[], missing: (id: Id) => Choice): Choice[] {
  const known = new Set(choices.map((one) => String(one.id)))
  return [...chosen.filter((id) => !known.has(String(id))).map(missing), ...choices]
}

/** A value more or less of several. */
export function toggle(chosen: readonly Id[], id: Id): Id[] {
  return chosen.some((one) => String(one) === String(id)) ? chosen.filter((one) => String(one) !== String(id)) : [...chosen, id]
}

/** How something is shown of which only the id is known: people and channels have numbers, stages and fields words. */
export function missingLabel(id: Id, plain: boolean): string {
  return plain || typeof id === 'string' ? String(id) : `№ ${String(id)}`
}
