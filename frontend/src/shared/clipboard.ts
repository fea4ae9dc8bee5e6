/**
 * Copies a text. A portal's frame has no right to the clipboard API (its `allow` does not name it), so the old way is the fallback;
 * it needs the click that asked for it.
 */
export async function copy(text: string, page: Document = document): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text, page)
  }
}

function copyBySelection(text: string, page: Document): boolean {
  const before = page.activeElement as HTMLElement | null
  const field = page.createElement('textarea')
  field.value = text
  field.setAttribute('aria-hidden', 'true')
  field.style.cssText = 'position:fixed;top:0;left:0;opacity:0'
  page.body.append(field)
  field.select()
  try {
    return page.execCommand('copy')
  } catch {
    return false
  } finally {
    field.remove()
    before?.focus()
  }
}
