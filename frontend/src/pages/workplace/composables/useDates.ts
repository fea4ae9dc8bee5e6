import { useServices, type Services } from '@/shared/services'

type Dates = ReturnType<typeof makeDates>

// Making a formatter costs a hundred times what using it does, and every row of a conversation asks for some.
const made = new WeakMap<Services, Dates>()

/** Times and days as people say them. */
export function useDates(): Dates {
  const services = useServices()
  const dates = made.get(services) ?? makeDates(services)
  made.set(services, dates)
  return dates
}

function makeDates({ language, t }: Services) {
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'short' })
  const weekday = new Intl.DateTimeFormat(language, { weekday: 'short' })
  const short = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' })
  const full = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'long' })
  const withYear = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'long', year: 'numeric' })
  const exact = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'medium' })

  function daysAgo(at: Date): number {
    const today = new Date()
    return Math.round((today.setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000)
  }

  return {
    time: (iso: string) => time.format(new Date(iso)),
    exact: (iso: string) => exact.format(new Date(iso)),
    /** For the lists: the time today, then yesterday, the day of the week, the date. */
    brief(iso: string): string {
      const at = new Date(iso)
      const ago = daysAgo(at)
      if (ago <= 0) return time.format(at)
      if (ago === 1) return t('workplace.yesterday').toLowerCase()
      return ago < 7 ? weekday.format(at) : short.format(at)
    },
    /** For the separators in a conversation. */
    day(at: number): string {
      const date = new Date(at)
      const ago = daysAgo(date)
      if (ago === 0) return t('workplace.today')
      if (ago === 1) return t('workplace.yesterday')
      return date.getFullYear() === new Date().getFullYear() ? full.format(date) : withYear.format(date)
    },
  }
}
