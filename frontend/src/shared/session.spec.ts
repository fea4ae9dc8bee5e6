import { describe, expect, it, vi } from 'vitest'
import type { PortalFrame } from './frame'
import { Problem, SessionOver } from './problem'
import { expiryOf, Session } from './session'

const jwt = (exp: number) => `h.${btoa(JSON.stringify({ exp })).replace(/=+$/, '')}.s`
const now = 1_000_000_000

function start(options: { answers?: [number, object][]; frame?: null; expiresIn?: number } = {}) {
  const answers = options.answers ?? [[200, { session: 'renewed' }]]
  const frame = { accessToken: vi.fn((fresh: boolean) => Promise.resolve(fresh ? 'fresh' : 'known')), domain: () => 'portal.example' }
  const fetched: unknown[] = []
  const session = new Session({
    token: jwt((now + (options.expiresIn ?? 900_000)) / 1000),
    api: '/api/v1',
    now: () => now,
    frame: () => Promise.resolve(options.frame === null ? null : (frame as unknown as PortalFrame)),
    fetch: ((_: string, init: RequestInit) => {
      fetched.push(JSON.parse(init.body as string))
      const [status, body] = answers[Math.min(fetched.length, answers.length) - 1] ?? [500, {}]
      return Promise.resolve(new Response(JSON.stringify(body), { status }))
    }) as typeof fetch,
  })
  return { session, frame, fetched }
}

describe('Session (W10)', () => {
  it('is used as it is while it is good', async () => {
    const { session, fetched } = start()
    expect(expiryOf(await session.current())).toBe(now + 900_000)
    expect(fetched).toHaveLength(0)
  })

  it('is renewed shortly before its end, once for everybody who asks', async () => {
    const { session, fetched } = start({ expiresIn: 30_000 })
    expect(await Promise.all([session.current(), session.current(), session.renew()])).toEqual(['renewed', 'renewed', 'renewed'])
    expect(fetched).toEqual([{ auth_id: 'known', domain: 'portal.example' }])
  })

  it('asks the portal for a new token when the known one is refused', async () => {
    const { session, fetched } = start({ answers: [[401, { code: 'token' }], [200, { session: 'second' }]] })
    expect(await session.renew()).toBe('second')
    expect(fetched).toMatchObject([{ auth_id: 'known' }, { auth_id: 'fresh' }])
  })

  it('goes on with what is left when the renewal fails early', async () => {
    const { session } = start({ expiresIn: 30_000, answers: [[503, {}]] })
    expect(expiryOf(await session.current())).toBe(now + 30_000)
  })

  it('tells that it is over outside a portal, and passes refusals on', async () => {
    await expect(start({ frame: null }).session.renew()).rejects.toThrow(SessionOver)
    await expect(start({ answers: [[403, { detail: 'no' }]] }).session.renew()).rejects.toThrow(Problem)
  })
})
