// Browser tests of the cabinet, installer and connector pages against their stand-in of dev/. Needs a build ("npm run build").
// Pictures go to test-results/: node e2e/cabinet.mjs [part of a test's name]
import assert from 'node:assert/strict'
import { startCabinetMock } from '../dev/cabinet.mjs'
import { accessible, fits, id } from './checks.mjs'
import { communications } from './communications.mjs'
import { connector } from './connector.mjs'
import { operations } from './operations.mjs'
import { portals } from './portals.mjs'
import { run } from './runner.mjs'

async function dark(page) {
  await page.evaluate(() => { localStorage.setItem('omni-theme', '"dark"') })
  await page.reload()
}

const tests = {
  async 'install: every step in words, then done'({ page, url, shot }) {
    await page.goto(`${url}/install?lang=ru`)
    await id(page, 'install-done').waitFor()
    assert.equal(await id(page, 'install-step-connector').getAttribute('data-state'), 'ok')
    await shot('install-done')
    await accessible(page)
    await dark(page)
    await id(page, 'install-done').waitFor()
    await shot('install-done-dark')
  },
  async 'install: a failed step says why and can be tried again'({ page, url, shot }) {
    await page.goto(`${url}/install?lang=ru&trouble=1`)
    await id(page, 'install-retry').waitFor()
    assert.equal(await id(page, 'install-step-connector').getAttribute('data-state'), 'bad')
    await shot('install-failed')
    await id(page, 'install-retry').click()
    await id(page, 'install-done').waitFor()
  },
  async 'install: another person is told whom to ask'({ page, url, shot }) {
    await page.goto(`${url}/install?lang=en&admin=0`)
    await id(page, 'install-ask-admin').waitFor()
    await shot('install-ask')
  },
  async 'cabinet: an account without UIS connects it'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru&world=empty`)
    await id(page, 'health-uis').waitFor()
    assert.equal(await id(page, 'health-uis').getAttribute('data-state'), 'todo')
    await shot('cabinet-new')
    await id(page, 'guide-go').click()
    await id(page, 'uis-key').fill('wrong')
    await id(page, 'uis-save').click()
    await page.getByText('UIS не знает такого ключа').waitFor()
    await id(page, 'uis-key').fill('key')
    await id(page, 'uis-login').fill('omni@example.com')
    await id(page, 'uis-password').fill('secret')
    await id(page, 'uis-save').click()
    await id(page, 'uis-check-data_api').waitFor()
    await id(page, 'channel-20').waitFor()
    assert.equal(await id(page, 'uis-key').inputValue(), '')
    await id(page, 'notifications-toggle').click()
    await id(page, 'notification-in_call').waitFor()
    assert.match(await id(page, 'manager-url').textContent(), /\/manager/) // T3: what a scenario asks
    await shot('cabinet-uis')
    await fits(page)
    await accessible(page)
  },
  async 'cabinet: recommended settings fill the form, Save keeps them'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'settings-recommended').click()
    await id(page, 'settings-save').waitFor()
    assert.equal(await id(page, 'settings-main').getAttribute('aria-checked'), 'true')
    await shot('cabinet-recommended')
    await fits(page)
    await id(page, 'settings-save').click()
    await id(page, 'save-bar').waitFor({ state: 'detached' })
    await page.waitForFunction(() => document.querySelector('[data-testid="health-main"]').dataset.state === 'ok')
    await shot('cabinet-saved')
    await id(page, 'switch-chats').click()
    await id(page, 'settings-cancel').click()
    assert.equal(await id(page, 'switch-chats').getAttribute('aria-checked'), 'true')
    await accessible(page)
  },
  async 'cabinet: a refused save shows the field'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'nav-chats').click()
    await id(page, 'set-chats-enabled').click()
    await id(page, 'set-chats-create').click()
    await id(page, 'nav-uis').click()
    await id(page, 'settings-save').click()
    await page.locator('[data-field-error]').first().waitFor()
    await page.waitForTimeout(500)
    await shot('cabinet-refused')
    assert.match(await page.locator('[data-field-error]').first().innerText(), /Заполните это поле/)
  },
  async 'cabinet: two administrators save at once'({ page, url, shot, mock }) {
    await page.goto(`${url}/cabinet?lang=ru&trouble=1`)
    await id(page, 'settings-main').click()
    await id(page, 'settings-save').click()
    await id(page, 'settings-conflict').waitFor()
    await page.waitForTimeout(500)
    await shot('cabinet-conflict')
    await id(page, 'conflict-mine').click()
    await id(page, 'save-bar').waitFor({ state: 'detached' })
    assert.deepEqual([mock.world().settings.main.enabled, mock.world().settings.chats.notify, mock.world().settings.version], [true, true, 9])
  },
  async 'cabinet: employees are synchronised and matched by hand'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru&world=empty`)
    await id(page, 'nav-employees').click()
    await id(page, 'employees-sync').click()
    await id(page, 'employees-progress').waitFor()
    await shot('cabinet-sync')
    await id(page, 'employee-1').waitFor()
    await id(page, 'employee-nameless-12').waitFor()
    await shot('cabinet-employees')
    await id(page, 'employee-match-9').click()
    await page.getByRole('option', { name: 'Вера Тестова' }).waitFor()
    await page.waitForTimeout(300)
    await shot('cabinet-match')
    await page.getByRole('option', { name: 'Вера Тестова' }).click()
    await id(page, 'employee-9').getByText('Вручную').waitFor()
    await fits(page)
    await accessible(page)
  },
  async 'cabinet: refused operations, a portal, a person without the right'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=en`)
    await id(page, 'nav-operations').click()
    await id(page, 'command-31').waitFor()
    await page.getByText('More').click()
    await shot('cabinet-operations')
    await id(page, 'command-retry-31').click()
    await id(page, 'operations-empty').waitFor()
    await id(page, 'nav-main').click()
    await id(page, 'portal-edit-2').click()
    await id(page, 'portal-domain').waitFor()
    await page.waitForTimeout(400)
    await shot('cabinet-portal')
    await id(page, 'portal-name').fill('Branch')
    await id(page, 'portal-save').click()
    await id(page, 'portal-2').getByText('Branch', { exact: true }).waitFor()
    await page.goto(`${url}/cabinet?lang=en&admin=0`)
    await id(page, 'cabinet-ask-admin').waitFor()
    await shot('cabinet-ask')
  },
  async 'cabinet: light and dark, large and small'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'switch-chats').waitFor()
    await shot('cabinet-1280')
    await dark(page)
    await id(page, 'switch-chats').waitFor()
    await shot('cabinet-1280-dark')
    await accessible(page)
    await page.setViewportSize({ width: 1920, height: 1080 })
    await shot('cabinet-1920-dark')
    await id(page, 'theme').click()
    await page.waitForTimeout(200)
    await shot('cabinet-1920')
    await page.setViewportSize({ width: 900, height: 600 })
    await fits(page)
    await shot('cabinet-900')
    await id(page, 'nav-uis').click()
    await page.setViewportSize({ width: 1920, height: 1080 })
    await id(page, 'theme').click()
    await page.waitForTimeout(200)
    await shot('cabinet-uis-1920-dark')
  },
  ...connector(accessible, fits, dark),
  ...operations(accessible, fits),
  ...portals(accessible, fits),
  ...communications(accessible, fits),
}

await run(tests, { start: startCabinetMock, stop: (mock) => mock.close(), timeout: Number(process.env.OMNI_E2E_TIMEOUT ?? 15_000) })
