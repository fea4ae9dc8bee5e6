import { onScopeDispose, watch } from 'vue'

/** Runs `work` with the last value once it has stayed the same for `wait` milliseconds. Errors are the work's own business. */
export function watchDebounced<T>(source: () => T, wait: number, work: (value: T) => unknown): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(
    source,
    (value) => {
      clearTimeout(timer)
      timer = setTimeout(() => void Promise.resolve(work(value)).catch(() => undefined), wait)
    },
    { immediate: true },
  )
  onScopeDispose(() => { clearTimeout(timer); })
}
