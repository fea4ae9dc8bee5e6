import { describe, expect, it } from 'vitest'
import { marksOf, spotOf, tabs } from './places'
import { shown } from './settings'

describe('the places of fields', () => {
  it.each([
    ['/main/portal', 'main', 'main'],
    ['/telephony/click/number', 'telephony', 'main'],
    ['/telephony/responsible_after_min', 'telephony', 'main'],
    ['/telephony/filter_inbound/0/0/values', 'telephony', 'main'],
    ['/telephony/templates/3/text', 'telephony', 'templates'],
    ['/telephony/funnel/deal_stage', 'telephony', 'funnels'],
    ['/telephony/funnels_outbound/0/pipeline', 'telephony', 'funnels'],
    ['/telephony/responsible_inbound', 'telephony', 'responsibles'],
    ['/telephony/responsibles/1/user', 'telephony', 'responsibles'],
    ['/telephony/fields/0/param', 'telephony', 'fields'],
    ['/chats/responsible', 'chats', 'main'],
    ['/chats/responsibles/0/filter/0/0/param', 'chats', 'main'],
    ['/chats/first/create', 'chats', 'main'],
    ['/chats/template', 'chats', 'templates'],
    ['/chats/filter/0/0/op', 'chats', 'filters'],
    ['/requests/fields_on', 'requests', 'fields'],
    ['/requests/funnel_repeat/rules/4/lead_stage', 'requests', 'funnels'],
    ['/lines/auto_close_min/20', 'lines', 'main'],
    ['/lines/fields/1/field', 'lines', 'fields'],
  ])('%s stands on %s, tab %s', (pointer, section, tab) => {
    expect(spotOf(pointer)).toEqual({ section, tab })
  })

  it('name only tabs that their sections have', () => {
    for (const pointer of shown) {
      const { section, tab } = spotOf(pointer)
      if (section in tabs) expect(tabs[section as keyof typeof tabs] as readonly string[]).toContain(tab)
    }
  })

  it('mark the section and the tab', () => {
    expect([...marksOf(['/chats/funnel_first/lead_stage', '/main/portal'])].sort()).toEqual(['chats', 'chats/funnels', 'main', 'main/main'])
  })
})
