import type { B24Frame } from '@bitrix24/b24jssdk'

/** The portal's page around ours. */
export interface PortalFrame {
  /** The SDK itself, for pages that need more than what is below. */
  sdk: B24Frame
  /** The person's access token at the portal; `fresh` asks the portal for a new one. */
  accessToken(fresh: boolean): Promise<string>
  /** The portal's host as the frame knows it, for `POST session`. */
  domain(): string
  /** Opens a page of the portal (a path such as `/crm/lead/details/5/`) in a slider. */
  openPath(path: string): Promise<void>
  /** Asks the portal to give the frame this height, in CSS pixels. */
  resize(height: number): Promise<void>
}

const answerWithin = 10_000

let connecting: Promise<PortalFrame | null> | undefined

/** Whether a portal opened this page: it names the frame `host|protocol|app sid`, and the SDK reads just that. */
export function insidePortal(view: Window = window): boolean {
  return view.parent !== view && view.name.split('|').length >= 3
}

/**
 * Connects to the portal's page once; null outside a portal or when the portal's page does not answer.
 * The SDK is loaded only here: it is a third of all code and nothing on the first screen needs it.
 */
export function connectFrame(): Promise<PortalFrame | null> {
  connecting ??= connect()
  return connecting
}

async function connect(): Promise<PortalFrame | null> {
  if (!insidePortal()) return null
  try {
    const { initializeB24Frame } = await import('@bitrix24/b24jssdk')
    return wrap(await within(initializeB24Frame(), answerWithin))
  } catch {
    connecting = undefined
    return null
  }
}

function wrap(sdk: B24Frame): PortalFrame {
  return {
    sdk,
    async accessToken(fresh) {
      const known = fresh ? false : sdk.auth.getAuthData()
      const auth = known || (await sdk.auth.refreshAuth())
      if (!auth) throw new Error('the portal gave no token')
      return auth.access_token
    },
    domain: () => new URL(sdk.getTargetOrigin()).host,
    async openPath(path) {
      await sdk.slider.openPath(sdk.slider.getUrl(path))
    },
    async resize(height) {
      await sdk.parent.message.send('resizeWindow', { width: '100%', height, isSafely: true })
    },
  }
}

function within<T>(work: Promise<T>, limit: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => { reject(new Error('the portal page did not answer')); }, limit)
    work.then(resolve, reject).finally(() => { clearTimeout(timer); })
  })
}
