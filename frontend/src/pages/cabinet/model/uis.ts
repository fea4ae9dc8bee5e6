import type { Schemas } from '@/api/client'

export const brands = ['uis', 'comagic', 'callgear', 'novofon'] as const
export type Brand = (typeof brands)[number]

/** The stored brand; UIS where nothing is stored. */
export function brandOf(stored: string | null): Brand {
  return brands.find((brand) => brand === stored) ?? 'uis'
}

export interface Typed {
  brand: Brand
  key: string
  login: string
  password: string
}

/** What is sent: a field left empty keeps what is stored, as secrets are never shown. */
export function credentials({ brand, key, login, password }: Typed): Schemas['UISCredentials'] {
  // A password may begin or end with a space, the rest may not: it comes from copying.
  return { brand, api_key: key.trim() || null, chats_login: login.trim() || null, chats_password: password || null }
}

/** How the connection stands as a whole: `part` when something was stored but a check failed. */
export function verdict(connection: Schemas['UISConnection']): 'none' | 'part' | 'ok' {
  if (!connection.connected && !connection.has_api_key && !connection.has_chats_password) return 'none'
  return connection.connected && connection.checks.every((check) => check.ok) ? 'ok' : 'part'
}
