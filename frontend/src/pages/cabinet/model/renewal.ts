import type { Job } from './employees'

/** What became of one list of a reading: how many entries it has, or the word for why it kept its old copy. */
export interface ListOutcome {
  kind: string
  entries: number
  trouble?: string
}

/** The lists that are told of, in this order; the others go without saying. */
const told = ['pipelines', 'stages', 'fields', 'lines', 'users']

/** Every list of a reading. */
export function outcomesOf(job: Job | null | undefined): ListOutcome[] {
  const lists: unknown = job?.result?.lists
  if (!Array.isArray(lists)) return []
  return lists.filter((one): one is ListOutcome => typeof one === 'object' && one !== null && 'kind' in one)
}

/** The lists that were read and are worth a number. */
export function readLists(job: Job | null | undefined): ListOutcome[] {
  const lists = outcomesOf(job).filter((one) => !one.trouble)
  return told.flatMap((kind) => lists.filter((one) => one.kind === kind))
}

/** The lists that should be there and kept their old copy. What a portal or a tariff does not have is no trouble (U4). */
export function keptLists(job: Job | null | undefined): ListOutcome[] {
  return outcomesOf(job).filter((one) => one.trouble && one.trouble !== 'absent')
}
