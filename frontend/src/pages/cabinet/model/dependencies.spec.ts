import { describe, expect, it } from 'vitest'
import acting from '../../../../../server/settings/testdata/acting.json'
import { certainFilter, funnelActs, prioritiesOf, priorityMatters, stateOf } from './dependencies'
import { read, shown, write, type Doc } from './settings'

const empty = { version: 1 } as Doc
const doc = (values: Record<string, unknown>): Doc => Object.entries(values).reduce((made, [pointer, value]) => write(made, pointer, value), empty)
const classic = { simple: false }

type Row = [what: string, values: Record<string, unknown>, pointer: string, disabled: boolean, required: boolean]
const tel = { '/telephony/enabled': true }
const chats = { '/chats/enabled': true, '/chats/create': true }
const requests = { '/requests/enabled': true }

const rows: Row[] = [
  ['P3b: the portal of a switched-on integration', { '/main/enabled': true }, '/main/portal', false, true],
  ['S3: the list only while not everybody is synchronised', { '/main/sync_all': true }, '/main/sync_only', true, false],
  ['S3', { '/main/sync_all': false }, '/main/sync_only', false, false],
  ['T2: another telephony disables the Main tab', { '/telephony/other_telephony': true }, '/telephony/create_inbound', true, false],
  ['T2', { '/telephony/other_telephony': true, '/telephony/click/on': true }, '/telephony/click/number', true, false],
  ['T2', { '/telephony/other_telephony': true }, '/telephony/talker', true, false],
  ['T2: but for its own switch', { '/telephony/other_telephony': true }, '/telephony/other_telephony', false, false],
  ['T2: the section’s switch', { '/telephony/other_telephony': true }, '/telephony/enabled', false, false],
  ['T2: the extra fields', { '/telephony/other_telephony': true }, '/telephony/fields', false, false],
  ['T2: default responsibles are not mandatory', { ...tel, '/telephony/other_telephony': true }, '/telephony/responsible_inbound', false, false],
  ['R6: default responsibles', tel, '/telephony/responsible_inbound', false, true],
  ['R6', tel, '/telephony/responsible_outbound', false, true],
  ['R6: of a section that is off', {}, '/telephony/responsible_inbound', false, false],
  ['T6: minutes need the check-box', tel, '/telephony/responsible_after_min', true, false],
  ['T6: and are mandatory with it', { ...tel, '/telephony/responsible_later': true }, '/telephony/responsible_after_min', false, true],
  ['T8: filters need the check-box', tel, '/telephony/filter_inbound', true, false],
  ['T8', { ...tel, '/telephony/filter_on': true }, '/telephony/filter_outbound', false, false],
  ['T9: who gets an answered call', tel, '/telephony/talker', false, true],
  ['T10: off disables the number', tel, '/telephony/click/number', true, false],
  ['T10: and the caller ID', tel, '/telephony/click/override_caller_id', true, false],
  ['T10: on needs the number', { ...tel, '/telephony/click/on': true }, '/telephony/click/number', false, true],
  ['T10', { ...tel, '/telephony/click/on': true }, '/telephony/click/override_caller_id', false, false],
  ['T11: the same for call-back', { ...tel, '/telephony/callback/on': true }, '/telephony/callback/number', false, true],
  ['T11', tel, '/telephony/callback/number', true, false],
  ['T12: certain filters only with sending', tel, '/telephony/records/with_filters', true, false],
  ['T12', { ...tel, '/telephony/records/send': true }, '/telephony/records/with_filters', false, false],
  ['R5: all fields of a rule', tel, '/telephony/funnels_inbound/0/lead_stage', false, true],
  ['R5', tel, '/telephony/funnels_outbound/2/deal_stage', false, true],
  ['R5: the default may be left empty', tel, '/telephony/funnel/pipeline', false, false],
  ['R5: but not its stage', { '/telephony/funnel/pipeline': 0 }, '/telephony/funnel/deal_stage', false, true],
  ['R5: nor its pipeline', { '/telephony/funnel/deal_stage': 'NEW' }, '/telephony/funnel/pipeline', false, true],
  ['R5: a lead’s stage stands alone', { '/telephony/funnel/pipeline': 0 }, '/telephony/funnel/lead_stage', false, false],
  ['C2: off disables what writes to the CRM', { '/chats/enabled': true }, '/chats/responsible', true, false],
  ['C2: on needs a responsible', chats, '/chats/responsible', false, true],
  ['C13: requests have no master switch', requests, '/requests/responsible', false, true],
  ['C3: what a first one creates', chats, '/chats/first/create', true, false],
  ['C3', { ...chats, '/chats/first/on': true }, '/chats/first/create', false, true],
  ['C3: what a repeat one creates is free', { ...requests, '/requests/repeat/on': true }, '/requests/repeat/create', false, false],
  ['C4: the priority is mandatory', chats, '/chats/comment_priority', false, true],
  ['C4: with only an activity too', { ...chats, '/chats/repeat/on': true, '/chats/repeat/create': ['activity'] }, '/chats/comment_priority', false, true],
  ['C4: not with a lead or deal', { ...chats, '/chats/repeat/on': true, '/chats/repeat/create': ['deal'] }, '/chats/comment_priority', true, false],
  ['C4: each section for itself', { ...requests, '/chats/repeat/on': true, '/chats/repeat/create': ['deal'] }, '/requests/comment_priority', false, true],
  ['C6: when to create', chats, '/chats/create_at', false, true],
  ['C10: the filter is there without the master switch', {}, '/chats/filter', false, false],
  ['R7b: rows need the switch', chats, '/chats/fields', true, false],
  ['R7b', { ...chats, '/chats/fields_on': true }, '/chats/fields', false, false],
  ['C5: the funnel’s switch', chats, '/chats/funnel_first/lead_stage', true, false],
  ['C5: lead only', { ...chats, '/chats/first/on': true, '/chats/first/create': ['lead'], '/chats/funnel_first/on': true }, '/chats/funnel_first/lead_stage', false, true],
  ['C5: lead only', { ...chats, '/chats/first/on': true, '/chats/first/create': ['lead'], '/chats/funnel_first/on': true }, '/chats/funnel_first/pipeline', true, false],
  ['C5: deal only', { ...requests, '/requests/repeat/on': true, '/requests/repeat/create': ['deal', 'activity'], '/requests/funnel_repeat/on': true }, '/requests/funnel_repeat/deal_stage', false, true],
  ['C5: the same for rules', { ...chats, '/chats/first/on': true, '/chats/first/create': ['lead'], '/chats/funnel_first/on': true }, '/chats/funnel_first/rules/3/deal_stage', true, false],
  ['C5: the rules need the switch', chats, '/chats/funnel_first/rules', true, false],
  ['C8', chats, '/chats/copy_to_contact', false, false],
  ['C8', {}, '/chats/copy_to_contact', true, false],
]

