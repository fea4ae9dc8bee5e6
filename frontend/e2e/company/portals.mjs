// Portals of the real product: a second one by consent, the round arrow, an access that was lost, removal and return.
import assert from 'node:assert/strict'
import { control, equal, patience } from '../demo.mjs'

/** Waits for the window that a click opens. */
async function windowOf(context, act) {
  const opened = context.waitForEvent('page', { timeout: patience })
  await act()
  return opened
}

const names = (h) => h.at('cabinet').locator('li[data-testid^="portal-"]').allInnerTexts()

async function ask(h, name, address) {
  await h.click('portal-add')
  await h.at('portal-name').fill(name)
  await h.at('portal-domain').fill(address)
  await h.click('portal-save')
}

/** "Add credentials" with another portal (P1, P1a): refused by somebody without the right, then given; the page of consent closes by itself. */
export async function add({ context, h, second, shot, step }) {
  await control(second, 'app', { action: 'install', client_id: 'local.omni' })
  await control(second, 'app', { action: 'finish', client_id: 'local.omni', user: 1 })
  const visit = await context.newPage()
  await visit.goto(`${second}/?as=2`)
  await h.to('main')
  await ask(h, 'Василёк', 'http://acme.example.com')
  await h.at('cabinet').page().frameLocator('iframe').first().getByText('Адрес должен начинаться с https://').waitFor({ timeout: patience })
  await shot('portal-refused')
  await h.at('portal-domain').fill(`${second}/`)
  const refused = await windowOf(context, () => h.click('portal-save'))
  await refused.locator('[data-testid=consent][data-state=refused]').waitFor({ timeout: patience })
  assert.match(await refused.getByTestId('consent').innerText(), /ничего не изменилось/)
  await refused.screenshot({ path: shot.file('consent-refused') })
  const closed = refused.waitForEvent('close', { timeout: patience })
  await refused.getByTestId('consent-close').click()
  await closed
  equal('portals that work', (await names(h)).filter((text) => text.includes('Подключён')).length, 1)
  step('P1a, P2 a wrong address is refused in words, a refused consent says so, is closed by its button and changes nothing')

  await visit.goto(`${second}/?as=1`)
  await visit.close()
  const given = await windowOf(context, () => ask(h, 'Василёк', second))
  await given.locator('[data-testid=consent][data-state=done]').waitFor({ timeout: patience })
  await given.screenshot({ path: shot.file('consent-done') })
  if (!given.isClosed()) await given.waitForEvent('close', { timeout: patience })
  await h.at('cabinet').locator('li', { hasText: 'Василёк' }).getByText('Подключён').waitFor({ timeout: patience })
  await shot('portal-added')
  step('P1, P1a the second portal is connected, its page of consent closed by itself, and it stands in the list')
}

/** The round arrow (P2, S4): a new stage and a new person are offered after it; an access that was lost is asked for again. */
export async function renew({ context, h, portal, shot, step, mine }) {
  await control(portal, 'stage', { entity: 'STATUS', code: 'AGREED', name: 'Согласование' })
  await control(portal, 'user', { ID: 21, Name: 'Ирина', LastName: 'Новикова', Email: 'irina.novikova@gorizont.example', Departments: [2] })
  await h.to('main')
  await h.click(`portal-repair-${mine}`)
  await h.at('renew-result').getByText('сотрудники').waitFor({ timeout: patience })
  await shot('portal-renewed')
  await h.to('telephony', 'responsibles')
  await h.at('person').first().click({ timeout: patience })
  await h.at('pick-menu').getByRole('option', { name: 'Новикова' }).waitFor({ timeout: patience })
  await context.pages()[0].keyboard.press('Escape')
  await h.to('telephony', 'funnels')
  await h.at('funnel-lead').first().click({ timeout: patience })
  await h.at('pick-menu').getByRole('option', { name: 'Согласование' }).waitFor({ timeout: patience })
  await context.pages()[0].keyboard.press('Escape')
  await h.click('renew-telephony')
  await h.at('renew-result').getByText('стадии').waitFor({ timeout: patience })
  await shot('section-renewed')
  step('P2, S4 after the arrow a new stage and a new person are offered; the section has the same arrow')

  await control(portal, 'app', { action: 'kill', client_id: 'local.omni', user: 0 })
  await h.to('main')
  const view = await windowOf(context, () => h.click(`portal-repair-${mine}`))
  await view.locator('[data-testid=consent][data-state=done]').waitFor({ timeout: patience })
  if (!view.isClosed()) await view.waitForEvent('close', { timeout: patience })
  await h.at(`portal-${mine}`).getByText('Подключён').waitFor({ timeout: patience })
  await h.click(`portal-repair-${mine}`)
  await h.at('renew-result').getByText('сотрудники').waitFor({ timeout: patience })
  step('P2 without a working token the arrow leads to consent, and after it everything works again')
}

/** Removal (P2): another portal, then the one the page stands in, which comes back with its settings when the app is opened again. */
export async function remove({ h, page, shot, step, mine, cabinet, cabinetOf }) {
  const before = await h.document()
  await h.to('main')
  await h.at('cabinet').locator('li', { hasText: 'Василёк' }).locator('[data-testid^=portal-edit-]').click({ timeout: patience })
  await h.click('portal-remove')
  await h.click('confirm')
  await h.at('cabinet').locator('li', { hasText: 'Василёк' }).waitFor({ state: 'detached', timeout: patience })
  await h.click(`portal-edit-${mine}`)
  await h.click('portal-remove')
  await h.click('confirm')
  await h.at('cabinet-left').waitFor({ timeout: patience })
  await shot('portal-left')
  const again = await cabinetOf(page, cabinet)
  await again.at(`portal-${mine}`).getByText('Подключён').waitFor({ timeout: patience })
  equal('the settings', await again.document(), before)
  step('P2, P7 both portals are removed, the page says so, and the only one comes back with its settings')
}
