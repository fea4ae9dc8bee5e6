import { onScopeDispose, ref, type Ref } from 'vue'

/** The width of the frame, which the portal and the person change at any time. */
export function useWidth(): Ref<number> {
  const width = ref(window.innerWidth)
  const measure = () => {
    width.value = window.innerWidth
  }
  window.addEventListener('resize', measure)
  onScopeDispose(() => { window.removeEventListener('resize', measure) })
  return width
}
