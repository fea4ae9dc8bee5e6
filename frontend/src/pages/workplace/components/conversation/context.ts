import type { ComputedRef, InjectionKey } from 'vue'
import type { Schemas } from '@/api/client'
import type { Message } from '../../model/types'

/** What the rows of a conversation need from it, so that it is not handed down through every level. */
export interface ConversationContext {
  /** The client's name. */
  client: ComputedRef<string>
  goTo(message: number): void
  view(file: Schemas['File']): void
  reply(message: Message): void
  mayWrite: ComputedRef<boolean>
}

export const conversationKey: InjectionKey<ConversationContext> = Symbol('conversation')
