import { useDocumentVisible } from '@/shared/visible'
import { useServices } from '@/shared/services'
import { unwrap } from '@/api/client'
import { watchDebounced } from '@/shared/debounce'
import type { Chat } from '../model/types'
import { useChats } from '../stores/chats'

/** Tells the server that the person has read the open chat: only his own, and only while he can see it. */
export function useReading(chat: () => Chat | undefined): void {
  const { api, live } = useServices()
  const chats = useChats()
  const visible = useDocumentVisible()

  watchDebounced(
    () => {
      const open = chat()
      return visible.value && open?.list === 'mine' && open.unread > 0 ? `${String(open.id)}:${String(open.unread)}` : ''
    },
    400,
    async (what) => {
      const open = chat()
      if (!what || !open) return
      const asOf = live().asOf()
      const body = { id: crypto.randomUUID() }
      chats.put(await unwrap(api.POST('/chats/{id}/read', { params: { path: { id: open.id } }, body })), asOf)
    },
  )
}
