import type { components } from '@/api/schema.gen'

export type FieldError = components['schemas']['FieldError']

/** An answer of the server that says what went wrong, in the person's language (application/problem+json). */
export class Problem extends Error {
  readonly status: number
  /** A stable word, such as `not_found`. */
  readonly code: string
  readonly errors: FieldError[]
  /** The whole answer, for codes that carry more (409 of the settings). */
  readonly body: unknown

  constructor(status: number, body: unknown) {
    const given = (typeof body === 'object' && body !== null ? body : {}) as Partial<components['schemas']['Problem']>
    super(given.detail ?? '')
    this.name = 'Problem'
    this.status = status
    this.code = given.code ?? `http_${String(status)}`
    this.errors = given.errors ?? []
    this.body = body
  }
}

/** The request did not reach the server or its answer did not reach us: nobody knows whether it was done. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('the server cannot be reached', { cause })
    this.name = 'Unreachable'
  }
}

/** The session ended and the portal gave no token for a new one. */
export class SessionOver extends Error {
  constructor(cause?: unknown) {
    super('the session is over', { cause })
    this.name = 'SessionOver'
  }
}

type Translate = (key: string) => string

/** What to tell the person about any error. */
export function words(error: unknown, t: Translate): string {
  if (error instanceof Problem && error.message) return error.message
  if (error instanceof Unreachable) return t('error.unreachable')
  if (error instanceof SessionOver) return t('error.session_over')
  return t('error.unexpected')
}

/** The text of the error of one field of a form, by its JSON pointer. */
export function fieldText(error: unknown, field: string): string | undefined {
  return error instanceof Problem ? error.errors.find((one) => one.field === field)?.text : undefined
}
