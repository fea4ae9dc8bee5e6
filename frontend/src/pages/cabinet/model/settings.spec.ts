import { describe, expect, it } from 'vitest'
import { apply, changes, clashes, errorUnder, nameOf, placeErrors, read, recommended, shown, toggled, withoutErrorsAt, write, type Doc } from './settings'

const base = {
  version: 7,
  main: { enabled: false, portal: null, sync_all: true },
  telephony: { enabled: true, templates: [{ direction: 'in', text: 'Call' }] },
  chats: { enabled: false, channels: [20], first: { on: false, create: ['deal', 'activity'] } },
  lines: { auto_close_min: { '20': 5 } },
} as unknown as Doc
const bare = { version: 1 } as Doc

describe('the settings document', () => {
  it('reads a missing field as its initial value (P3b)', () => {
    expect(read(base, '/chats/create_at')).toBe('start')
    expect(read(base, '/chats/channels')).toEqual([20])
    expect(read(bare, '/main/enabled')).toBe(false)
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
    expect(changes(bare, write(bare, '/chats/first/on', false))).toEqual([])
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

  it('changes one row of a list and leaves the others as they were', () => {
    const draft = write(base, '/telephony/templates/0/text', 'Ring')
    expect(draft.telephony?.templates).toEqual([{ direction: 'in', text: 'Ring' }])
    expect(read(draft, '/telephony/templates/0/text')).toBe('Ring')
    expect(changes(base, draft).map((one) => one.pointer)).toEqual(['/telephony/templates'])
  })

  it('puts errors where they belong, and tells the rest apart', () => {
    const placed = placeErrors([
      { field: '/chats/responsible', code: 'required', text: 'Choose' },
      { field: '/chats/channels/1', code: 'gone', text: 'Gone' },
      { field: '/chats/first', code: 'lead_or_deal', text: 'Lead or deal' },
      { field: '/telephony/funnels_inbound/3/filter/0/1/values/2', code: 'twice', text: 'Twice' },
      { field: '/telephony/weather', code: 'unknown', text: 'Unknown' },
    ])
    expect(placed.at).toEqual({
      '/chats/responsible': 'Choose', '/chats/channels/1': 'Gone', '/chats/first/create': 'Lead or deal', '/telephony/funnels_inbound/3/filter/0/1/values/2': 'Twice',
    })
    expect(placed.elsewhere.map((error) => error.field)).toEqual(['/telephony/weather'])
    expect(errorUnder(placed.at, '/chats/channels')).toBe('Gone')
    expect(errorUnder(placed.at, '/telephony/funnels_inbound/3/filter')).toBe('Twice')
    expect(errorUnder(placed.at, '/telephony/funnels_inbound/33')).toBeUndefined()
    expect(Object.keys(withoutErrorsAt(placed.at, '/telephony/funnels_inbound'))).toHaveLength(3)
  })

  it('has a place for every field of the document', () => {
    for (const pointer of ['/main/import_statuses', '/telephony/click/number', '/telephony/funnels_outbound', '/chats/funnel_repeat/rules', '/requests/template', '/lines/auto_close_min']) expect(shown).toContain(pointer)
    expect(shown).not.toContain('/requests/channels')
    expect(nameOf('/requests/funnel_first/rules/2/pipeline')).toBe('talk_funnel_first_rules')
    expect(nameOf('/lines/auto_close_min/20')).toBe('lines_auto_close_min')
  })

  it('keeps sets in one order and values it does not know', () => {
    expect(toggled(['activity'], 'lead', true, ['lead', 'deal', 'activity'])).toEqual(['lead', 'activity'])
    expect(toggled([99, 20], 21, true, [20, 21])).toEqual([20, 21, 99])
    expect(toggled([20, 21], 20, false, [20, 21])).toEqual([21])
  })

  it('fills in the recommended settings and nothing else', () => {
    const draft = recommended(base, { portal: 3, user: 14, channels: [20, 21], simple: false })
    expect(draft.telephony).toBe(base.telephony)
    expect(draft.chats).toMatchObject({
      enabled: true, portal: 3, channels: [20, 21], create: true, responsible: 14,
      first: { on: true, create: ['lead'] }, repeat: { on: false, create: [] }, comment_priority: 'deals', create_at: 'start',
    })
    expect(draft.main).toEqual({ enabled: true, portal: 3, sync_all: true })
    expect(recommended(base, { portal: 3, user: 14, channels: [], simple: true }).chats).toMatchObject({ first: { on: true, create: ['deal'] } })
  })
})
