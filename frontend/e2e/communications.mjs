// Browser tests of the cabinet's section "Communications" and its page "Why?"; run by cabinet.mjs.
import assert from 'node:assert/strict'

const id = (page, name) => page.getByTestId(name)

async function until(check, what) {
  const end = Date.now() + 15_000
  for (;;) {
    if (await check()) return
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

async function open(page, url, query = 'lang=ru') {
  await page.goto(`${url}/cabinet?${query}`)
  await id(page, 'nav-communications').click()
}

/** Nothing is wider than its place. */
async function narrow(page) {
  const wide = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('[data-testid="communications"], [data-testid="communications-list"], [data-testid="why-body"]')]
    .filter((one) => one.scrollWidth > one.clientWidth).map((one) => `${one.dataset.testid ?? one.tagName} ${one.scrollWidth} > ${one.clientWidth}`))
  assert.deepEqual(wide, [])
}

async function theme(page) {
  await id(page, 'theme').click()
  await page.waitForTimeout(250)
}

export const communications = (accessible, fits) => ({
  async 'communications: the list, its pages, its search, its keys'({ page, url, shot }) {
    await open(page, url)
    const rows = page.locator('[data-row]')
    await rows.first().waitFor()
    assert.equal(await rows.count(), 40)
    await id(page, 'why-choose').waitFor()
    await shot('communications-list')
    await fits(page)
    await narrow(page)
    await accessible(page)
    await id(page, 'communications-list').evaluate((list) => list.scrollTo(0, list.scrollHeight))
    await until(async () => (await rows.count()) === 80, 'the second page by scrolling')

    await id(page, 'communications-search').fill('chat:103')
    await until(async () => (await rows.count()) === 1, 'the one of that number')
    await id(page, 'communications-search').fill('Нет такого')
    await id(page, 'communications-empty').waitFor()
    await id(page, 'communications-clear').click()
    await until(async () => (await rows.count()) === 40, 'all again')
    await id(page, 'communications-call').click()
    await page.getByText('Звонков ещё не было').waitFor()
    await id(page, 'call-filter-outcome').click()
    await page.getByRole('option', { name: 'Пропущенные' }).click()
    await id(page, 'communications-clear').waitFor()
    await shot('communications-calls')
    await accessible(page)
    await id(page, 'communications-clear').click()
    await page.getByText('Звонков ещё не было').waitFor()
    await id(page, 'communications-chat').click()
    await rows.first().focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Enter')
    assert.equal(await id(page, 'communication-chat:103').getAttribute('aria-current'), 'true')
    await id(page, 'why').getByText('Чат не прошёл фильтр').waitFor()
  },
  async 'communications: why a lead was made, what was asked, what was answered'({ page, url, shot }) {
    await open(page, url)
    await id(page, 'communication-chat:104').click()
    await id(page, 'why-reasons').waitFor()
    assert.match(await id(page, 'why-reasons').innerText(), /Клиента нет в CRM[\s\S]*настройки, версия 7/)
    assert.equal(await id(page, 'why-entity').first().getAttribute('href'), '/crm/lead/details/71/')
    assert.equal(await id(page, 'why-repeat').count(), 0, 'nothing failed')
    await shot('communications-why')
    await id(page, 'why-commands-toggle').click()
    await id(page, 'asked-3').getByRole('button').click()
    await id(page, 'asked-3').getByText('assignedById').waitFor()
    await id(page, 'why-requests-toggle').click()
    const request = page.locator('[data-testid^="logged-"]').first()
    await request.getByRole('button').first().click()
    await id(page, 'request-part').first().waitFor()
    await shot('communications-asked')
    await fits(page)
    await narrow(page)
    await accessible(page)
    await theme(page)
    await shot('communications-asked-dark')
    await accessible(page)
  },
  async 'communications: advice leads to the setting'({ page, url }) {
    await open(page, url)
    await id(page, 'communication-chat:103').click()
    await id(page, 'advice-filtered_out').click()
    await id(page, 'tab-filters').waitFor()
    assert.equal(await id(page, 'tab-filters').getAttribute('aria-selected'), 'true')
  },
  async 'communications: what failed is repeated'({ page, url, shot, mock }) {
    await open(page, url)
    await id(page, 'communication-chat:102').click()
    await id(page, 'why-failed').waitFor()
    assert.match(await id(page, 'why-failed').innerText(), /1 операция не выполнена, 1 событие отложено/)
    await shot('communications-failed')
    await accessible(page)
    await theme(page)
    await shot('communications-failed-dark')
    await accessible(page)
    await id(page, 'why-repeat').click()
    await page.getByText('Повторено: операций 1, событий 1').first().waitFor()
    await id(page, 'why-failed').waitFor({ state: 'detached' })
    assert.equal(await id(page, 'why-entity').getAttribute('href'), '/crm/deal/details/88/')
    mock.world().communications[0].state = { code: 'closed', text: 'Завершён' }
    mock.emit('chat.changed', { chat: { id: 900, uis_chat: 104 } })
    await until(async () => /Завершён/.test(await id(page, 'communication-chat:104').innerText()), 'the list follows the feed')
  },
  async 'communications: in small and large frames, in English, when the server does not answer'({ page, url, shot, mock }) {
    await page.setViewportSize({ width: 900, height: 600 })
    await open(page, url, 'lang=en')
    await id(page, 'communication-chat:97').click()
    await id(page, 'why-reasons').waitFor()
    assert.equal(await id(page, 'why-back').evaluate((one) => one === document.activeElement), true, 'the keyboard goes on in the panel')
    await shot('communications-900')
    await fits(page)
    await narrow(page)
    await page.keyboard.press('Escape')
    await id(page, 'communication-chat:97').waitFor()
    await page.setViewportSize({ width: 1920, height: 1080 })
    await id(page, 'communication-chat:102').click()
    await id(page, 'why-reasons').waitFor()
    await shot('communications-1920')
    await fits(page)
    mock.world().broken = true
    await id(page, 'communication-chat:101').click()
    await id(page, 'trouble').waitFor()
    await shot('communications-broken')
    mock.world().broken = false
    await id(page, 'trouble-again').click()
    await id(page, 'why-reasons').waitFor()
    await open(page, url, 'lang=en&world=empty')
    await id(page, 'communications-empty').waitFor()
  },
})
