import createClient from 'openapi-fetch'
import { Problem, Unreachable } from '@/shared/problem'
import type { Session } from '@/shared/session'
import type { components, paths } from './schema.gen'

export type Schemas = components['schemas']
export type Api = ReturnType<typeof makeApi>

/** The typed client of /api/v1: carries the session, renews it once when the server says 401. */
export function makeApi(base: string, session: Session) {
  return createClient<paths>({ baseUrl: base, fetch: authorized(session) })
}

function authorized(session: Session) {
  return async (request: Request): Promise<Response> => {
    const again = request.clone()
    const answer = await send(request, await session.current())
    return answer.status === 401 ? send(again, await session.renew()) : answer
  }
}

async function send(request: Request, token: string): Promise<Response> {
  request.headers.set('authorization', `Bearer ${token}`)
  try {
    return await fetch(request)
  } catch (error) {
    if (request.signal.aborted) throw error
    throw new Unreachable(error)
  }
}

/** Turns an answer into its data, or throws a Problem: `await unwrap(api.GET('/me'))`. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call
  if (!response.ok) throw new Problem(response.status, error)
  return data as T
}
