import { onScopeDispose, watch, type Ref } from 'vue'

/** What an endless list needs of a query that comes in pages. */
interface Paged {
  data: Ref<{ pages: unknown[] } | undefined>
  hasNextPage: Ref<boolean>
  isFetching: Ref<boolean>
  isError: Ref<boolean>
  fetchNextPage: () => unknown
}

/**
 * Fetches the next page when the list's end comes near the sight of its scroller.
 * After an error nothing is fetched by itself; `more` is what the "again" button calls.
 */
export function useEndlessList(list: Paged, scroller: Readonly<Ref<HTMLElement | null>>, end: Readonly<Ref<HTMLElement | null>>) {
  function more() {
    if (list.hasNextPage.value && !list.isFetching.value) void list.fetchNextPage()
  }

  let observer: IntersectionObserver | undefined
  watch([scroller, end], ([root, target]) => {
    observer?.disconnect()
    if (!root || !target) return
    observer = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting) && !list.isError.value) more() }, { root, rootMargin: '400px' })
    observer.observe(target)
  })
  // A page that does not fill the list leaves its end in sight: look again.
  watch(() => list.data.value?.pages.length, () => {
    if (end.value) observer?.unobserve(end.value)
    if (end.value) observer?.observe(end.value)
  }, { flush: 'post' })
  onScopeDispose(() => { observer?.disconnect() })

  return { more }
}
