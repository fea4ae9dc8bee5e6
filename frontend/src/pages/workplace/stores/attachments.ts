import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { words } from '@/shared/problem'
import { useServices } from '@/shared/services'
import { upload, type UploadedFile } from '@/shared/upload'

/** A file on its way to the server: it starts at once when attached, not when the message is sent. */
export interface Attachment {
  id: string
  file: File
  /** Address of a preview in this browser, for pictures. */
  preview: string | null
  progress: number
  error: string | null
  uploaded: UploadedFile | null
}

/** Uploads of the page, by the attachment's id. */
export const useAttachments = defineStore('attachments', () => {
  const { boot, session, t } = useServices()
  const running = new Map<string, { done: Promise<UploadedFile>; abort: AbortController }>()

  function attach(file: File): Attachment {
    const preview = file.type.startsWith('image/') ? URL.createObjectURL(file) : null
    const attachment = reactive<Attachment>({ id: crypto.randomUUID(), file, preview, progress: 0, error: null, uploaded: null })
    start(attachment)
    return attachment
  }

  function start(attachment: Attachment): Promise<UploadedFile> {
    const abort = new AbortController()
    attachment.error = null
    attachment.progress = 0
    const progress = (share: number) => {
      attachment.progress = share
    }
    const done = upload({ api: boot.api, session, file: attachment.file, progress, signal: abort.signal })
    running.set(attachment.id, { done, abort })
    done.then(
      (file) => {
        attachment.uploaded = file
        attachment.progress = 1
      },
      (error: unknown) => {
        attachment.error = words(error, t)
      },
    )
    return done
  }

  /** The file on the server; starts again after a failure. */
  function uploaded(attachment: Attachment): Promise<UploadedFile> {
    if (attachment.uploaded) return Promise.resolve(attachment.uploaded)
    if (attachment.error) return start(attachment)
    return running.get(attachment.id)?.done ?? start(attachment)
  }

  function remove(attachment: Attachment): void {
    running.get(attachment.id)?.abort.abort()
    running.delete(attachment.id)
    if (attachment.preview) URL.revokeObjectURL(attachment.preview)
  }

  return { attach, start, uploaded, remove }
})
