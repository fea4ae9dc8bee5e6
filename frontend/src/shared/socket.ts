import type { Ref } from 'vue'
import { ref } from 'vue'

/** What the server sends; see design, section 6. */
export type ServerFrame =
  | { type: 'ready'; seq: number }
  | { type: 'event'; seq: number; name: string; data: unknown }
  | ({ type: 'typing'; chat: number } & Record<string, unknown>)
  | { type: 'reload' }
  | { type: 'pong' }

/** `connecting` is the first attempt; `offline` a connection that was lost and is being made again; `refused` is for good. */
export type LinkState = 'connecting' | 'online' | 'offline' | 'refused'

export interface LiveEvent {
  seq: number
  name: string
  data: unknown
}

export interface LinkHandlers {
  event(event: LiveEvent): void
  typing(chat: number, frame: Record<string, unknown>): void
  /** The feed no longer has what was missed: read everything again. */
  reload(): void
  /** The connection works (again); `resumed` tells that nothing was missed. */
  ready(resumed: boolean): void
}

export interface LinkOptions {
  url: string
  /** A token good for now; `renew` gets a new one after the server called the old one over. */
  session: { current(): Promise<string>; renew(): Promise<string> }
  handlers: LinkHandlers
  /** For tests. */
  open?: (url: string) => WebSocket
  random?: () => number
}

const over = 4401
const noRight = 4403
const tooSlow = 4408

const firstDelay = 500
const longestDelay = 15_000
const pingEvery = 25_000
const pongWithin = 10_000

/** The page's one socket: says where it stopped, gets exactly what it missed, never passes an event twice. */
export class Link {
  readonly state: Ref<LinkState> = ref('connecting')
  /** Number of the last event that was passed on; null before the first `ready`. */
  seq: number | null = null

  private socket: WebSocket | undefined
  private attempts = 0
  private renewFirst = false
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private pingTimer: ReturnType<typeof setInterval> | undefined
  private pongTimer: ReturnType<typeof setTimeout> | undefined
  private answersPings = false
  private stopped = false
  private readonly options: Required<LinkOptions>

  constructor(options: LinkOptions) {
    this.options = { open: (url) => new WebSocket(url), random: Math.random, ...options }
  }

  start(): void {
    this.stopped = false
    void this.connect()
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.retryTimer)
    this.drop()
  }

  /** Tries at once, for example when the browser says that the network is back. */
  retryNow(): void {
    if (this.stopped || this.state.value === 'online' || this.state.value === 'refused') return
    clearTimeout(this.retryTimer)
    this.drop()
    void this.connect()
  }

  /** The network is known to be gone: waiting for the browser to notice by itself takes minutes. */
  lost(): void {
    if (this.stopped || this.state.value === 'refused') return
    this.drop()
    this.later()
  }

  typing(chat: number): void {
    this.send({ type: 'typing', chat })
  }

  private async connect(): Promise<void> {
    try {
      const session = this.renewFirst ? await this.options.session.renew() : await this.options.session.current()
      this.renewFirst = false
      if (this.stopped) return
      const socket = this.options.open(this.options.url)
      this.socket = socket
      socket.onopen = () => {
        socket.send(JSON.stringify({ type: 'hello', session, ...(this.seq === null ? {} : { after: this.seq }) }))
      }
      socket.onmessage = (message) => {
        if (socket === this.socket) this.receive(message.data as string)
      }
      socket.onclose = (close) => {
        if (socket === this.socket) this.closed(close.code)
      }
    } catch {
      this.later()
    }
  }

  private receive(text: string): void {
    const frame = parse(text)
    if (!frame) return
    clearTimeout(this.pongTimer)
    switch (frame.type) {
      case 'ready':
        this.becomeReady(frame.seq)
        return
      case 'event':
        // After a loss the server starts right behind the last number; a repeated one is a repeat.
        if (this.seq !== null && frame.seq <= this.seq) return
        this.seq = frame.seq
        this.options.handlers.event(frame)
        return
      case 'typing':
        this.options.handlers.typing(frame.chat, frame)
        return
      case 'reload':
        // Everything is read anew, so what was missed does not matter any more.
        this.seq = null
        this.options.handlers.reload()
        return
      case 'pong':
        this.answersPings = true
    }
  }

  private becomeReady(seq: number): void {
    const resumed = this.seq !== null
    // When resuming, the events between our number and the server's follow (or came) and carry their own numbers.
    this.seq ??= seq
    this.attempts = 0
    this.state.value = 'online'
    clearInterval(this.pingTimer)
    this.pingTimer = setInterval(() => { this.ping() }, pingEvery)
    this.options.handlers.ready(resumed)
  }

  // A dead connection can stay silent for minutes. Servers that answer pings are watched; others are left to TCP.
  private ping(): void {
    this.send({ type: 'ping' })
    if (this.answersPings) this.pongTimer = setTimeout(() => { this.lost() }, pongWithin)
  }

  private closed(code: number): void {
    this.drop()
    if (this.stopped) return
    if (code === noRight) {
      this.state.value = 'refused'
      return
    }
    if (code === over) this.renewFirst = true
    if ((code === over || code === tooSlow) && this.attempts === 0) {
      this.attempts += 1
      void this.connect()
      return
    }
    this.later()
  }

  private later(): void {
    if (this.stopped) return
    this.state.value = 'offline'
    const top = Math.min(longestDelay, firstDelay * 2 ** this.attempts)
    this.attempts += 1
    clearTimeout(this.retryTimer)
    // Half fixed, half random: a restarted server is not met by everybody at the same moment.
    this.retryTimer = setTimeout(() => void this.connect(), top / 2 + (top / 2) * this.options.random())
  }

  private drop(): void {
    clearInterval(this.pingTimer)
    clearTimeout(this.pongTimer)
    const socket = this.socket
    this.socket = undefined
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close()
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame))
  }
}

function parse(text: string): ServerFrame | null {
  try {
    return JSON.parse(text) as ServerFrame
  } catch {
    return null
  }
}

/** The socket's full address from the path in the boot data. */
export function socketUrl(path: string, location: Location = window.location): string {
  const url = new URL(path, location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}