describe('dependencies', () => {
  it.each(rows)('%s: %j, %s', (_, values, pointer, disabled, required) => {
    expect(stateOf(doc(values), pointer, classic)).toEqual({ disabled, required })
  })

  it('of a CRM without leads', () => {
    const values = doc({ ...tel, ...chats, '/chats/first/on': true, '/chats/first/create': ['lead', 'deal'], '/chats/funnel_first/on': true })
    expect(stateOf(values, '/telephony/funnels_inbound/0/lead_stage', { simple: true })).toEqual({ disabled: true, required: false })
    expect(funnelActs(values, 'chats', 'first', { simple: true })).toEqual({ lead: false, deal: true })
    expect(funnelActs(values, 'chats', 'first', classic)).toEqual({ lead: true, deal: true })
    expect(funnelActs(values, 'chats', 'repeat', classic)).toEqual({ lead: false, deal: false })
  })

  it('ask for the priority of comments only where it says something (C4)', () => {
    expect(priorityMatters(empty)).toBe(true)
    expect(priorityMatters(doc({ '/chats/repeat/on': false, '/chats/repeat/create': ['deal'] }))).toBe(true)
    expect(priorityMatters(doc({ '/chats/repeat/on': true, '/chats/repeat/create': ['lead'] }))).toBe(false)
  })

  it('offer no leads for comments where the CRM has none (C4)', () => {
    const offered = (simple: boolean, chosen: string | null) => prioritiesOf({ simple }, chosen).map((one) => (one.gone ? `${one.id}, gone` : one.id))
    expect(offered(false, 'leads')).toEqual(['deals', 'leads', 'both'])
    expect(offered(true, null)).toEqual(['deals'])
    expect(offered(true, 'deals')).toEqual(['deals'])
    expect(offered(true, 'both')).toEqual(['deals', 'both, gone'])
    const lead = doc({ ...chats, '/chats/repeat/on': true, '/chats/repeat/create': ['lead'] })
    expect(stateOf(lead, '/chats/comment_priority', { simple: true })).toEqual({ disabled: false, required: true })
  })

  it('know a certain filter (T12)', () => {
    const filter = [[{ param: 'site', op: 'include', values: ['1'] }], [{ param: 'employee', op: 'exclude', values: ['2'] }]]
    expect(certainFilter(doc({ '/telephony/filter_on': true, '/telephony/filter_outbound': filter }))).toBe(true)
    expect(certainFilter(doc({ '/telephony/filter_on': false, '/telephony/filter_outbound': filter }))).toBe(false)
    expect(certainFilter(doc({ '/telephony/filter_on': true, '/telephony/filter_inbound': [filter[0]] }))).toBe(false)
  })

  // The rows the server's validation is tested with: what a page disables is compared with nothing there (server/settings/acting_test.go).
  interface Acting { what: string; field: string; state?: string; on: Record<string, unknown>; off: Record<string, unknown>[]; simple?: string }
  const shared = ['chats', 'requests'].flatMap((section) =>
    (JSON.parse(JSON.stringify(acting).replaceAll('/talk/', `/${section}/`)) as Acting[]).filter((row) => section === 'chats' || row.field.startsWith('/requests/')))

  it.each(shared.map((row) => [`${row.what}, ${row.field}`, row] as const))('agree with the server: %s', (_, row) => {
    const crm = { simple: row.simple === 'always' }
    const disabled = (values: Record<string, unknown>, at = crm) => stateOf(doc({ ...row.on, ...values }), row.state ?? row.field, at).disabled
    expect(disabled({})).toBe(false)
    for (const off of row.off.filter((one) => !('/requests/create' in one))) expect(disabled(off), JSON.stringify(off)).toBe(true)
    if (row.simple === 'off') expect(disabled({}, { simple: true })).toBe(true)
  })

  it('agree with the server about every field that they can disable', () => {
    const everythingOff = doc({ '/telephony/other_telephony': true, '/main/sync_all': true, '/chats/create': false })
    const rows = shared.map((row) => row.field)
    // Switches and choices of a fixed list cannot vanish.
    const fixed = ['/telephony/talker', '/telephony/responsible_after_min', '/chats/create_at']
    const open = shown.filter((pointer) => stateOf(everythingOff, pointer, { simple: true }).disabled && typeof read(everythingOff, pointer) !== 'boolean' && !fixed.includes(pointer))
    expect(open.filter((pointer) => !rows.includes(pointer))).toEqual([])
  })
})
