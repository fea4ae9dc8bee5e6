import { preference } from './preference'

/** Sound and browser notifications, both only with the person's consent; remembered in this browser. */
export const soundOn = preference<boolean>('sound', true)
export const noticesOn = preference<boolean>('notices', false)
const lastRung = preference<string>('rung', '')
const sameRing = 5_000

/** Asks the browser for the right to notify. In a frame of another site most browsers refuse without asking. */
export async function allowNotices(): Promise<boolean> {
  if (!('Notification' in window)) return false
  const answer = await Notification.requestPermission().catch(() => 'denied' as const)
  noticesOn.value = answer === 'granted'
  return noticesOn.value
}

export interface Notice {
  account: number
  /** The message's number: of several open frames only the first one rings for it. */
  id: number
  title: string
  text: string
  open: () => void
}

/** Draws the person's attention to a message of a client. */
export function ring(notice: Notice): void {
  const [account, id, at] = lastRung.value.split(':').map(Number)
  if (account === notice.account && notice.id <= (id ?? 0) && Date.now() - (at ?? 0) < sameRing) return
  lastRung.value = [notice.account, notice.id, Date.now()].join(':')
  if (soundOn.value) void chime()
  if (!noticesOn.value || !('Notification' in window) || Notification.permission !== 'granted') return
  const shown = new Notification(notice.title, { body: notice.text, tag: `omni-${String(notice.id)}`, silent: true })
  shown.onclick = () => {
    window.focus()
    notice.open()
    shown.close()
  }
}

let audio: AudioContext | undefined

/** Two soft notes. Browsers keep silent until the person has touched the page once. */
async function chime(): Promise<void> {
  try {
    audio ??= new AudioContext()
    if (audio.state === 'suspended') await audio.resume()
    for (const [i, pitch] of [880, 1174.7].entries()) {
      const from = audio.currentTime + i * 0.11
      const tone = audio.createOscillator()
      const volume = audio.createGain()
      tone.frequency.value = pitch
      volume.gain.setValueAtTime(0.0001, from)
      volume.gain.exponentialRampToValueAtTime(0.12, from + 0.015)
      volume.gain.exponentialRampToValueAtTime(0.0001, from + 0.3)
      tone.connect(volume).connect(audio.destination)
      tone.start(from)
      tone.stop(from + 0.32)
    }
  } catch {
    // No sound device, or not allowed to play: the counters still show it.
  }
}
