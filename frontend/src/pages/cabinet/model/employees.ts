import type { Schemas } from '@/api/client'

export type Employee = Schemas['Employee']
export type EmployeeRef = Schemas['EmployeeRef']
export type SyncResult = Schemas['SyncResult']
export type Job = Schemas['Job']
export type Shown = 'all' | 'unmatched' | 'trouble'

/** S0 and S1: something here waits for a person. */
export function inTrouble(person: Employee): boolean {
  return person.last_name_missing === true || person.match === 'several'
}

/** The rows to show: by who is matched, and by name, e-mail or inner number. */
export function rowsOf(people: readonly Employee[], shown: Shown, query: string): Employee[] {
  const wanted = query.trim().toLowerCase()
  return people.filter((person) => {
    if (shown === 'unmatched' && person.uis_employee !== null) return false
    if (shown === 'trouble' && !inTrouble(person)) return false
    return !wanted || [person.name, person.email, person.inner_number, person.uis_name].some((text) => text?.toLowerCase().includes(wanted))
  })
}

export function counts(people: readonly Employee[]): Record<Shown, number> & { matched: number } {
  const matched = people.filter((person) => person.uis_employee !== null).length
  return { all: people.length, matched, unmatched: people.length - matched, trouble: people.filter(inTrouble).length }
}

/** Whom a person can be matched with: the candidates of the last run first, then everybody by name. */
export function choices(person: Employee, uis: readonly EmployeeRef[]): EmployeeRef[] {
  const candidates = person.candidates ?? []
  const first = new Set(candidates.map((one) => one.id))
  return [...candidates, ...uis.filter((one) => !first.has(one.id)).sort((a, b) => a.name.localeCompare(b.name))]
}

/** One change of a match, with the names of the employees. */
export interface Changed {
  what: 'matched' | 'moved' | 'lost'
  name: string
  before: string
  after: string
}

/** What the last synchronisation changed (S1). */
export function changesOf(result: SyncResult, uis: readonly EmployeeRef[]): Changed[] {
  const names = new Map(uis.map((one) => [one.id, one.name]))
  const nameOf = (id: number) => names.get(id) ?? `№ ${String(id)}`
  return result.changes.map((one) => ({
    what: one.before === 0 ? 'matched' : one.after === 0 ? 'lost' : 'moved',
    name: one.name || `№ ${String(one.user)}`,
    before: one.before === 0 ? '' : nameOf(one.before),
    after: one.after === 0 ? '' : nameOf(one.after),
  }))
}

/** Those for whom an administrator has to choose, as they stand now. */
export function undecided(people: readonly Employee[]): Employee[] {
  return people.filter((person) => person.match === 'several')
}

/** S0: those without a last name. */
export function nameless(people: readonly Employee[]): Employee[] {
  return people.filter((person) => person.active && person.last_name_missing === true)
}

export function running(job: Job | null | undefined): boolean {
  return job?.state === 'queued' || job?.state === 'running'
}

/** How far a job is, 0…100; null while its length is not known. */
export function jobPercent(job: Job): number | null {
  if (job.state === 'done') return 100
  if (!job.total) return null
  return Math.min(100, Math.round((job.done / job.total) * 100))
}
