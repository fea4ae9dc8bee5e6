import { Problem, SessionOver, Unreachable } from './problem'
import type { PortalFrame } from './frame'

const renewBefore = 60_000

export interface SessionOptions {
  token: string
  /** Base address of the API. */
  api: string
  frame: () => Promise<PortalFrame | null>
  now?: () => number
  fetch?: typeof fetch
}

/** The browser's session: kept in memory only, renewed by the portal's own token of the person. */
export class Session {
  private token: string
  private renewing: Promise<string> | undefined
  private readonly options: Required<SessionOptions>

  constructor(options: SessionOptions) {
    this.options = { now: Date.now, fetch: (...args) => fetch(...args), ...options }
    this.token = options.token
  }

  /** A token good for at least the next request; renews it shortly before its end. */
  async current(): Promise<string> {
    if (expiryOf(this.token) - this.options.now() > renewBefore) return this.token
    try {
      return await this.renew()
    } catch (error) {
      // Not over yet: a renewal that fails now may succeed at the next request.
      if (expiryOf(this.token) > this.options.now()) return this.token
      throw error
    }
  }

  /** Gets a new token; several callers at once share one renewal. */
  renew(): Promise<string> {
    this.renewing ??= this.ask().finally(() => {
      this.renewing = undefined
    })
    return this.renewing
  }

  private async ask(): Promise<string> {
    const frame = await this.options.frame()
    if (!frame) throw new SessionOver()
    try {
      this.token = await this.post(frame, false)
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error
      this.token = await this.post(frame, true)
    }
    return this.token
  }

  private async post(frame: PortalFrame, fresh: boolean): Promise<string> {
    const body = JSON.stringify({ auth_id: await tokenOf(frame, fresh), domain: frame.domain() })
    const answer = await this.options
      .fetch(`${this.options.api}/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      .catch((error: unknown) => {
        throw new Unreachable(error)
      })
    const data = (await answer.json().catch(() => null)) as { session?: string } | null
    if (!answer.ok) throw new Problem(answer.status, data)
    if (!data?.session) throw new SessionOver()
    return data.session
  }
}

async function tokenOf(frame: PortalFrame, fresh: boolean): Promise<string> {
  try {
    return await frame.accessToken(fresh)
  } catch (error) {
    throw new SessionOver(error)
  }
}

/** When a JWT ends, in milliseconds; a token that cannot be read never ends by itself: the server will say 401. */
export function expiryOf(token: string): number {
  try {
    const part = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')
    const claims = JSON.parse(atob(part)) as { exp?: number }
    return claims.exp ? claims.exp * 1000 : Infinity
  } catch {
    return Infinity
  }
}
