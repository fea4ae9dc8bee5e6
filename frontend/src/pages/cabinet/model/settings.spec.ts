import { describe, expect, it } from 'vitest'
import { apply, changes, clashes, placeErrors, priorityMatters, read, recommended, toggled, write, type Doc } from './settings'

const base: Doc = {
  version: 7,
  main: { enabled: false, portal: null, sync_all: true },
  telephony: { enabled: true, templates: [{ direction: 'in', text: 'Call' }] },
  chats: { enabled: false, channels: [20], first: { on: false, create: ['deal', 'activity'] } },
  lines: { auto_close_min: { '20': 5 } },
}

describe('the settings document', () => {
  it('reads a missing field as its initial value (P3b)', () => {
    expect(read(base, '/chats/create_at')).toBe('start')
    expect(read(base, '/chats/channels')).toEqual([20])
    expect(read({ version: 1 }, '/main/enabled')).toBe(false)
  })

  it('changes one value and leaves everything else as it was', () => {
    const draft = write(base, '/chats/first/on', true)
    expect(draft.chats?.first).toEqual({ on: true, create: ['deal', 'activity'] })
    expect(draft.telephony).toBe(base.telephony)
    expect(base.chats?.first).toEqual({ on: false, create: ['deal', 'activity'] })
  })

  it('tells what was edited, field by field', () => {
    const draft = write(write(base, '/chats/channels', [20, 21]), '/main/enabled', true)
    expect(changes(base, draft)).toEqual([
      { pointer: '/main/enabled', before: false, after: true },
      { pointer: '/chats/channels', before: [20], after: [20, 21] },
    ])
  })

  it('does not count a return to the initial value or another version as an edit', () => {
    expect(changes(base, write(write(base, '/chats/notify', true), '/chats/notify', false))).toEqual([])
    expect(changes({ version: 1 }, write({ version: 1 }, '/chats/first/on', false))).toEqual([])
    expect(changes(base, { ...base, version: 8 })).toEqual([])
  })

  it('carries edits over to what another administrator saved (P4)', () => {
    const mine = changes(base, write(write(base, '/main/enabled', true), '/chats/create_at', 'end'))
    const theirs = { ...write(write(base, '/main/sync_all', false), '/chats/create_at', 'start'), version: 8 }
    const kept = apply(theirs, mine)
    expect(kept.version).toBe(8)
    expect(read(kept, '/main/enabled')).toBe(true)
    expect(kept.main?.sync_all).toBe(false)
    expect(read(kept, '/chats/create_at')).toBe('end')
  })

  it('names only what both changed, and differently', () => {
    const mine = changes(base, write(write(base, '/main/enabled', true), '/main/portal', 1))
    const theirs = { ...write(write(base, '/main/enabled', true), '/main/portal', 2), version: 8 }
    expect(clashes(base, theirs, mine)).toEqual(['/main/portal'])
  })

  it('puts errors at the fields they name', () => {
    const placed = placeErrors([
      { field: '/chats/responsible', code: 'required', text: 'Choose' },
      { field: '/chats/channels/1', code: 'gone', text: 'Gone' },
      { field: '/chats/first', code: 'lead_or_deal', text: 'Lead or deal' },
      { field: '/telephony/responsible_inbound', code: 'required', text: 'Telephony' },
    ])
    expect(placed.at).toEqual({ '/chats/responsible': 'Choose', '/chats/channels': 'Gone', '/chats/first/create': 'Lead or deal' })
    expect(placed.elsewhere.map((error) => error.field)).toEqual(['/telephony/responsible_inbound'])
  })

  it('keeps sets in one order and values it does not know', () => {
    expect(toggled(['activity'], 'lead', true, ['lead', 'deal', 'activity'])).toEqual(['lead', 'activity'])
    expect(toggled([99, 20], 21, true, [20, 21])).toEqual([20, 21, 99])
    expect(toggled([20, 21], 20, false, [20, 21])).toEqual([21])
  })

  it('fills in the recommended settings and nothing else', () => {
    const draft = recommended(base, { portal: 3, user: 14, channels: [20, 21] })
    expect(draft.telephony).toBe(base.telephony)
    expect(draft.chats).toMatchObject({
      enabled: true, portal: 3, channels: [20, 21], create: true, responsible: 14,
      first: { on: true, create: ['lead'] }, repeat: { on: false, create: [] }, comment_priority: 'deals', create_at: 'start',
    })
    expect(draft.main).toEqual({ enabled: true, portal: 3, sync_all: true })
  })

  it('asks for the priority of comments only where it says something (C4)', () => {
    const on = write(base, '/chats/repeat/on', true)
    expect(priorityMatters(base)).toBe(true)
    expect(priorityMatters(write(on, '/chats/repeat/create', ['activity']))).toBe(true)
    expect(priorityMatters(write(on, '/chats/repeat/create', ['deal']))).toBe(false)
  })
})
