export type Op = 'include' | 'exclude'
export type Moment = 'start' | 'answer' | 'end' | 'report'
/** A kind of communication, as the server's catalogue names it. */
export type Kind = 'call' | 'chat' | 'request' | 'line'

/** A row of a filter; without `op` it is half-filled. */
export interface Condition {
  param: string
  op: Op | ''
  values: string[]
}

/** Groups of rows: AND inside a group, OR between groups; no group matches everything (R1). */
export type Filter = Condition[][]

/** A parameter of conditions, as GET directories/parameters tells it (R2). */
export interface Parameter {
  id: string
  name: string
  directory: string | null
  values: string[]
  free: boolean
  places: Partial<Record<string, Op[]>>
  known: Partial<Record<Kind, Moment>>
}

export function parametersAt(list: readonly Parameter[], place: string): Parameter[] {
  return list.filter((one) => one.places[place])
}

/** The conditions a place offers: only "include" needs no column of its own. */
export function opsAt(list: readonly Parameter[], place: string): Op[] {
  return list.find((one) => one.places[place])?.places[place] ?? ['include', 'exclude']
}

export function newRow(ops: readonly Op[]): Condition {
  return { param: '', op: ops.length === 1 ? (ops[0] ?? '') : '', values: [] }
}

/** И: a row more in a group. */
export function withAnd(filter: Filter, group: number, row: Condition): Filter {
  return filter.map((rows, g) => (g === group ? [...rows, row] : rows))
}

/** ИЛИ: a group more. */
export function withOr(filter: Filter, row: Condition): Filter {
  return [...filter, [row]]
}

export function withRow(filter: Filter, group: number, index: number, row: Condition): Filter {
  return filter.map((rows, g) => (g === group ? rows.map((one, r) => (r === index ? row : one)) : rows))
}

/** A row less; a group without rows goes with it. */
export function withoutRow(filter: Filter, group: number, index: number): Filter {
  return filter.map((rows, g) => (g === group ? rows.filter((_, r) => r !== index) : rows)).filter((rows) => rows.length > 0)
}

/** A row with another parameter: the values of the old one mean nothing now. */
export function withParameter(row: Condition, param: string): Condition {
  return row.param === param ? row : { ...row, param, values: [] }
}

export interface Half {
  group: number
  row: number
  field: keyof Condition
}

/** The fields that are still empty: such a filter cannot be saved (R1). */
export function halfFilled(filter: Filter): Half[] {
  return filter.flatMap((rows, group) =>
    rows.flatMap((one, row) =>
      (['param', 'op', 'values'] as const).filter((field) => one[field].length === 0).map((field) => ({ group, row, field })),
    ),
  )
}

/** The parameters of a filter that are not known from the start of a communication, in the order of the filter (T8a). */
export function knownLater(filter: Filter, list: readonly Parameter[], kind: Kind): Parameter[] {
  const used = new Set(filter.flat().map((one) => one.param))
  return list.filter((one) => used.has(one.id) && one.known[kind] !== undefined && one.known[kind] !== 'start')
}

/**
 * The rules that are never reached: one before them has no conditions and always holds (R3). Only rules about the same thing shadow each other; `about`
 * names it.
 */
export function neverReached<Row>(rows: readonly Row[], filterOf: (row: Row) => Filter, about: (row: Row) => string = () => ''): Set<number> {
  const closed = new Set<string>()
  const lost = new Set<number>()
  rows.forEach((row, i) => {
    const what = about(row)
    if (closed.has(what)) lost.add(i)
    else if (filterOf(row).length === 0) closed.add(what)
  })
  return lost
}

/** The kind of communication a place judges. */
export function kindOf(place: string): Kind {
  if (place.startsWith('chat_')) return 'chat'
  return place.startsWith('request_') ? 'request' : 'call'
}
