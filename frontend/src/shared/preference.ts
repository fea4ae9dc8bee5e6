import { customRef, type Ref } from 'vue'

/**
 * A value that this browser remembers. Frames of other sites may have no storage at all: then it lives as long as the page.
 * Other frames of ours hear of a change at once.
 */
export function preference<T extends string | number | boolean>(name: string, initial: T): Ref<T> {
  const key = `omni-${name}`
  return customRef<T>((track, trigger) => {
    let value = read(key, initial)
    window.addEventListener('storage', (event) => {
      if (event.key !== key) return
      value = read(key, initial)
      trigger()
    })
    return {
      get() {
        track()
        return value
      },
      set(next) {
        value = next
        write(key, next)
        trigger()
      },
    }
  })
}

function read<T>(key: string, initial: T): T {
  try {
    const text = localStorage.getItem(key)
    const value: unknown = text === null ? initial : JSON.parse(text)
    return typeof value === typeof initial ? (value as T) : initial
  } catch {
    return initial
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // No storage here: the page itself remembers.
  }
}
