// The story of one conversation on the real product, in a real browser: an administrator installs the app on the sandbox portal and connects
// UIS, a client writes from the sandbox phone, the operator answers, and the CRM has it all. Needs bin/omni ("make build").
// Pictures go to test-results/: node e2e/story.mjs
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { chromium } from 'playwright-core'
import { equal, flags, patience, root, startDemo } from './demo.mjs'
import { openLines } from './story/lines.mjs'

const results = path.join(root, 'frontend/test-results')

/** The portal's calls when so many of them are finished and, where a recording is due, have it. */
async function finished(count) {
  const deadline = Date.now() + 3 * patience
  for (;;) {
    const { calls, activities } = await (await fetch(`${portal}/_sandbox/state`)).json()
    const done = calls.filter((call) => call.finished && call.record)
    if (done.length >= count) return { calls, activities }
    if (Date.now() > deadline) throw new Error(`${done.length} calls with a recording instead of ${count}: ${JSON.stringify(calls)}`)
    await new Promise((pause) => { setTimeout(pause, 300) })
  }
}

/** The market's five scenarios of telephony: a call comes in with its card, one goes out, each is recorded, a click and a form start one. */
async function telephone() {
  const phone = await context.newPage()
  await phone.setViewportSize({ width: 460, height: 860 })
  await phone.goto(`${uis}/phone/romashka?lang=ru&channel=20&number=79000000888&name=Вера`)
  const play = async (kind) => {
    if (!await phone.getByTestId(`phone-call-${kind}`).isVisible()) await phone.getByTestId('phone-actions').click()
    await phone.getByTestId(`phone-call-${kind}`).click()
  }
  await page.goto(`${portal}/crm/lead/list/`)
  await play('answered')
  await page.locator('.callcard', { hasText: '79000000888' }).waitFor({ timeout: patience })
  await page.locator('.callcard', { hasText: 'Звонок' }).or(page.locator('.callcard a')).first().waitFor({ timeout: patience })
  await shot('call-card')
  const first = await finished(1)
  await page.locator('.callcard').waitFor({ state: 'detached', timeout: patience })
  const mine = (await (await fetch(`${portal}/_sandbox/state`)).json()).items.leads.filter((lead) => lead.phones?.includes('+79000000888'))
  equal('leads of the caller', mine.length, 1)
  const activity = first.activities.find((one) => one.id === first.calls[0].activity)
  equal('the activity', [activity.fields.COMPLETED, activity.bindings], ['Y', [{ type: 1, id: mine[0].id }]])
  step('T4, T12, T14 a call comes in with its card, becomes a lead with a done activity, and is recorded')

  await play('outgoing')
  await finished(2)
  step('T5, T12 a call goes out and is recorded')

  await page.goto(`${portal}/crm/lead/details/${mine[0].id}/`)
  await page.locator('button[name=dial]').first().click()
  await finished(3)
  const clicked = (await finished(3)).calls.at(-1)
  equal('the clicked call', [clicked.type, clicked.user, clicked.finished], [1, 1, true])
  await page.goto(`${portal}/crm/lead/details/${mine[0].id}/`)
  await shot('call-lead')
  step('T10 a click on the number starts a call')

  const answer = await fetch(`${portal}/_sandbox/callback`, { method: 'POST', body: JSON.stringify({ Number: '+79000000888', Text: 'Перезвоните', Type: 1, ID: mine[0].id }) })
  equal('the form is taken', answer.status, 200)
  const all = (await finished(4)).calls
  equal('calls at the portal', all.map((call) => call.type), [2, 1, 1, 4])
  step('T11 a call-back form calls the responsible and the client')

  await page.goto(cabinet)
  const told = page.frameLocator('iframe').first()
  await told.getByTestId('nav-communications').click({ timeout: patience })
  await told.getByTestId('communications-call').click({ timeout: patience })
  await told.locator('[data-row]', { hasText: '000' }).first().click({ timeout: patience })
  await told.getByTestId('why-reasons').waitFor({ timeout: patience })
  await shot('why-call')
  step('T15 the cabinet lists the calls and says why each became what it is')
}

let cabinet = ''
await mkdir(results, { recursive: true })
const { portal, uis, rest, stop } = await startDemo()
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, locale: 'ru-RU' })
const page = await context.newPage()
const complaints = []
page.on('pageerror', (error) => complaints.push(error.message))
const shot = (name) => page.screenshot({ path: path.join(results, `story-${name}.png`) })
const step = (text) => { console.log(`ok    ${text}`) }

