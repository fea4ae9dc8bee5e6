import { useServices } from '@/shared/services'
import type { Message } from '../model/types'

/** One line that stands for a message: in the lists, in quotes, in notifications. */
export function usePreview() {
  const { t } = useServices()
  return (message: Message | null | undefined): string => {
    if (!message) return t('workplace.no_messages')
    if (message.text) return message.text.replace(/\s+/g, ' ')
    if (message.kind === 'document' && message.file) return message.file.name
    return t(`workplace.kind.${message.kind}`)
  }
}
