import { describe, expect, it, vi } from 'vitest'
import { Problem, Unreachable } from '@/shared/problem'
import { write, type Doc } from '../model/settings'
import { useSettingsForm } from './useSettingsForm'

const doc = { version: 7, main: { enabled: false, portal: null }, telephony: { templates: [1, 2] }, chats: { notify: false } } as unknown as Doc

async function formWith(save: (doc: Doc, version: number) => Promise<Doc>) {
  const form = useSettingsForm({ load: () => Promise.resolve(doc), save })
  await form.load()
  return form
}

describe('the settings form', () => {
  it('sends the whole document, changed only where it was edited (P4)', async () => {
    const save = vi.fn((sent: Doc) => Promise.resolve({ ...sent, version: 8 }))
    const form = await formWith(save)
    expect(form.dirty.value).toBe(false)
    form.set('/main/enabled', true)
    expect(form.dirty.value).toBe(true)
    expect(await form.save()).toBe(true)
    expect(save).toHaveBeenCalledWith({ ...doc, main: { enabled: true, portal: null } }, 7)
    expect(form.dirty.value).toBe(false)
    expect(form.base.value?.version).toBe(8)
  })

  it('returns to the last saved state', async () => {
    const form = await formWith((sent) => Promise.resolve(sent))
    form.set('/chats/notify', true)
    form.cancel()
    expect(form.value('/chats/notify')).toBe(false)
    expect(form.dirty.value).toBe(false)
  })

  it('shows an error at its field until the field is edited', async () => {
    const errors = [{ field: '/main/portal', code: 'required', text: 'Choose a portal' }, { field: '/telephony/x', code: 'required', text: 'Telephony' }]
    const form = await formWith(() => Promise.reject(new Problem(422, { status: 422, code: 'settings_invalid', detail: 'Check the fields', errors })))
    form.set('/main/enabled', true)
    expect(await form.save()).toBe(false)
    expect(form.fieldErrors.value).toEqual({ '/main/portal': 'Choose a portal' })
    expect(form.elsewhere.value).toEqual(['Telephony'])
    expect(form.value('/main/enabled')).toBe(true)
    form.set('/main/portal', 3)
    expect(form.fieldErrors.value).toEqual({})
  })

  describe('when another administrator saved first', () => {
    const theirs = { ...write(doc, '/chats/notify', true), version: 8 }
    const conflict = new Problem(409, { status: 409, code: 'settings_conflict', detail: 'Saved', theirs, yours: doc })

    it('loads theirs', async () => {
      const form = await formWith(() => Promise.reject(conflict))
      form.set('/main/enabled', true)
      await form.save()
      expect(form.conflict.value).toEqual({ theirs, clashes: [] })
      expect(form.value('/main/enabled')).toBe(true)
      form.loadTheirs()
      expect(form.value('/main/enabled')).toBe(false)
      expect(form.value('/chats/notify')).toBe(true)
      expect(form.dirty.value).toBe(false)
    })

    it('keeps mine on top of theirs, losing neither', async () => {
      const save = vi.fn<(sent: Doc, version: number) => Promise<Doc>>().mockRejectedValueOnce(conflict).mockImplementation((sent) => Promise.resolve({ ...sent, version: 9 }))
      const form = await formWith(save)
      form.set('/main/enabled', true)
      await form.save()
      expect(await form.keepMine()).toBe(true)
      expect(save).toHaveBeenLastCalledWith({ ...theirs, main: { enabled: true, portal: null } }, 8)
      expect(form.base.value?.version).toBe(9)
    })
  })

  it('keeps the edits when the server cannot be reached', async () => {
    const lost = new Unreachable(new Error('reset'))
    const form = await formWith(() => Promise.reject(lost))
    form.set('/main/enabled', true)
    await form.save()
    expect(form.error.value).toBe(lost)
    expect(form.dirty.value).toBe(true)
    expect(form.saving.value).toBe(false)
  })

  it('takes what another page saved only while nothing is edited here', async () => {
    const load = vi.fn().mockResolvedValueOnce(doc).mockResolvedValue({ ...doc, version: 8 })
    const form = useSettingsForm({ load, save: (sent) => Promise.resolve(sent) })
    await form.load()
    form.set('/main/enabled', true)
    await form.heard()
    expect(form.base.value?.version).toBe(7)
    form.cancel()
    await form.heard()
    expect(form.base.value?.version).toBe(8)
  })

  describe('when an open line was changed in Bitrix24 (P6)', () => {
    it('says so also without edits, until the settings were read again', async () => {
      const load = vi.fn().mockResolvedValueOnce(doc).mockResolvedValue({ ...doc, version: 8 })
      const form = useSettingsForm({ load, save: (sent) => Promise.resolve(sent) })
      await form.load()
      form.heardLine()
      expect(form.outdated.value).toBe('line')
      expect(form.base.value?.version).toBe(7)
      form.cancel()
      await vi.waitFor(() => { expect(form.outdated.value).toBeNull() })
      expect(form.base.value?.version).toBe(8)
    })

    it('stays said when the settings follow the line', async () => {
      const load = vi.fn().mockResolvedValueOnce(doc).mockResolvedValue({ ...doc, version: 8 })
      const form = useSettingsForm({ load, save: (sent) => Promise.resolve(sent) })
      await form.load()
      form.heardLine()
      await form.heard()
      expect([form.base.value?.version, form.outdated.value]).toEqual([8, 'line'])
    })

    it('keeps the edits, and what somebody saved is the graver news', async () => {
      const form = await formWith((sent) => Promise.resolve(sent))
      form.set('/main/enabled', true)
      form.heardLine()
      expect(form.value('/main/enabled')).toBe(true)
      await form.heard()
      form.heardLine()
      expect(form.outdated.value).toBe('saved')
    })
  })
})
