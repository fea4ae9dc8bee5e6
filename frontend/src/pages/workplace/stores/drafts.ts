import { defineStore } from 'pinia'
import { reactive } from 'vue'
import type { Message } from '../model/types'
import type { Attachment } from './attachments'

export interface Draft {
  text: string
  files: Attachment[]
  replyTo: Message | null
}

/** What is being written in each chat; it waits there while another chat is open. */
export const useDrafts = defineStore('drafts', () => {
  const all = reactive(new Map<number, Draft>())

  function of(chat: number): Draft {
    let draft = all.get(chat)
    if (!draft) {
      all.set(chat, { text: '', files: [], replyTo: null })
      draft = all.get(chat) as Draft
    }
    return draft
  }

  function clear(chat: number): void {
    all.set(chat, { text: '', files: [], replyTo: null })
  }

  return { of, clear }
})
