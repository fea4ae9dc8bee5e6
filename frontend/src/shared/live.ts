import type { Ref } from 'vue'
import type { Boot } from './boot'
import type { Session } from './session'
import { Link, socketUrl, type LinkState, type LiveEvent } from './socket'

type Off = () => void

/** The page's live updates: one socket, any number of listeners by event name. */
export interface Live {
  state: Ref<LinkState>
  /** Data read from now on are at least as new as this event: the number to compare later events with. */
  asOf(): number
  on(name: string, listener: (data: unknown, seq: number) => void): Off
  onTyping(listener: (chat: number, frame: Record<string, unknown>) => void): Off
  /** Everything has to be read again. */
  onReload(listener: () => void): Off
  /** The connection works (again); without `resumed` events may have been missed before it. */
  onReady(listener: (resumed: boolean) => void): Off
  /** Resolves when the socket is ready, or after `limit` milliseconds: a page must not wait for a blocked socket. */
  whenReady(limit: number): Promise<void>
  typing(chat: number): void
  retryNow(): void
}

/** Opens the page's socket and keeps it open. */
export function makeLive(boot: Boot, session: Session, view: Window = window): Live {
  const events = new Map<string, Set<(data: unknown, seq: number) => void>>()
  const typing = new Set<(chat: number, frame: Record<string, unknown>) => void>()
  const reload = new Set<() => void>()
  const ready = new Set<(resumed: boolean) => void>()
  const link = new Link({
    url: socketUrl(boot.ws),
    session,
    handlers: {
      event: (event: LiveEvent) => events.get(event.name)?.forEach((listener) => { listener(event.data, event.seq) }),
      typing: (chat, frame) => { typing.forEach((listener) => { listener(chat, frame) }) },
      reload: () => { reload.forEach((listener) => { listener() }) },
      ready: (resumed) => { ready.forEach((listener) => { listener(resumed) }) },
    },
  })
  link.start()
  view.addEventListener('online', () => { link.retryNow() })
  view.addEventListener('offline', () => { link.lost() })
  view.document.addEventListener('visibilitychange', () => {
    if (!view.document.hidden) link.retryNow()
  })
  return {
    state: link.state,
    asOf: () => link.seq ?? 0,
    on(name, listener) {
      const listeners = events.get(name) ?? new Set()
      events.set(name, listeners.add(listener))
      return () => listeners.delete(listener)
    },
    onTyping: (listener) => listen(typing, listener),
    onReload: (listener) => listen(reload, listener),
    onReady: (listener) => listen(ready, listener),
    whenReady(limit) {
      if (link.state.value === 'online') return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(done, limit)
        const off = listen(ready, done)
        function done() {
          clearTimeout(timer)
          off()
          resolve()
        }
      })
    },
    typing: (chat) => { link.typing(chat) },
    retryNow: () => { link.retryNow() },
  }
}

function listen<T>(listeners: Set<T>, listener: T): Off {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
