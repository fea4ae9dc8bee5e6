import { onScopeDispose } from 'vue'

export interface WorkplaceKeys {
  search(): void
  /** Answers whether there was something to close. */
  escape(): void
}

/** Keys that work anywhere on the page but in fields: "/" looks for a chat, Esc steps back. */
export function useWorkplaceKeys(keys: WorkplaceKeys): void {
  function pressed(event: KeyboardEvent) {
    if (event.defaultPrevented || document.querySelector('[role="dialog"],[role="menu"],dialog[open]')) return
    const target = event.target as HTMLElement
    const field = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    if (!field && (event.key === '/' || event.code === 'Slash') && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault()
      keys.search()
    }
    if (event.key === 'Escape') keys.escape()
  }
  document.addEventListener('keydown', pressed)
  onScopeDispose(() => { document.removeEventListener('keydown', pressed) })
}