try {
  await page.goto(`${portal}/marketplace/`)
  await page.click('button[value=install]')
  await page.waitForURL(/install_finished/, { timeout: patience })
  cabinet = page.url()
  step('P1 the app is installed and finished')

  const app = page.frameLocator('iframe').first()
  await app.getByTestId('nav-uis').click({ timeout: patience })
  await app.getByTestId('uis-key').fill('key-romashka')
  await app.getByTestId('uis-login').fill('romashka@uis.example')
  await app.getByTestId('uis-password').fill('password-romashka')
  await app.getByTestId('uis-save').click()
  await app.getByTestId('uis-check-channels').waitFor({ timeout: patience })
  await shot('uis')
  step('U1 UIS is connected and tested')

  await app.getByTestId('nav-main').click()
  await app.getByTestId('settings-recommended').click()
  await app.getByTestId('settings-save').click()
  await app.getByTestId('settings-save').waitFor({ state: 'detached', timeout: patience })
  await app.getByTestId('nav-employees').click()
  await app.getByTestId('employee-1').getByText('Власова Анна').waitFor({ timeout: patience })
  await shot('employees')
  step('P4, S1 settings are saved, people with the same e-mail are matched')

  // The rest of the settings, from what the portal and UIS have to choose from.
  const choose = async (field, name) => {
    await field.click()
    const search = app.getByTestId('pick-search')
    if (await search.isVisible()) await search.fill(name)
    await app.getByRole('option', { name }).or(app.getByRole('treeitem', { name })).first().click({ timeout: patience })
  }
  await app.getByTestId('nav-telephony').click()
  await app.getByTestId('set-telephony-enabled').click()
  for (const name of ['create_inbound', 'create_outbound', 'records-send', 'callback-on']) await app.getByTestId(`set-telephony-${name}`).click()
  await app.getByTestId('set-telephony-callback-number').click()
  await app.getByRole('option').first().click({ timeout: patience })
  await app.getByTestId('set-telephony-click-on').click()
  await app.getByTestId('set-telephony-click-number').click()
  await app.getByRole('option').first().click({ timeout: patience })
  await app.getByTestId('tab-responsibles').click()
  for (const which of [0, 1]) await choose(app.getByTestId('person').nth(which), 'Власова')
  await app.getByTestId('rule-add').click()
  await choose(app.getByTestId('rule-0').getByTestId('person'), 'Власова')
  await app.getByTestId('rule-filter').click()
  await app.getByTestId('filter-dialog').getByTestId('filter-and').click()
  await choose(app.getByTestId('condition-param'), 'Сайт')
  await app.getByTestId('condition-values').click()
  await app.getByRole('option').first().click({ timeout: patience })
  await page.keyboard.press('Escape')
  await app.getByTestId('filter-save').click()
  await app.getByTestId('tab-funnels').click()
  const funnel = app.getByTestId('funnel').first()
  for (const part of ['lead', 'pipeline', 'deal']) {
    await funnel.getByTestId(`funnel-${part}`).click()
    await app.getByRole('option').first().click({ timeout: patience })
  }
  await app.getByTestId('tab-fields').click()
  await app.getByTestId('rule-add').click()
  await choose(app.getByTestId('mapping-field'), 'UTM')
  await choose(app.getByTestId('mapping-param'), 'UTM-метка Source')
  await app.getByTestId('tab-templates').click()
  await app.getByTestId('rule-add').click()
  await app.getByTestId('template-text').fill('Звонок {{name}} {{weather}}')
  await app.getByTestId('template-faults').getByText('weather').waitFor()
  await app.getByTestId('settings-save').click()
  await app.getByTestId('save-error').waitFor({ timeout: patience })
  await app.getByTestId('template-text').fill('Звонок {{name}}')
  await app.getByTestId('settings-save').click()
  await app.getByTestId('settings-save').waitFor({ state: 'detached', timeout: patience })
  await shot('telephony')
  step('T10, R1–R7 telephony is set up from the lists of the portal and UIS; an unknown variable is refused')

  await page.locator('.left').getByText('UIS Чаты').click()
  const workplace = page.frameLocator('iframe').first()
  await workplace.getByTestId('list-new').click({ timeout: patience })
  const phone = await context.newPage()
  await phone.setViewportSize({ width: 460, height: 860 })
  await phone.goto(`${uis}/phone/romashka?lang=ru&channel=20&number=79000000777&name=Тимофей`)
  await phone.getByTestId('phone-input').fill('Здравствуйте! Есть ли доставка?')
  await phone.getByTestId('phone-send').click()
  await workplace.getByTestId('chat-item').first().click({ timeout: patience })
  await workplace.getByTestId('message').getByText('Есть ли доставка').waitFor({ timeout: patience })
  step('W2 the client\'s message is on the operator\'s page without a reload')

  await workplace.getByTestId('accept').first().click()
  await workplace.getByTestId('composer-text').fill('Да, доставим завтра до 14:00')
  await workplace.getByTestId('composer-text').press('Enter')
  await phone.getByText('доставим завтра').first().waitFor({ timeout: patience })
  await workplace.locator('[data-testid=message][data-side=operator][data-status=read]').first().waitFor({ timeout: patience })
  step('W8 the answer is on the phone, delivery and read marks came back')

  await workplace.getByTestId('file-input').setInputFiles({ name: 'Прайс.pdf', mimeType: 'application/pdf', buffer: Buffer.concat([Buffer.from('%PDF-1.4\n'), Buffer.alloc(200_000, 32)]) })
  await workplace.getByTestId('composer-text').fill('Прайс во вложении')
  await workplace.getByTestId('send').click()
  await phone.getByTestId('phone-message-file').first().waitFor({ timeout: patience })
  step('W8 a file went to the client')
  await rest()
  await page.waitForTimeout(300)
  await shot('workplace')

  const state = await (await fetch(`${portal}/_sandbox/state`)).json()
  const leads = state.items.leads.filter((lead) => lead.fields.originatorId === 'omni')
  equal('leads made', leads.map((lead) => lead.phones), [['+79000000777']])
  const comments = state.comments.filter((comment) => comment.bindings.some((binding) => binding.type === 1 && binding.id === leads[0].id))
  equal('comments of the lead', comments.length, 1)
  for (const text of ['Есть ли доставка', 'доставим завтра', 'Прайс во вложении']) {
    if (!comments[0].text.includes(text)) throw new Error(`the timeline lacks "${text}"`)
  }
  step('C3, C6 one lead with the phone, one growing comment with every message')

  await page.goto(`${portal}/crm/lead/details/${leads[0].id}/`)
  await shot('lead')
  await page.locator('.tabs a', { hasText: 'UIS' }).first().click()
  await page.frameLocator('iframe').first().getByText('доставим завтра').first().waitFor({ timeout: patience })
  await shot('lead-tab')
  step('W1 the same chat stands in the lead\'s card')

  await page.goto(cabinet)
  const why = page.frameLocator('iframe').first()
  await why.getByTestId('nav-communications').click({ timeout: patience })
  await why.locator('[data-row]', { hasText: 'Тимофей' }).click({ timeout: patience })
  await why.getByTestId('why-reasons').getByText('Клиента нет в CRM').waitFor({ timeout: patience })
  equal('the lead told of', await why.getByTestId('why-entity').first().getAttribute('href'), `/crm/lead/details/${leads[0].id}/`)
  await why.getByTestId('why-commands-toggle').click()
  await why.locator('[data-testid^=asked-]', { hasText: 'crm.item.add' }).first().getByRole('button').first().click()
  await why.getByText('+79000000777').last().waitFor({ timeout: patience })
  await shot('why')
  await why.getByTestId('why-entity').first().click()
  await page.locator('iframe').nth(1).waitFor({ timeout: patience })
  await shot('why-card')
  step('T15, C13a the cabinet says why the chat made its lead, what was asked for it, and opens the card')

  await page.goto(`${portal}/crm/lead/details/1/`)
  await page.locator('.tabs a', { hasText: 'UIS' }).first().click()
  const empty = page.frameLocator('iframe').first()
  await empty.getByTestId('empty-action').click({ timeout: patience })
  await empty.getByTestId('start-text').fill('Добрый день! Вы оставляли заявку.')
  await shot('write-first')
  await empty.getByTestId('start-send').click()
  await empty.getByTestId('message').getByText('Вы оставляли заявку').first().waitFor({ timeout: patience })
  await empty.locator('[data-testid=message][data-side=operator]:not([data-status=queued]):not([data-status=unsent])').first().waitFor({ timeout: patience })
  step('W1, W4 a lead without chats offers to write first, prefilled with its phone')

  await telephone()
  await openLines({ page, portal, cabinet, patience, shot, step, equal, rest })

  await rest()
  for (const [name, address] of [['the portal', `${portal}/_sandbox/violations`], ['UIS', `${uis}/_sandbox/violations`]]) {
    const found = await (await fetch(address)).json()
    equal(`violations at ${name}`, Array.isArray(found) ? found : found.violations, [])
  }
  step('the sandboxes met nothing that the platforms would refuse')
  equal('errors on the pages', complaints, [])
} catch (error) {
  await shot('failed').catch(() => undefined)
  console.error(`FAIL  ${error.stack ?? error}`)
  process.exitCode = 1
} finally {
  await browser.close()
  await stop()
}
