import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Link, socketUrl, type LinkHandlers } from './socket'

/** One end of a socket, held by the test in the server's place. */
class Wire {
  readyState = 0
  sent: Record<string, unknown>[] = []
  onopen?: () => void
  onmessage?: (message: { data: string }) => void
  onclose?: (close: { code: number }) => void
  send(text: string) { this.sent.push(JSON.parse(text) as Record<string, unknown>) }
  close() { this.readyState = 3 }
  open() { this.readyState = 1; this.onopen?.() }
  say(frame: object) { this.onmessage?.({ data: JSON.stringify(frame) }) }
  drop(code = 1006) { this.readyState = 3; this.onclose?.({ code }) }
}

function start() {
  const wires: Wire[] = []
  const heard: string[] = []
  const handlers: LinkHandlers = {
    event: (event) => heard.push(`${event.name}#${String(event.seq)}`),
    typing: (chat) => heard.push(`typing ${String(chat)}`),
    reload: () => heard.push('reload'),
    ready: (resumed) => heard.push(resumed ? 'resumed' : 'ready'),
  }
  const session = { current: vi.fn(() => Promise.resolve('old')), renew: vi.fn(() => Promise.resolve('fresh')) }
  const link = new Link({
    url: 'ws://host/ws', session, handlers, random: () => 1,
    open: () => { const wire = new Wire(); wires.push(wire); return wire as unknown as WebSocket },
  })
  link.start()
  const wire = async (number: number) => {
    await vi.waitFor(() => { if (!wires[number]) throw new Error('not opened yet') })
    const one = wires[number] as Wire
    one.open()
    return one
  }
  return { link, heard, session, wires, wire }
}

const event = (seq: number) => ({ type: 'event', seq, name: 'message.added', data: {} })

describe('Link', () => {
  beforeEach(() => { vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }) })
  afterEach(() => { vi.useRealTimers() })

  it('says hello with the session in the first message, never in the address', async () => {
    const { wire, link, heard } = start()
    const first = await wire(0)
    expect(first.sent).toEqual([{ type: 'hello', session: 'old' }])
    expect(link.state.value).toBe('connecting')
    first.say({ type: 'ready', seq: 130 })
    expect(link.state.value).toBe('online')
    expect(link.seq).toBe(130)
    expect(heard).toEqual(['ready'])
  })

  it('resumes where it stopped and passes no event twice', async () => {
    const { wire, heard, link } = start()
    const first = await wire(0)
    first.say({ type: 'ready', seq: 10 })
    first.say(event(11))
    first.say(event(12))
    first.drop()
    expect(link.state.value).toBe('offline')
    await vi.advanceTimersByTimeAsync(500)
    const second = await wire(1)
    expect(second.sent[0]).toEqual({ type: 'hello', session: 'old', after: 12 })
    second.say({ type: 'ready', seq: 14 })
    for (const seq of [12, 13, 14, 14]) second.say(event(seq))
    expect(heard).toEqual(['ready', 'message.added#11', 'message.added#12', 'resumed', 'message.added#13', 'message.added#14'])
  })

  it('also takes what was missed when it comes before ready', async () => {
    const { wire, heard } = start()
    const first = await wire(0)
    first.say({ type: 'ready', seq: 10 })
    first.drop()
    await vi.advanceTimersByTimeAsync(500)
    const second = await wire(1)
    second.say(event(11))
    second.say({ type: 'ready', seq: 11 })
    second.say(event(12))
    expect(heard.filter((one) => one.startsWith('message'))).toEqual(['message.added#11', 'message.added#12'])
  })

  it('gets a new session after 4401, at once', async () => {
    const { wire, session } = start()
    const first = await wire(0)
    first.say({ type: 'ready', seq: 10 })
    first.drop(4401)
    const second = await wire(1)
    expect(session.renew).toHaveBeenCalledOnce()
    expect(second.sent[0]).toEqual({ type: 'hello', session: 'fresh', after: 10 })
  })

  it('gives up after 4403 and comes back at once after 4408', async () => {
    const refused = start()
    ;(await refused.wire(0)).drop(4403)
    expect(refused.link.state.value).toBe('refused')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(refused.wires).toHaveLength(1)

    const slow = start()
    const first = await slow.wire(0)
    first.say({ type: 'ready', seq: 5 })
    first.drop(4408)
    expect((await slow.wire(1)).sent[0]).toMatchObject({ after: 5 })
  })

  it('waits longer each time, but never very long', async () => {
    const { wires } = start()
    await vi.waitFor(() => { expect(wires).toHaveLength(1) })
    for (const wait of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const before = wires.length
      wires.at(-1)?.drop()
      await vi.advanceTimersByTimeAsync(wait - 1)
      expect(wires).toHaveLength(before)
      await vi.advanceTimersByTimeAsync(1)
      expect(wires).toHaveLength(before + 1)
    }
  })

  it('starts from nothing after reload', async () => {
    const { wire, heard, link } = start()
    const first = await wire(0)
    first.say({ type: 'ready', seq: 900 })
    first.say({ type: 'reload' })
    expect(link.seq).toBeNull()
    first.say({ type: 'ready', seq: 3 })
    first.say(event(4))
    expect(heard).toEqual(['ready', 'reload', 'ready', 'message.added#4'])
  })

  it('notices a dead connection when the server is known to answer pings', async () => {
    const { wire, link } = start()
    const first = await wire(0)
    first.say({ type: 'ready', seq: 1 })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(link.state.value).toBe('online')
    first.say({ type: 'pong' })
    await vi.advanceTimersByTimeAsync(26_000 + 10_000)
    expect(link.state.value).toBe('offline')
  })

  it('survives what is not JSON', async () => {
    const { wire, heard } = start()
    const first = await wire(0)
    first.onmessage?.({ data: '{' })
    first.say({ type: 'ready', seq: 1 })
    expect(heard).toEqual(['ready'])
  })
})

it('speaks wss beside https', () => {
  expect(socketUrl('/ws', new URL('https://omni.example/ui/x') as unknown as Location)).toBe('wss://omni.example/ws')
  expect(socketUrl('/ws', new URL('http://127.0.0.1:8080/') as unknown as Location)).toBe('ws://127.0.0.1:8080/ws')
})
