import { onBeforeUnmount, onMounted } from 'vue'
import { useServices } from './services'

const enough = 480

/**
 * Fits the portal's frame around the page. `content`: the frame follows the height of the page's own root, for pages that are read
 * like a document. `fill`: the page fills the frame it is given and scrolls inside; only a frame too low to work in is asked to grow.
 */
export function useFrameFit(mode: 'content' | 'fill'): void {
  const { frame } = useServices()
  let observer: ResizeObserver | undefined
  let asked = 0

  async function ask(height: number) {
    if (height === asked) return
    asked = height
    await (await frame())?.resize(height)
  }

  onMounted(() => {
    if (mode === 'fill') {
      if (window.innerHeight < enough) void ask(600)
      return
    }
    const root = document.getElementById('app')
    if (!root) return
    observer = new ResizeObserver(() => void ask(Math.ceil(root.getBoundingClientRect().height)))
    observer.observe(root)
  })
  onBeforeUnmount(() => observer?.disconnect())
}
