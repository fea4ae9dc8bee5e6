/** Where employees of a brand find the softphone (T1): the personal account, whose menu has it, and the browser's extension. */
export interface Softphone {
  account: string | null
  extension: string
}

const accounts: Record<string, string> = { uis: 'https://go.uiscom.ru/', comagic: 'https://go.comagic.ru/', callgear: 'https://go.callgear.com/' }
const store = 'https://chromewebstore.google.com/'

export function softphoneOf(brand: string | null | undefined): Softphone {
  const name = { uis: 'UIS', comagic: 'CoMagic', novofon: 'Novofon' }[brand ?? '']
  return {
    account: accounts[brand ?? ''] ?? null,
    extension: brand === 'callgear' ? `${store}detail/gmepbeelpjhhlnkccmclgijnnleadijl` : `${store}search/${encodeURIComponent(`${name ?? 'UIS'} softphone`)}`,
  }
}
