/**
 * The address of a portal as the server wants it: the scheme and the host alone (P2). Null: this is no address of a portal.
 * Whether plain http or a private address is allowed is the server's decision.
 */
export function portalAddress(typed: string): string | null {
  const text = typed.trim()
  if (!text || /\s/.test(text)) return null
  try {
    const url = new URL(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`)
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return null
    if (url.username || url.password || url.search || url.hash || url.pathname !== '/') return null
    if (!url.hostname.includes('.') && url.hostname !== 'localhost') return null
    return url.origin
  } catch {
    return null
  }
}
