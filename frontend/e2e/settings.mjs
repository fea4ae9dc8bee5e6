// Browser tests of the settings pages of the cabinet against their stand-in of dev/. Needs a build ("npm run build").
// Pictures go to test-results/: node e2e/settings.mjs [part of a test's name]
import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { startCabinetMock } from '../dev/cabinet.mjs'

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const results = new URL('../test-results/', import.meta.url)
const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const id = (page, name) => page.getByTestId(name)

/** What an automatic check of accessibility finds, the kit's own buttons and labels left out. */
async function accessible(page) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => window.axe.run({ exclude: [['[data-slot]:not([data-slot="body"]):not([data-slot="content"])'], ['[aria-hidden][tabindex]']] }, { runOnly: ['wcag2a', 'wcag2aa'] }))
  const bad = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)
  assert.deepEqual(bad, [])
}

/** The page itself never scrolls: only what is long inside it does. */
async function fits(page) {
  assert.equal(await page.evaluate(() => document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth), false, 'the page scrolls')
}

async function open(page, url, query, section, tab = 'main') {
  await page.goto(`${url}/cabinet?${query}`)
  await id(page, `nav-${section}`).click()
  await id(page, `tab-${tab}`).click()
  await page.waitForLoadState('networkidle')
}

/** Chooses in the menu that a field opens; several names of a field for several. */
async function pick(page, field, ...names) {
  await field.click()
  for (const name of names) {
    const search = id(page, 'pick-search')
    if (await search.isVisible().catch(() => false)) await search.fill(name)
    await page.getByRole('option', { name }).or(page.getByRole('treeitem', { name })).first().click()
  }
  if (await id(page, 'pick-menu').isVisible()) await page.keyboard.press('Escape')
}

async function save(page) {
  await id(page, 'settings-save').click()
  await id(page, 'save-bar').waitFor({ state: 'detached' })
}

const rules = (page, pointer) => id(page, `rules-${pointer.slice(1).replaceAll('/', '-')}`)
const rule = (page, pointer, i) => rules(page, pointer).getByTestId(`rule-${i}`)
const disabled = (locator) => locator.isDisabled()

