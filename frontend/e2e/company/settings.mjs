// Settings of the real product: filled by hand, compared after a reload, saved by two administrators at once.
import assert from 'node:assert/strict'
import { control, equal, patience } from '../demo.mjs'

/** What a company's administrator does on the settings pages; `app` is the cabinet's frame, `page` the portal's page around it. */
export function hands(page, app) {
  const at = (name, inside = app) => inside.getByTestId(name)
  const click = (name, inside) => at(name, inside).click({ timeout: patience })
  return {
    at, click,
    async to(section, tab) {
      await click(`nav-${section}`)
      if (tab) await click(`tab-${tab}`)
    },
    /** Chooses by name in the menu that a field opens; without a name whatever is first. */
    async pick(field, ...names) {
      await field.click({ timeout: patience })
      for (const name of names.length > 0 ? names : [undefined]) {
        const search = at('pick-search')
        if (name !== undefined && await search.isVisible().catch(() => false)) await search.fill(name)
        const options = name === undefined ? app.getByRole('option') : app.getByRole('option', { name }).or(app.getByRole('treeitem', { name }))
        await options.first().click({ timeout: patience })
      }
      if (await at('pick-menu').isVisible().catch(() => false)) await page.keyboard.press('Escape')
    },
    async condition(button, param, op, ...values) {
      await button.click({ timeout: patience })
      await click('filter-and', at('filter-dialog'))
      await this.pick(at('condition-param'), param)
      if (op) await this.pick(at('condition-op'), op)
      await this.pick(at('condition-values'), ...values)
      await click('filter-save')
      await at('filter-dialog').waitFor({ state: 'detached', timeout: patience })
    },
    async mapping(list, field, param) {
      await click('rule-add', list)
      await this.pick(at('mapping-field', list).last(), field)
      await this.pick(at('mapping-param', list).last(), param)
    },
    async save() {
      await click('settings-save')
      await at('save-bar').waitFor({ state: 'detached', timeout: patience })
    },
    /** The document as the server has it. */
    document: () => app.locator('body').evaluate(async () => {
      const { session } = JSON.parse(document.getElementById('omni-boot').textContent)
      return (await fetch('/api/v1/settings', { headers: { authorization: `Bearer ${session}` } })).json()
    }),
  }
}

const rules = (h, pointer) => h.at(`rules-${pointer.slice(1).replaceAll('/', '-')}`)
const rule = (h, pointer, i) => h.at(`rule-${i}`, rules(h, pointer))

/** Telephony with a filter, a rule of the funnel, a responsible, a title and an extra field. */
export async function telephony(h) {
  await h.to('telephony', 'main')
  for (const name of ['enabled', 'create_inbound', 'create_outbound', 'filter_on']) await h.click(`set-telephony-${name}`)
  await h.condition(h.at('filter-inbound'), 'Сайт', 'Исключить')
  await h.to('telephony', 'templates')
  await h.click('rule-add')
  await h.at('template-text').fill('Звонок {{name}}')
  await h.to('telephony', 'funnels')
  await h.click('rule-add', rules(h, '/telephony/funnels_inbound'))
  for (const part of ['lead', 'pipeline', 'deal']) await h.pick(h.at(`funnel-${part}`, rule(h, '/telephony/funnels_inbound', 0)))
  await h.condition(h.at('rule-filter', rule(h, '/telephony/funnels_inbound', 0)), 'Виртуальный номер', 'Включить')
  await h.to('telephony', 'responsibles')
  for (const which of [0, 1]) await h.pick(h.at('person').nth(which), 'Власова')
  await h.to('telephony', 'fields')
  await h.mapping(rules(h, '/telephony/fields'), 'UTM', 'UTM-метка Source')
}

/** Chats with channels, creation, a filter, both funnels with a rule, and an extra field, by hand. */
export async function chats(h) {
  await h.to('chats', 'main')
  await h.click('channel-20')
  await h.click('channel-21')
  for (const name of ['enabled', 'create', 'first-on', 'first-lead', 'first-activity', 'repeat-on', 'repeat-activity', 'notify']) await h.click(`set-chats-${name}`)
  await h.pick(h.at('person').first(), 'Орлов')
  await h.pick(h.at('set-chats-comment_priority'), 'В лиды и в сделки')
  await h.click('rule-add', rules(h, '/chats/responsibles'))
  await h.pick(h.at('person', rule(h, '/chats/responsibles', 0)), 'Зимина')
  await h.condition(h.at('rule-filter', rule(h, '/chats/responsibles', 0)), 'Сайт')
  await h.to('chats', 'filters')
  await h.condition(h.at('filter-talk'), 'Тип канала', 'Исключить')
  await h.to('chats', 'funnels')
  await h.click('set-chats-funnel_first-on')
  const first = h.at('funnel-first')
  await h.pick(h.at('funnel-lead', first).first(), 'В работе')
  await h.click('rule-add', rules(h, '/chats/funnel_first/rules'))
  await h.pick(h.at('funnel-lead', rule(h, '/chats/funnel_first/rules', 0)), 'Не обработан')
  await h.condition(h.at('rule-filter', rule(h, '/chats/funnel_first/rules', 0)), 'Тип канала', 'Включить')
  await h.to('chats', 'fields')
  await h.click('set-chats-fields_on')
  await h.mapping(rules(h, '/chats/fields'), 'UTM', 'UTM-метка Source')
}

