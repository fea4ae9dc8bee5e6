import { describe, expect, it } from 'vitest'
import { brandOf, credentials, verdict } from './uis'

const none = { connected: false, brand: null, has_api_key: false, has_chats_password: false, checks: [], channels: [] }

describe('the connection to UIS (U1)', () => {
  it('keeps stored secrets when their fields are left empty', () => {
    expect(credentials({ brand: 'uis', key: ' k1 ', login: '', password: '' })).toEqual({ brand: 'uis', api_key: 'k1', chats_login: null, chats_password: null })
    expect(credentials({ brand: 'novofon', key: '', login: ' ops ', password: ' p ' })).toEqual({ brand: 'novofon', api_key: null, chats_login: 'ops', chats_password: ' p ' })
  })

  it('starts with UIS where no brand is stored', () => {
    expect(brandOf(null)).toBe('uis')
    expect(brandOf('callgear')).toBe('callgear')
  })

  it('says how it stands', () => {
    expect(verdict(none)).toBe('none')
    expect(verdict({ ...none, connected: true, checks: [{ code: 'data_api', ok: true, text: '' }] })).toBe('ok')
    expect(verdict({ ...none, has_api_key: true, checks: [{ code: 'data_api', ok: false, text: '' }] })).toBe('part')
    expect(verdict({ ...none, connected: true, checks: [{ code: 'adapter', ok: false, text: '' }] })).toBe('part')
  })
})
