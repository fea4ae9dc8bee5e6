import { describe, expect, it } from 'vitest'
import type { Parameter } from './filter'
import { write, type Doc } from './settings'
import { acting, references, vanished, type Entry } from './vanished'

const parameters = [
  { id: 'site', name: 'Site', directory: 'sites', values: [], free: false, places: {}, known: {} },
  { id: 'source', name: 'Source', directory: null, values: [], free: true, places: {}, known: {} },
] satisfies Parameter[]
const values: Record<string, unknown> = {
  '/telephony/responsible_inbound': 14,
  '/telephony/click/number': '74950000001',
  '/telephony/funnel': { lead_stage: 'NEW', pipeline: 0, deal_stage: 'NEW' },
  '/telephony/responsibles': [{ filter: [[{ param: 'site', op: 'include', values: ['41', '42'] }, { param: 'source', op: 'include', values: ['x'] }]], user: 0 }],
  '/telephony/portal': 9,
  '/chats/channels': [20],
  '/requests/fields': [{ entity: 'lead', field: 'UF_1', param: 'name', always: false }],
}
const doc = Object.entries(values).reduce<Doc>((made, [pointer, value]) => write(made, pointer, value), { version: 1 } as Doc)
const named = references(doc, parameters)
const directories: Record<string, Entry[]> = {
  'b24-users': [{ id: 15, name: 'Other' }],
  numbers: [{ id: '74950000001', name: '+7 495 000-00-01' }],
  stages: [{ id: 'NEW', name: 'Lead', entity: 'lead' }, { id: 'NEW', name: 'Deal', entity: 'deal', pipeline: 1 }],
  pipelines: [{ id: 0, name: 'Common' }],
  sites: [{ id: 41, name: 'shop.example', gone: true }, { id: 42, name: 'new.example' }],
  channels: [],
  fields: [{ id: 'UF_1', name: 'Field', entity: 'deal' }],
}
const lost = (from: typeof directories) => vanished(named, (one) => from[one.directory]).map((one) => `${one.pointer} ${one.name}`)

describe('what vanished', () => {
  it('is looked for wherever the settings name something', () => {
    expect(named.map((one) => `${one.pointer} ${one.directory} ${String(one.id)}`)).toEqual([
      '/telephony/portal portals 9',
      '/telephony/click/number numbers 74950000001', '/telephony/funnel/lead_stage stages NEW', '/telephony/funnel/pipeline pipelines 0', '/telephony/funnel/deal_stage stages NEW',
      '/telephony/responsible_inbound b24-users 14', '/telephony/responsibles/0/filter/0/0/values/0 sites 41', '/telephony/responsibles/0/filter/0/0/values/1 sites 42',
      '/chats/channels/0 channels 20', '/requests/fields/0/field fields UF_1',
    ])
  })

  it('is flagged with its last name: gone, of another pipeline, of another entity', () => {
    expect(lost(directories)).toEqual([
      '/telephony/funnel/deal_stage NEW', '/telephony/responsible_inbound 14', '/telephony/responsibles/0/filter/0/0/values/0 shop.example', '/requests/fields/0/field UF_1',
    ])
  })

  it('may be the portal of a section', () => {
    expect(lost({ portals: [{ id: 1, name: 'North' }] })).toEqual(['/telephony/portal 9'])
    expect(lost({ portals: [{ id: 9, name: 'South', gone: true }] })).toEqual(['/telephony/portal South'])
    expect(lost({ portals: [{ id: 9, name: 'South' }] })).toEqual([])
  })

  it('is nobody because of a list that is empty or could not be read (S4)', () => {
    expect(lost({})).toEqual([])
    expect(lost({ 'b24-users': [] })).toEqual([])
  })

  it('troubles nobody where it does not act: its page disables or hides it', () => {
    const on = Object.entries({ '/telephony/click/on': true, '/requests/fields_on': true, '/chats/create': true, '/main/sync_all': false }).reduce((made, [at, value]) => write(made, at, value), doc)
    const more = write(write(on, '/main/sync_only', [14]), '/chats/responsibles', [{ filter: [], user: 15 }])
    const all = references(more, parameters)
    expect(acting(more, all)).toEqual(all)
    const off = Object.entries({ '/telephony/click/on': false, '/requests/fields_on': false, '/chats/create': false, '/main/sync_all': true }).reduce((made, [at, value]) => write(made, at, value), more)
    const left = acting(off, references(off, parameters)).map((one) => one.pointer)
    expect(all.map((one) => one.pointer).filter((at) => !left.includes(at))).toEqual(['/main/sync_only/0', '/telephony/click/number', '/chats/responsibles/0/user', '/requests/fields/0/field'])
  })
})
