/** What the server wrote into the page: see design, section 6. */
export interface Boot {
  /** The browser session, a JWT of 15 minutes. */
  session: string
  page: 'cabinet' | 'workplace' | 'connector' | 'install'
  /** Base address of the API, `/api/v1`. */
  api: string
  /** Address of the socket, `/ws`. */
  ws: string
  /** Language code of the portal. */
  lang: string
  /** What the placement told about itself. */
  context: BootContext
}

export interface BootContext {
  placement?: string
  entity_type?: 'lead' | 'deal' | 'contact' | 'company'
  entity_id?: number
  [key: string]: unknown
}

/** Reads the boot data, null when the page was opened by hand, without the server's data in it. */
export function readBoot(page: Document = document): Boot | null {
  const text = page.getElementById('omni-boot')?.textContent
  if (!text) return null
  try {
    const boot = JSON.parse(text) as Partial<Boot>
    if (!boot.session || !boot.page || !boot.api) return null
    return { ws: '/ws', lang: 'en', ...boot, context: boot.context ?? {} } as Boot
  } catch {
    return null
  }
}
