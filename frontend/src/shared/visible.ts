import { onScopeDispose, ref, type Ref } from 'vue'

/** Whether the person can see the page. */
export function useDocumentVisible(): Ref<boolean> {
  const visible = ref(!document.hidden)
  const look = () => {
    visible.value = !document.hidden
  }
  document.addEventListener('visibilitychange', look)
  onScopeDispose(() => { document.removeEventListener('visibilitychange', look); })
  return visible
}
