// Portals in the cabinet: added, changed, renewed by the round arrow, removed; and what of the employees follows from them. Against the stand-in.
import assert from 'node:assert/strict'
import { id } from './checks.mjs'

/** The tests; `accessible` and `fits` are the checks of every page. */
export const portals = (accessible, fits) => ({
  async 'portals: the round arrow tells what it does and what came of it'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'portal-repair-1').click()
    await id(page, 'renew-progress').waitFor()
    await shot('portals-renewing')
    await id(page, 'renew-result').getByText('воронки 2, стадии 14, поля 61, открытые линии 3, сотрудники 12').waitFor()
    await shot('portals-renewed')
    await accessible(page)
    await id(page, 'nav-telephony').click()
    await id(page, 'renew-telephony').click()
    await id(page, 'renew-result').getByText('сотрудники 12').waitFor()
    await shot('portals-renewed-section')
    await fits(page)
    await page.goto(`${url}/cabinet?lang=ru&trouble=1`)
    await id(page, 'portal-repair-1').click()
    await id(page, 'renew-result').getByText('Коннектор открытых линий').waitFor()
    await id(page, 'renew-result').getByText('сотрудники: Список пришёл пустым').waitFor()
    await shot('portals-renewed-trouble')
  },

  async 'portals: one that lost its access is led to consent'({ page, context, url, shot }) {
    await context.route('https://branch.example.com/**', (route) => route.fulfill({ contentType: 'text/html', body: 'consent' }))
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'portal-2').waitFor()
    const opened = context.waitForEvent('page')
    await id(page, 'portal-repair-2').click()
    const view = await opened
    await view.waitForURL('https://branch.example.com/oauth/authorize/')
    assert.equal(await view.evaluate(() => window.opener), null)
    assert.equal(await id(page, 'renew-consent').getAttribute('href'), 'https://branch.example.com/oauth/authorize/')
    await shot('portals-consent')
    await accessible(page)
  },

  async 'portals: a wrong address is refused with its reason'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'portal-add').click()
    await id(page, 'portal-domain').fill('http://acme.bitrix24.ru')
    await id(page, 'portal-save').click()
    await page.getByText('Адрес должен начинаться с https://').waitFor()
    await shot('portals-refused')
    await id(page, 'portal-domain').fill('https://acme.bitrix24.ru/crm')
    await page.getByText('Укажите адрес портала, например').waitFor()
  },

  async 'portals: the one of this page can be removed, and the page says so'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'settings-main').click()
    await id(page, 'portal-edit-2').click()
    await id(page, 'portal-remove').click()
    await id(page, 'confirm').click()
    await id(page, 'portal-2').waitFor({ state: 'detached' })
    await id(page, 'portal-edit-1').click()
    await id(page, 'portal-remove').click()
    await page.getByText('Это ваш единственный портал').waitFor()
    await page.waitForTimeout(400)
    await shot('portals-remove')
    await id(page, 'confirm').click()
    await id(page, 'cabinet-left').getByText('настройки сохранены').waitFor()
    assert.equal(await id(page, 'save-bar').count(), 0)
    await shot('portals-left')
    await accessible(page)
  },

  async 'portals: a section that points at a removed one is flagged'({ page, url, shot, mock }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'portal-1').waitFor()
    const world = mock.world()
    world.settings = { ...world.settings, telephony: { ...world.settings.telephony, portal: 9 } }
    await page.goto(`${url}/cabinet?lang=ru&keep=1`)
    await id(page, 'vanished-show').click()
    await id(page, 'vanished').getByText('Телефония, Портал для телефонии: портал «№ 9»').click()
    await id(page, 'section-telephony').waitFor()
    await shot('portals-vanished')
    await accessible(page)
  },

  async 'employees: what the synchronisation changed and left to a person'({ page, url, shot, mock }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'nav-employees').click()
    await id(page, 'sync-result-toggle').getByText('изменено 3, несколько кандидатов у 1, без фамилии 1').waitFor()
    await id(page, 'sync-result-toggle').click()
    await id(page, 'sync-changes').getByText('Анна Примерова: сотрудник UIS – Анна Примерова').waitFor()
    await id(page, 'sync-changes').getByText('Борис Образцов: сотрудник UIS – Борис Образцов, раньше Вера Тестова').waitFor()
    await id(page, 'sync-changes').getByText('больше не сопоставлен, раньше Глеб Шаблонов').waitFor()
    assert.match(await id(page, 'sync-several').innerText(), /Кира Проектова: Кира Проектова, Вера Тестова/)
    assert.match(await id(page, 'sync-nameless').innerText(), /Никита/)
    await shot('employees-result')
    await accessible(page)
    await fits(page)
    // S1: with several portals one has to be chosen.
    const world = mock.world()
    world.settings = { ...world.settings, main: { ...world.settings.main, portal: null } }
    world.portals[1].state = 'active'
    await page.goto(`${url}/cabinet?lang=ru&keep=1`)
    await id(page, 'nav-employees').click()
    await id(page, 'employees-reason').getByText('Сначала выберите портал').waitFor()
    assert.equal(await id(page, 'employees-sync').isDisabled(), true)
    await shot('employees-no-portal')
  },

  async 'employees: without time tracking the import says why it is off'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru&trouble=1`)
    await page.getByText('Портал не дал приложению право').waitFor()
    assert.equal(await id(page, 'set-main-import_statuses').isDisabled(), true)
    await id(page, 'set-main-import_statuses').scrollIntoViewIfNeeded()
    await shot('employees-no-time-tracking')
    await accessible(page)
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'set-main-import_statuses').click()
    await id(page, 'settings-save').waitFor()
  },
})