/** Open lines with whose name clients see and an extra field. */
export async function lines(h) {
  await h.to('lines', 'main')
  await h.click('set-lines-enabled')
  await h.click('set-lines-operator_name')
  await h.to('lines', 'fields')
  await h.mapping(rules(h, '/lines/fields'), 'UTM', 'UTM-метка Source')
}

/** What was filled, as the document has it. */
export function filled(doc) {
  assert.equal(doc.telephony.enabled && doc.chats.enabled && doc.lines.enabled, true)
  assert.deepEqual(doc.telephony.filter_inbound.map((group) => group.map((one) => [one.param, one.op, one.values.length])), [[['site', 'exclude', 1]]])
  assert.equal(doc.telephony.funnels_inbound.length, 1)
  assert.equal(doc.telephony.funnels_inbound[0].filter[0][0].param, 'virtual_number')
  assert.deepEqual([doc.telephony.templates[0].text, doc.telephony.fields.map((row) => row.param)], ['Звонок {{name}}', ['utm_source']])
  assert.deepEqual([doc.chats.channels, doc.chats.responsible, doc.chats.first, doc.chats.repeat, doc.chats.comment_priority], [[20, 21], 2, { on: true, create: ['lead', 'activity'] }, { on: true, create: ['activity'] }, 'both'])
  assert.deepEqual([doc.chats.responsibles[0].user, doc.chats.responsibles[0].filter[0][0].param, doc.chats.filter[0][0].op, doc.chats.filter[0][0].param], [3, 'site', 'exclude', 'channel_type'])
  assert.deepEqual([doc.chats.funnel_first.on, doc.chats.funnel_first.lead_stage, doc.chats.funnel_first.rules[0].lead_stage], [true, 'IN_PROCESS', 'NEW'])
  assert.deepEqual([doc.chats.fields_on, doc.chats.fields.map((row) => row.param), doc.lines.operator_name, doc.lines.fields.map((row) => row.param)], [true, ['utm_source'], false, ['utm_source']])
}

const pages = { main: [null], telephony: ['main', 'templates', 'funnels', 'responsibles', 'fields'], chats: ['main', 'templates', 'fields', 'filters', 'funnels'], requests: ['main'], lines: ['main', 'fields'] }

/** What every page of the settings shows: switches, chosen values, texts. */
export async function shown(h) {
  const all = {}
  for (const [section, tabs] of Object.entries(pages)) {
    for (const tab of tabs) {
      await h.to(section, tab)
      await h.at(section === 'main' ? 'settings-main' : `section-${section}`).waitFor({ timeout: patience })
      // Names of what was chosen come with the lists.
      await h.at('cabinet').locator('[data-testid^="set-"], [data-testid="rule-add"], [data-testid="settings-main"], [data-testid="filter-talk"], [data-testid="template-text"]').first().waitFor({ timeout: patience })
      let before = ''
      for (let calm = 0; calm < 3;) {
        await h.at('cabinet').page().waitForTimeout(150)
        const now = JSON.stringify(await h.at('cabinet').evaluate(valuesOf))
        calm = now === before ? calm + 1 : 0
        before = now
      }
      all[`${section}/${tab ?? ''}`] = JSON.parse(before)
    }
  }
  return all
}

function valuesOf(root) {
  const wanted = /^(set-|channel-|person|funnel-(lead|pipeline|deal)|mapping-|condition-|template-text|settings-main|rule-\d|filter-)/
  return [...root.querySelectorAll('main [data-testid]')].filter((one) => wanted.test(one.dataset.testid)).map((one) => {
    const dot = one.querySelector('[data-testid="filter-set"]') ? ' filtered' : ''
    return `${one.dataset.testid}: ${one.getAttribute('aria-checked') ?? one.value ?? one.innerText}${dot}`
  })
}

/** A second administrator saves while the first edits: the first is told, keeps both, and the server has both. */
export async function conflict({ context, browser, cabinet, portal, first, shot, cabinetOf }) {
  await control(portal, 'user', { ID: 3, Name: 'Мария', LastName: 'Зимина', Email: 'maria.zimina@gorizont.example', Position: 'Специалист поддержки', InnerPhone: '103', Admin: true, Online: true, Departments: [3], WorkDay: 'OPENED' })
  const other = await browser.newContext({ viewport: { width: 1280, height: 720 }, locale: 'ru-RU' })
  const page = await other.newPage()
  await page.goto(`${portal}/?as=3`)
  const second = await cabinetOf(page, cabinet)
  await second.to('chats', 'main')
  await second.at('set-chats-copy_to_contact').waitFor({ timeout: patience })
  await first.to('telephony', 'main')
  await first.click('set-telephony-number_as_source')

  await second.click('set-chats-copy_to_contact')
  await second.save()
  await first.click('settings-save')
  await first.at('settings-conflict').waitFor({ timeout: patience })
  await context.pages()[0].waitForTimeout(400)
  await shot('conflict')
  equal('saved by the second', [(await second.document()).chats.copy_to_contact, (await second.document()).telephony.number_as_source], [true, false])
  await first.click('conflict-mine')
  await first.at('save-bar').waitFor({ state: 'detached', timeout: patience })
  const doc = await second.document()
  equal('nothing is lost', [doc.chats.copy_to_contact, doc.telephony.number_as_source], [true, true])
  await other.close()
}
