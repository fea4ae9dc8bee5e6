import { ref } from 'vue'
import { useToast } from '@bitrix24/b24ui-nuxt/composables'
import { unwrap } from '@/api/client'
import { words } from '@/shared/problem'
import { useServices } from '@/shared/services'
import type { Chat } from '../model/types'
import { useChats } from '../stores/chats'

/** What an operator does with a chat as a whole (W3). Each action has an id made here: pressing twice does it once. */
export function useChatActions(chat: () => Chat) {
  const { api, live, t } = useServices()
  const chats = useChats()
  const toast = useToast()
  const busy = ref(false)

  async function act(call: (id: number, action: string) => ReturnType<typeof unwrap<Chat>>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    const asOf = live().asOf()
    const before = chat()
    try {
      const after = await call(before.id, crypto.randomUUID())
      chats.put(after, asOf)
      // The person goes on with the chat he has just taken.
      if (!chats.card && after.list === 'mine' && before.list !== 'mine') await chats.show('mine')
      return true
    } catch (error) {
      toast.add({ description: words(error, t), color: 'air-primary-alert' })
      // Somebody else may have been quicker.
      await chats.fetch(before.id).catch(() => undefined)
      return false
    } finally {
      busy.value = false
    }
  }

  return {
    busy,
    accept: () => act((id, action) => unwrap(api.POST('/chats/{id}/accept', { params: { path: { id } }, body: { id: action } }))),
    close: () => act((id, action) => unwrap(api.POST('/chats/{id}/close', { params: { path: { id } }, body: { id: action } }))),
    transfer: (employee: number) =>
      act((id, action) => unwrap(api.POST('/chats/{id}/transfer', { params: { path: { id } }, body: { id: action, employee } }))),
  }
}
