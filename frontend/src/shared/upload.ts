import type { Schemas } from '@/api/client'
import { Problem, Unreachable } from './problem'
import type { Session } from './session'

export type UploadedFile = Schemas['UploadedFile']

export interface UploadOptions {
  api: string
  session: Session
  file: File
  /** Told 0…1 while the bytes go up. */
  progress?: (share: number) => void
  signal?: AbortSignal
}

/** Sends one file to `POST files`. XMLHttpRequest, because fetch does not tell how far a request got. */
export async function upload(options: UploadOptions): Promise<UploadedFile> {
  const answer = await post(options, await options.session.current())
  if (answer.status !== 401) return read(answer)
  return read(await post(options, await options.session.renew()))
}

interface Answer {
  status: number
  body: unknown
}

function post({ api, file, progress, signal }: UploadOptions, token: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const form = new FormData()
    form.append('file', file, file.name)
    request.open('POST', `${api}/files`)
    request.setRequestHeader('authorization', `Bearer ${token}`)
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress?.(event.loaded / event.total)
    }
    request.onload = () => {
      resolve({ status: request.status, body: parse(request.responseText) })
    }
    request.onerror = () => {
      reject(new Unreachable(new Error('the upload broke off')))
    }
    request.onabort = () => {
      reject(new DOMException('the upload was cancelled', 'AbortError'))
    }
    signal?.addEventListener('abort', () => { request.abort(); }, { once: true })
    request.send(form)
  })
}

function read(answer: Answer): UploadedFile {
  if (answer.status !== 200) throw new Problem(answer.status, answer.body)
  return answer.body as UploadedFile
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