const tests = {
  async 'telephony: switches, what they disable, and one Save'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru', 'telephony')
    for (const name of ['click-number', 'click-override_caller_id', 'callback-number', 'records-with_filters', 'responsible_after_min']) assert.equal(await disabled(id(page, `set-telephony-${name}`)), true, name)
    assert.equal(await disabled(id(page, 'filter-inbound')), true)
    await shot('settings-telephony')
    for (const name of ['personal_manager', 'create_inbound', 'responsible_later', 'filter_on', 'click-on', 'records-send']) await id(page, `set-telephony-${name}`).click()
    for (const name of ['click-number', 'click-override_caller_id', 'records-with_filters', 'responsible_after_min']) assert.equal(await disabled(id(page, `set-telephony-${name}`)), false, name)
    await pick(page, id(page, 'set-telephony-responsible_after_min'), '15 минут')
    await pick(page, id(page, 'set-telephony-talker'), 'Последнего')
    await pick(page, id(page, 'set-telephony-click-number'), '+7 495 000-00-02')
    await id(page, 'set-telephony-click-on').click()
    assert.match(await id(page, 'set-telephony-click-number').innerText(), /00-02/, 'off keeps the value')
    await id(page, 'set-telephony-click-on').click()
    await fits(page)
    await accessible(page)
    await save(page)
    const saved = mock.world().settings.telephony
    assert.deepEqual([saved.responsible_after_min, saved.talker, saved.click, saved.personal_manager], [15, 'last', { on: true, number: '74950000002', override_caller_id: false }, true])
    await open(page, url, 'lang=ru&keep=1', 'telephony')
    assert.match(await id(page, 'set-telephony-responsible_after_min').innerText(), /15 минут/)
    assert.equal(await id(page, 'softphone').getAttribute('href'), 'https://go.uiscom.ru/')
  },

  async 'telephony: another telephony blocks the Main tab and keeps its values'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'telephony')
    await id(page, 'set-telephony-other_telephony').click()
    await id(page, 'other-telephony').waitFor()
    for (const name of ['create_inbound', 'talker', 'click-on', 'records-send', 'call_message']) assert.equal(await disabled(id(page, `set-telephony-${name}`)), true, name)
    assert.equal(await id(page, 'set-telephony-create_inbound').getAttribute('aria-checked'), 'true', 'the value is kept')
    await shot('settings-telephony-other')
    await accessible(page)
    await id(page, 'tab-funnels').click()
    await page.getByText('эта вкладка сейчас не действует').waitFor()
    await id(page, 'tab-fields').click()
    assert.equal(await disabled(rule(page, '/telephony/fields', 0).getByTestId('mapping-field')), false)
    await save(page)
    assert.equal(mock.world().settings.telephony.create_inbound, true)
  },

  async 'conditions: a dialog of groups; nothing half-filled, nothing saved by Cancel; the warning of T8a'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru', 'telephony')
    await id(page, 'set-telephony-filter_on').click()
    await id(page, 'filter-inbound').click()
    const dialog = id(page, 'filter-dialog')
    await dialog.getByTestId('filter-and').click()
    await id(page, 'filter-save').click()
    await id(page, 'filter-half').waitFor()
    const first = dialog.getByTestId('condition-0-0')
    assert.equal(await disabled(first.getByTestId('condition-values')), true, 'no values before the parameter')
    await pick(page, first.getByTestId('condition-param'), 'Виртуальный номер')
    await pick(page, first.getByTestId('condition-op'), 'Включить')
    await pick(page, first.getByTestId('condition-values'), '00-01', '00-03')
    await dialog.getByTestId('filter-and').click()
    const second = dialog.getByTestId('condition-0-1')
    await pick(page, second.getByTestId('condition-param'), 'Источник')
    await pick(page, second.getByTestId('condition-op'), 'Исключить')
    await second.getByTestId('condition-values').click()
    await id(page, 'pick-search').fill('yandex')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    await dialog.getByTestId('filter-or').click()
    const other = dialog.getByTestId('condition-1-0')
    await pick(page, other.getByTestId('condition-param'), 'Сотрудник')
    await pick(page, other.getByTestId('condition-op'), 'Исключить')
    await pick(page, other.getByTestId('condition-values'), 'Вера')
    await page.waitForTimeout(300)
    await shot('settings-filter')
    await accessible(page)
    await id(page, 'filter-save').click()
    await id(page, 'filter-waits').waitFor()
    assert.match(await id(page, 'filter-waits').innerText(), /«Сотрудник».*пропущенные/s)
    await id(page, 'filter-inbound').getByTestId('filter-set').waitFor()
    assert.equal(mock.world().settings.telephony.filter_inbound.length, 0, 'the dialog only changes the page')
    await id(page, 'filter-inbound').scrollIntoViewIfNeeded()
    await shot('settings-filter-waits')
    // Cancel leaves the page as it was.
    await id(page, 'filter-inbound').click()
    await dialog.getByTestId('condition-1-0').getByTestId('condition-remove').click()
    await id(page, 'filter-cancel').click()
    await id(page, 'filter-waits').waitFor()
    await save(page)
    assert.deepEqual(mock.world().settings.telephony.filter_inbound, [
      [{ param: 'virtual_number', op: 'include', values: ['74950000001', '74950000003'] }, { param: 'source', op: 'exclude', values: ['yandex'] }],
      [{ param: 'employee', op: 'exclude', values: ['502'] }],
    ])
    // Outbound calls have two parameters only, responsible rules no column for the condition.
    await id(page, 'filter-outbound').click()
    await dialog.getByTestId('filter-and').click()
    await dialog.getByTestId('condition-param').click()
    assert.equal(await page.getByRole('option').count(), 2)
    await page.keyboard.press('Escape')
    await id(page, 'filter-cancel').click()
    await id(page, 'tab-responsibles').click()
    await rules(page, '/telephony/responsibles').getByTestId('rule-add').click()
    await rule(page, '/telephony/responsibles', 0).getByTestId('rule-filter').click()
    await dialog.getByTestId('filter-and').click()
    assert.equal(await dialog.getByTestId('condition-op').count(), 0)
  },

  async 'rules: added, moved by key and by drag, never reached, removed'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'telephony', 'responsibles')
    const at = '/telephony/responsibles'
    const people = () => rules(page, at).getByTestId('person').allInnerTexts()
    const before = await people()
    await rule(page, at, 0).getByTestId('rule-handle').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.waitForFunction(() => document.querySelector('[data-testid="rules-said"]').textContent.includes('на месте 3 из 3'))
    assert.deepEqual(await people(), [before[1], before[2], before[0]])
    assert.equal(await page.evaluate(() => document.activeElement.closest('[data-rule]')?.dataset.rule), '2', 'the handle keeps the focus')
    await rule(page, at, 2).getByTestId('rule-handle').dragTo(rule(page, at, 0), { targetPosition: { x: 200, y: 4 } })
    await page.waitForFunction((text) => document.querySelector('[data-testid="rules-telephony-responsibles"] [data-testid="person"]').innerText === text, before[0])
    assert.deepEqual(await people(), before)
    await rules(page, at).getByTestId('rule-add').click()
    await rule(page, at, 3).waitFor()
    assert.equal(await rules(page, at).getByTestId('rule-lost').count(), 0)
    await rule(page, at, 3).getByTestId('rule-handle').focus()
    await page.keyboard.press('ArrowUp')
    await rule(page, at, 3).getByTestId('rule-lost').waitFor()
    await shot('settings-responsibles')
    await accessible(page)
    // An empty row is refused and shown.
    await id(page, 'settings-save').click()
    await rule(page, at, 2).getByText('Заполните это поле').waitFor()
    await pick(page, rule(page, at, 2).getByTestId('person'), 'person9@example.com')
    await pick(page, page.locator('[data-testid="person"]').first(), 'person2@example.com')
    await save(page)
    assert.deepEqual(mock.world().settings.telephony.responsibles.map((row) => row.user), [3, 4, 9, 5])
    await rule(page, at, 2).getByTestId('rule-remove').click()
    await save(page)
    assert.deepEqual(mock.world().settings.telephony.responsibles.map((row) => row.user), [3, 4, 5])
  },

  async 'templates: variables, preview, saved text, unknown names'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'telephony', 'templates')
    const row = rule(page, '/telephony/templates', 0)
    const text = row.getByTestId('template-text')
    const was = await text.inputValue()
    await text.fill('Заказ {{weather}} от ')
    await row.getByTestId('template-faults').getByText('weather').waitFor()
    assert.equal(await row.locator('[data-mark="bad"]').innerText(), '{{weather}}')
    await row.getByTestId('template-plus').click()
    await id(page, 'pick-search').fill('имя клиента')
    await page.waitForTimeout(300)
    await shot('settings-variables')
    await page.getByRole('option', { name: 'Имя клиента' }).click()
    assert.equal(await text.inputValue(), 'Заказ {{weather}} от {{name}}')
    await row.getByTestId('template-eye').click()
    assert.match(await row.getByTestId('template-preview').innerText(), /Заказ от Мария Орлова/)
    await shot('settings-templates')
    await accessible(page)
    await id(page, 'nav-lines').click()
    await id(page, 'settings-save').click()
    await id(page, 'tab-mark-templates').waitFor()
    await row.getByTestId('template-undo').click()
    assert.equal(await text.inputValue(), was)
    // The arrow follows its row when it moves.
    await text.fill('Другое')
    await row.getByTestId('rule-handle').focus()
    await page.keyboard.press('ArrowDown')
    await rule(page, '/telephony/templates', 1).getByTestId('template-undo').click()
    assert.equal(await rule(page, '/telephony/templates', 1).getByTestId('template-text').inputValue(), was)
    await rules(page, '/telephony/templates').getByTestId('rule-add').click()
    await rule(page, '/telephony/templates', 2).getByTestId('template-text').fill('Новый {{name}}')
    await save(page)
    assert.deepEqual(mock.world().settings.telephony.templates.map((one) => [one.direction, one.entity, one.text]), [['out', 'deal', 'Исходящий {{contact_phone_number}}'], ['in', 'lead', was], ['in', 'lead', 'Новый {{name}}']])
  },

  async 'funnels: another pipeline clears the stage; what vanished is flagged where it is and on top'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'telephony', 'funnels')
    const defaults = id(page, 'funnel').first()
    await pick(page, defaults.getByTestId('funnel-pipeline'), 'Опт')
    assert.match(await defaults.getByTestId('funnel-deal').innerText(), /Выберите/)
    await pick(page, defaults.getByTestId('funnel-deal'), 'Счёт отправлен')
    const lost = rule(page, '/telephony/funnels_inbound', 1)
    assert.match(await lost.getByTestId('funnel-deal').innerText(), /больше нет/)
    await rule(page, '/telephony/funnels_inbound', 2).getByTestId('rule-lost').waitFor()
    await id(page, 'vanished-show').click()
    await shot('settings-funnels')
    await accessible(page)
    await fits(page)
    await id(page, 'vanished').getByText('сайт «old.example»').waitFor()
    await id(page, 'vanished').getByText('номер «+74950000009»').click()
    await id(page, 'set-telephony-click-number').waitFor()
    await pick(page, id(page, 'set-telephony-click-number'), '00-04')
    await id(page, 'vanished').getByText('+74950000009').waitFor({ state: 'detached' })
    await save(page)
    assert.deepEqual(mock.world().settings.telephony.funnel, { lead_stage: 'NEW', pipeline: 7, deal_stage: 'C7:S2' })
  },

  async 'extra fields: a tree of fields, text ones for calls, "update always" for calls and lines'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'telephony', 'fields')
    const at = '/telephony/fields'
    await rules(page, at).getByTestId('rule-add').click()
    await rule(page, at, 2).getByTestId('mapping-field').click()
    await page.getByRole('treeitem', { name: 'Компания' }).click()
    await page.waitForTimeout(250)
    await shot('settings-fields-tree')
    await accessible(page)
    assert.equal(await page.getByRole('treeitem', { name: 'Поле 4' }).count(), 0, 'a number is no text')
    await page.getByRole('treeitem', { name: 'Поле 3' }).click()
    await pick(page, rule(page, at, 2).getByTestId('mapping-param'), 'Имя клиента')
    await rule(page, at, 2).getByTestId('mapping-always').click()
    await id(page, 'nav-chats').click()
    await id(page, 'tab-fields').click()
    assert.equal(await id(page, 'mapping-always').count(), 0)
    await id(page, 'set-chats-fields_on').click()
    assert.equal(await disabled(rule(page, '/chats/fields', 0).getByTestId('mapping-field')), true, 'off disables the rows and keeps them')
    await rule(page, '/chats/fields', 0).getByTestId('mapping-field').waitFor()
    await id(page, 'nav-lines').click()
    await id(page, 'tab-fields').click()
    assert.equal(await id(page, 'mapping-always').count(), 1)
    await save(page)
    assert.deepEqual(mock.world().settings.telephony.fields[2], { entity: 'company', field: 'UF_CRM_3', param: 'name', always: true })
    assert.deepEqual([mock.world().settings.chats.fields_on, mock.world().settings.chats.fields.length], [false, 1])
  },

  async 'chats: channels, creation, dependencies and warnings'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru', 'chats')
    await page.getByText('Ни один канал не отмечен').waitFor()
    for (const name of ['first-on', 'repeat-on', 'comment_priority', 'create_at', 'notify']) assert.equal(await disabled(id(page, `set-chats-${name}`)), true, name)
    await id(page, 'channel-20').click()
    await id(page, 'set-chats-enabled').click()
    await id(page, 'set-chats-create').click()
    await id(page, 'set-chats-first-on').click()
    await id(page, 'set-chats-first-activity').click()
    await page.getByText('Выберите лид или сделку: к ним').waitFor()
    await id(page, 'settings-save').click()
    await page.locator('[data-field-error]').first().waitFor()
    await id(page, 'nav-wrong-chats').waitFor()
    await page.waitForTimeout(500)
    await shot('settings-chats-refused')
    await id(page, 'set-chats-first-deal').click()
    await id(page, 'set-chats-repeat-on').click()
    await id(page, 'set-chats-repeat-lead').click()
    assert.equal(await disabled(id(page, 'set-chats-comment_priority')), true, 'C4: the repeat creates')
    await id(page, 'set-chats-repeat-lead').click()
    await id(page, 'set-chats-repeat-activity').click()
    await pick(page, id(page, 'set-chats-comment_priority'), 'В лиды и в сделки')
    await pick(page, page.locator('[data-testid="person"]').first(), 'person3@example.com')
    await pick(page, id(page, 'set-chats-create_at'), 'После завершения')
    await id(page, 'set-chats-without_contacts').click()
    await id(page, 'without-contacts').waitFor()
    await page.getByText('Форма сбора контактов').waitFor()
    await id(page, 'without-contacts').scrollIntoViewIfNeeded()
    await shot('settings-chats-end')
    await accessible(page)
    await save(page)
    const { channels, responsible, first, repeat, comment_priority, create_at } = mock.world().settings.chats
    assert.deepEqual({ channels, responsible, first, repeat, comment_priority, create_at }, { channels: [20], responsible: 3, first: { on: true, create: ['deal', 'activity'] }, repeat: { on: true, create: ['activity'] }, comment_priority: 'both', create_at: 'end' })
    // C5: which fields act follows from what is created.
    await id(page, 'tab-funnels').click()
    const first5 = id(page, 'funnel-first')
    assert.equal(await disabled(first5.getByTestId('funnel-pipeline').first()), true)
    await id(page, 'set-chats-funnel_first-on').click()
    assert.deepEqual([await disabled(first5.getByTestId('funnel-lead').first()), await disabled(first5.getByTestId('funnel-pipeline').first())], [true, false])
    await id(page, 'set-chats-funnel_repeat-on').click()
    await id(page, 'funnel-repeat').getByTestId('funnel-nothing').waitFor()
    await shot('settings-chats-funnels')
    await accessible(page)
    await id(page, 'tab-filters').click()
    await id(page, 'filter-talk').click()
    await id(page, 'filter-dialog').getByTestId('filter-and').click()
    await pick(page, id(page, 'condition-param'), 'Тип канала')
    await pick(page, id(page, 'condition-op'), 'Исключить')
    await pick(page, id(page, 'condition-values'), 'Авито')
    await id(page, 'filter-save').click()
    await id(page, 'filter-talk').getByTestId('filter-set').waitFor()
    await shot('settings-chats-filters')
    await accessible(page)
    await id(page, 'tab-templates').click()
    await id(page, 'template-eye').click()
    await shot('settings-chats-templates')
    await accessible(page)
  },

  async 'chats: a CRM without leads offers none'({ page, url }) {
    await open(page, url, 'lang=ru&world=full&mode=simple', 'chats')
    await page.getByText('CRM работает без лидов').waitFor()
    assert.equal(await id(page, 'set-chats-first-lead').count(), 0)
    assert.match(await id(page, 'without-contacts').innerText(), /сделку/)
    await id(page, 'nav-telephony').click()
    await id(page, 'tab-funnels').click()
    assert.equal(await disabled(rule(page, '/telephony/funnels_inbound', 0).getByTestId('funnel-lead')), true)
  },

  async 'offline requests: as chats, without channels, master switch and moment'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru', 'requests')
    for (const name of ['set-chats-create', 'set-requests-create', 'set-requests-create_at', 'channels-all']) assert.equal(await id(page, name).count(), 0, name)
    await id(page, 'set-requests-enabled').click()
    await id(page, 'set-requests-first-on').click()
    await id(page, 'set-requests-first-lead').click()
    await id(page, 'set-requests-notify').click()
    await pick(page, page.locator('[data-testid="person"]').first(), 'person2@example.com')
    await pick(page, id(page, 'set-requests-comment_priority'), 'В сделки')
    await rules(page, '/requests/responsibles').getByTestId('rule-add').click()
    await pick(page, rule(page, '/requests/responsibles', 0).getByTestId('person'), 'person4@example.com')
    await rule(page, '/requests/responsibles', 0).getByTestId('rule-filter').click()
    await id(page, 'filter-dialog').getByTestId('filter-and').click()
    await id(page, 'condition-param').click()
    await page.getByRole('option', { name: 'Форма заявки' }).waitFor()
    assert.equal(await page.getByRole('option', { name: 'Тип канала' }).count(), 0)
    await page.getByRole('option', { name: 'Сайт' }).click()
    await pick(page, id(page, 'condition-values'), 'shop.example')
    await id(page, 'filter-save').click()
    await shot('settings-requests')
    await accessible(page)
    await save(page)
    assert.deepEqual(mock.world().settings.requests.responsibles, [{ filter: [[{ param: 'site', op: 'include', values: ['41'] }]], user: 4 }])
    for (const tab of ['templates', 'fields', 'filters', 'funnels']) {
      await id(page, `tab-${tab}`).click()
      await fits(page)
    }
  },

  async 'open lines: notes, closing by channel, extra fields'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'lines')
    await id(page, 'create-beside-lines').waitFor()
    await id(page, 'line-channel-20').getByRole('textbox').fill('45')
    await id(page, 'set-lines-operator_name').click()
    await shot('settings-lines')
    await accessible(page)
    await fits(page)
    await save(page)
    assert.deepEqual([mock.world().settings.lines.auto_close_min, mock.world().settings.lines.operator_name], [{ 20: 45 }, false])
    await id(page, 'nav-chats').click()
    await id(page, 'create-beside-lines').waitFor()
    await id(page, 'tab-fields').click()
  },

  async 'errors lead to their section and tab, wherever they are'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'lines')
    await id(page, 'set-lines-operator_name').click()
    const places = [
      ['/telephony/callback/number', 'telephony', 'main'], ['/telephony/templates/1/entity', 'telephony', 'templates'], ['/telephony/funnels_inbound/2/filter/0/0/values', 'telephony', 'funnels'],
      ['/telephony/responsible_outbound', 'telephony', 'responsibles'], ['/telephony/fields/1/param', 'telephony', 'fields'], ['/chats/first/create', 'chats', 'main'], ['/chats/template', 'chats', 'templates'],
      ['/chats/filter/0/0/param', 'chats', 'filters'], ['/chats/funnel_first/rules/0/deal_stage', 'chats', 'funnels'], ['/requests/responsible', 'requests', 'main'], ['/requests/fields', 'requests', 'fields'],
      ['/lines/auto_close_min/20', 'lines', 'main'], ['/lines/fields/0/field', 'lines', 'fields'], ['/main/portal', 'main', null],
    ]
    for (const [field, section, tab] of places) {
      mock.world().refuse = [{ field, code: 'required', text: `Неверно: ${field}` }]
      await id(page, 'nav-operations').click()
      await id(page, 'settings-save').click()
      await page.waitForFunction((name) => document.querySelector(`[data-testid="nav-${name}"]`).getAttribute('aria-current') === 'page', section)
      if (tab) assert.equal(await id(page, `tab-${tab}`).getAttribute('aria-selected'), 'true', field)
      await id(page, `nav-wrong-${section}`).waitFor()
      if (tab) await id(page, `tab-mark-${tab}`).waitFor()
      assert.ok((await page.locator('[data-field-error], [aria-label]').count()) > 0)
      if (!field.includes('/filter/0') || section !== 'telephony') await page.getByText(`Неверно: ${field}`).first().waitFor()
    }
    await shot('settings-error')
    mock.world().refuse = [{ field: '/telephony/weather', code: 'unknown', text: 'Такого поля нет' }]
    await id(page, 'settings-save').click()
    await id(page, 'save-error').getByText('Такого поля нет').waitFor()
  },

  async 'a channel goes to a line, or somebody saves, while there are edits: the page says so'({ page, url, shot, mock }) {
    await open(page, url, 'lang=ru&world=full', 'chats')
    await id(page, 'set-chats-notify').click()
    const world = mock.world()
    world.settings = { ...world.settings, version: 8, chats: { ...world.settings.chats, channels: [21] } }
    mock.emit('line.changed', { line: 1 })
    await id(page, 'outdated').waitFor()
    await shot('settings-outdated')
    await accessible(page)
    await id(page, 'outdated-reload').click()
    await id(page, 'outdated').waitFor({ state: 'detached' })
    await page.waitForFunction(() => document.querySelector('[data-testid="channel-20"]').getAttribute('aria-checked') === 'false')
    // Leaving with unsaved changes asks.
    await id(page, 'set-chats-notify').click()
    let asked = false
    page.once('dialog', (dialog) => { asked = dialog.type() === 'beforeunload'; void dialog.accept() })
    await page.reload()
    assert.equal(asked, true)
  },

  async 'help: every setting in the page’s language'({ page, url, shot }) {
    await open(page, url, 'lang=en&world=full', 'telephony')
    await id(page, 'help-open').click()
    await id(page, 'help-panel').getByText('Route to the personal manager from the CRM').waitFor()
    await page.waitForTimeout(500)
    await shot('settings-help')
    await accessible(page)
    await id(page, 'help-panel').getByText('last name').waitFor()
    await page.keyboard.press('Escape')
    await id(page, 'help-panel').waitFor({ state: 'detached' })
  },

  async 'main: sections, employees to synchronise'({ page, url, shot, mock }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'switch-telephony').waitFor()
    assert.equal(await id(page, 'set-main-sync_only').count(), 0)
    await id(page, 'set-main-sync_all').click()
    await pick(page, id(page, 'set-main-sync_only'), 'person1@example.com', 'person2@example.com')
    await id(page, 'set-main-import_statuses').click()
    await id(page, 'set-main-sync_only').scrollIntoViewIfNeeded()
    await shot('settings-main')
    await accessible(page)
    await save(page)
    assert.deepEqual(mock.world().settings.main.sync_only, [1, 2])
    await id(page, 'open-lines').click()
    await id(page, 'section-lines').waitFor()
  },

  async 'every tab, light and dark, Russian and English'({ page, url, shot }) {
    for (const [lang, theme] of [['ru', 'dark'], ['en', 'light']]) {
      await page.goto(`${url}/cabinet?lang=${lang}&world=full`)
      await page.evaluate((value) => { localStorage.setItem('omni-theme', JSON.stringify(value)) }, theme)
      await page.reload()
      for (const [section, tabs] of Object.entries({ telephony: ['main', 'templates', 'funnels', 'responsibles', 'fields'], chats: ['main', 'templates', 'fields', 'filters', 'funnels'], requests: ['main'], lines: ['main', 'fields'] })) {
        await id(page, `nav-${section}`).click()
        for (const tab of tabs) {
          await id(page, `tab-${tab}`).click()
          await page.waitForLoadState('networkidle')
          await page.waitForTimeout(150)
          await shot(`settings-${lang}-${theme}-${section}-${tab}`)
          await fits(page)
          if (theme === 'dark') await accessible(page)
        }
      }
    }
    await page.setViewportSize({ width: 900, height: 600 })
    await fits(page)
    await shot('settings-900')
  },

  async 'large: 500 people, 50 × 20 stages, 300 fields, 200 rules stay fluid'({ page, url, shot }) {
    await open(page, url, 'lang=ru&world=big', 'telephony', 'templates')
    await rule(page, '/telephony/templates', 0).waitFor()
    assert.ok((await page.locator('[data-rule]').count()) < 40, 'only the visible rows are on the page')
    // Each key is measured alone: how long the page's own thread works until the next frame, in its own time, so that a busy machine does not matter.
    // Everything a key causes is more than its longest task.
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
    const worked = async () => (await devtools.send('Performance.getMetrics')).metrics.find((one) => one.name === 'TaskDuration').value * 1000
    const type = async (field, words) => {
      let most = 0
      await field.focus()
      for (const letter of words) {
        const before = await worked()
        await page.keyboard.insertText(letter)
        await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 0)) }))
        most = Math.max(most, (await worked()) - before)
      }
      return Math.round(most)
    }
    const text = rule(page, '/telephony/templates', 0).getByTestId('template-text')
    await text.press('End')
    const figures = {}
    figures['typing in a template'] = await type(text, ' заказ')
    // Heights are known once rows were shown, so the end may move away while one scrolls to it.
    await page.waitForFunction(() => {
      const panel = document.querySelector('[role="tabpanel"]')
      panel.scrollTop = panel.scrollHeight
      return document.querySelector('[data-testid="rule-199"]') !== null
    })
    await id(page, 'tab-funnels').click()
    await rule(page, '/telephony/funnels_inbound', 0).waitFor()
    await rule(page, '/telephony/funnels_inbound', 0).getByTestId('funnel-deal').click()
    assert.equal(await page.getByRole('option').count() < 20, true, 'the menu shows what is seen')
    figures['searching a stage'] = await type(id(page, 'pick-search'), 'стадия 1')
    await page.keyboard.press('Escape')
    await id(page, 'tab-responsibles').click()
    await rule(page, '/telephony/responsibles', 3).getByTestId('person').click()
    figures['searching a person'] = await type(id(page, 'pick-search'), 'сотрудник 4')
    await page.keyboard.press('Escape')
    await id(page, 'tab-fields').click()
    await rule(page, '/telephony/fields', 5).getByTestId('mapping-field').click()
    figures['searching a field'] = await type(id(page, 'pick-search'), 'поле 3')
    await shot('settings-big')
    console.log(`      most work for one key, ms: ${JSON.stringify(figures)}`)
    for (const [what, ms] of Object.entries(figures)) assert.ok(ms <= longTask, `${what}: ${ms} ms of work for one key`)
  },
}

// What counts as long, as the browser itself has it.
const longTask = 50

await mkdir(results, { recursive: true })
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
let failed = 0
for (const [name, test] of Object.entries(tests)) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue
  const mock = await startCabinetMock()
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } })
  const page = await context.newPage()
  page.setDefaultTimeout(Number(process.env.OMNI_E2E_TIMEOUT ?? 15_000))
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (line) => line.type() === 'error' && /Content Security|Vue warn/.test(line.text()) && complaints.push(line.text()))
  const shot = (file) => page.screenshot({ path: new URL(`${file}.png`, results).pathname })
  try {
    await test({ page, mock, shot, url: mock.url })
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
    console.log(`ok    ${name}`)
  } catch (error) {
    failed += 1
    await shot(`failed-${name.replace(/\W+/g, '-')}`).catch(() => undefined)
    console.error(`FAIL  ${name}\n${error.stack ?? error}`)
  }
  await context.close()
  mock.close()
}
await browser.close()
process.exitCode = failed === 0 ? 0 : 1
