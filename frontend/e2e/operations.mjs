// Browser tests of the cabinet's section "Operations"; run by cabinet.mjs.
import assert from 'node:assert/strict'

const id = (page, name) => page.getByTestId(name)
const tab = (page, name) => id(page, `operations-tab-${name}`)

async function until(check, what) {
  const end = Date.now() + 15_000
  for (;;) {
    if (await check()) return
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

async function open(page, url, name, query = 'lang=ru') {
  await page.goto(`${url}/cabinet?${query}`)
  await id(page, 'nav-operations').click()
  await tab(page, name).click()
}

/** Nothing is wider than its place: neither the page nor the lists scroll sideways. */
async function narrow(page) {
  const wide = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('[data-testid="lanes"], [data-testid="log"], [data-testid="events"], article')]
    .filter((one) => one.scrollWidth > one.clientWidth).map((one) => `${one.tagName} ${one.dataset.testid ?? ''} ${one.scrollWidth} > ${one.clientWidth}`))
  assert.deepEqual(wide, [])
}

/** Pretends that the window is hidden, or seen again. */
const hide = (page, on) => page.evaluate((state) => {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
  Object.defineProperty(document, 'hidden', { value: state === 'hidden', configurable: true })
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
}, on ? 'hidden' : 'visible')

export const operations = (accessible, fits) => ({
  async 'operations: lanes show their budget, what waits, and why they send nothing'({ page, url, shot }) {
    await open(page, url, 'lanes')
    await id(page, 'lane-b24:3').waitFor()
    const shown = (lane, name) => id(page, `lane-${lane}`).getByTestId(name).innerText()
    assert.deepEqual(await Promise.all(['b24:1', 'b24:2', 'b24:3', 'b24:4', 'uis.data:0', 'uis.call:0', 'uis.chat:0'].map((lane) => id(page, `lane-${lane}`).getAttribute('data-state'))), ['busy', 'paused', 'asleep', 'probing', 'waiting', 'idle', 'busy'])
    assert.equal(await page.locator('article').first().getAttribute('data-testid'), 'lane-b24:3', 'what is stopped stands first')
    assert.match(await shown('b24:3', 'lane-asleep'), /Оплаченный период приложения закончился\.\s+Продлите тариф/)
    assert.match(await shown('b24:2', 'lane-ready'), /^12.480/)
    assert.equal(await id(page, 'lane-b24:2').getByRole('meter').first().getAttribute('aria-valuenow'), '93')
    assert.match(await id(page, 'lane-b24:4').innerText(), /У коробочного портала нет ограничения запросов/)
    assert.match(await id(page, 'lane-uis.data:0').innerText(), /осталось 188 из 1/)
    await shot('operations-lanes')
    await narrow(page)
    await fits(page)
    await accessible(page)
    await id(page, 'lane-b24:2').getByRole('button', { name: 'Показать неясные операции: 2' }).click()
    await id(page, 'operations-empty').waitFor()
    assert.equal(await id(page, 'operations-unclear').getAttribute('aria-pressed'), 'true')
  },
  async 'operations: events that were set aside are taken up again or deleted'({ page, url, shot, mock }) {
    await open(page, url, 'events')
    await id(page, 'event-500').waitFor()
    await shot('operations-events')
    await narrow(page)
    await fits(page)
    await accessible(page)
    await id(page, 'events-more').click()
    await id(page, 'event-440').waitFor()
    await id(page, 'event-retry-500').click()
    await id(page, 'event-500').waitFor({ state: 'detached' })
    await id(page, 'event-drop-499').click()
    await id(page, 'confirm').click()
    await id(page, 'event-499').waitFor({ state: 'detached' })
    assert.equal(mock.world().events.length, 60)
    mock.world().events = []
    await page.getByRole('button', { name: 'Обновить список' }).click()
    await id(page, 'events-empty').waitFor()
  },
  async 'operations: lanes update by themselves, but not in a hidden window'({ page, url, mock }) {
    await page.clock.install()
    await page.goto(`${url}/cabinet?lang=ru`)
    await id(page, 'nav-operations').click()
    await tab(page, 'lanes').click()
    const used = () => id(page, 'lane-b24:1').getByRole('meter').first().getAttribute('aria-valuenow')
    await until(async () => { await page.clock.runFor(100); return id(page, 'lane-b24:1').isVisible() }, 'the first look')
    const [first, looks] = [await used(), mock.world().looks]
    await until(async () => { await page.clock.runFor(1_000); return mock.world().looks > looks + 1 && (await used()) !== first }, 'a new level without a click')
    await hide(page, true)
    await page.clock.runFor(3_000)
    const hidden = mock.world().looks
    await page.clock.runFor(60_000)
    assert.equal(mock.world().looks, hidden, 'a hidden window asks')
    await hide(page, false)
    await until(async () => { await page.clock.runFor(1_000); return mock.world().looks > hidden }, 'the look after the window is seen again')
    await tab(page, 'commands').click()
    await id(page, 'command-31').waitFor()
    const left = mock.world().looks
    await page.clock.runFor(30_000)
    assert.equal(mock.world().looks, left, 'a tab that is not looked at asks')
  },
  async 'operations: lanes that cannot be read say so, and come back'({ page, url, shot, mock }) {
    await open(page, url, 'lanes', 'lang=ru&broken=1')
    await page.getByText('Сервер ненадолго недоступен').waitFor()
    await shot('operations-lanes-broken')
    mock.world().broken = false
    await id(page, 'trouble-again').click()
    await id(page, 'lane-b24:1').waitFor()
    await id(page, 'trouble').waitFor({ state: 'detached' })
    mock.world().broken = true
    await page.getByText('новых пока нет').waitFor()
    assert.equal(await id(page, 'lane-b24:1').isVisible(), true, 'what was read stays')
    await open(page, url, 'lanes', 'lang=en&world=empty')
    await id(page, 'lanes-empty').waitFor()
    await tab(page, 'requests').click()
    await id(page, 'log-empty').waitFor()
    await shot('operations-empty')
  },
  async 'operations: the log of requests, its filters, its pages, what was asked and answered'({ page, url, shot }) {
    await open(page, url, 'requests')
    const rows = page.locator('[data-testid^="request-7"], [data-testid^="request-6"]')
    await rows.first().waitFor()
    await shot('operations-requests')
    await fits(page)
    await accessible(page)
    assert.equal(await rows.count(), 40)
    await id(page, 'log').evaluate((list) => list.scrollTo(0, list.scrollHeight))
    await until(async () => (await rows.count()) === 80, 'the second page by scrolling')
    await until(async () => { await id(page, 'log').evaluate((list) => list.scrollTo(0, list.scrollHeight)); return id(page, 'log-end').isVisible() }, 'the end of the log')
    assert.equal(await rows.count(), 137)
    await narrow(page)

    await id(page, 'log-failed').click()
    await until(async () => (await rows.count()) === 20 && (await page.locator('[data-verdict="ok"]').count()) === 0, 'only failed ones')
    await id(page, 'log-communication').fill('104')
    await until(async () => (await rows.count()) > 0 && (await rows.count()) < 20, 'those of one chat')
    await rows.first().locator('button').first().click()
    await id(page, 'request-part').first().waitFor()
    const part = rows.first().locator('[data-testid="request-part"][data-failed="true"]').first()
    assert.match(await part.innerText(), /Битрикс24 не принял поле «Источник»/)
    assert.match(await part.innerText(), /"entityTypeId": 1/)
    await shot('operations-request-open')
    await narrow(page)
    await accessible(page)
    await id(page, 'log-communication').fill('Анна')
    await page.getByText('Укажите номер чата').waitFor()
    await id(page, 'log-clear').click()
    await until(async () => (await rows.count()) === 40, 'everything again')
    await id(page, 'log-method').fill('send.message')
    await until(async () => (await page.locator('[data-testid="log"]').innerText()).includes('UIS: чаты') && (await rows.count()) === 15, 'those of one method')
    await id(page, 'log-method').fill('no.such.method')
    await id(page, 'log-empty').waitFor()
    await id(page, 'log-empty').getByRole('button').click()
    await id(page, 'log-portal').click()
    await page.getByRole('option', { name: 'branch.example.com' }).click()
    await until(async () => (await rows.count()) > 0 && !(await page.locator('[data-testid="log"]').innerText()).includes('UIS: чаты'), 'those of one portal')
  },
  async 'operations: by keyboard, and from a command and a lane to their requests'({ page, url, shot }) {
    await page.goto(`${url}/cabinet?lang=en`)
    await id(page, 'nav-operations').click()
    await id(page, 'command-31').waitFor()
    await tab(page, 'commands').focus()
    await page.keyboard.press('ArrowLeft')
    await id(page, 'history').waitFor()
    await page.keyboard.press('ArrowLeft')
    await id(page, 'log').waitFor()
    assert.equal(await tab(page, 'requests').getAttribute('aria-selected'), 'true')
    await page.keyboard.press('Home')
    await id(page, 'command-requests-31').click()
    await until(async () => (await id(page, 'log-communication').inputValue()) === 'chat:104', 'the filter of the command')
    const first = page.locator('[data-testid^="request-"] > button').first()
    await first.focus()
    await page.keyboard.press('Enter')
    await id(page, 'request-part').first().waitFor()
    assert.equal(await first.getAttribute('aria-expanded'), 'true')
    await shot('operations-of-command')
    await tab(page, 'lanes').click()
    await id(page, 'lane-b24:2').getByTestId('lane-requests').click()
    await until(async () => (await id(page, 'log-portal').innerText()).includes('branch.example.com'), 'the filter of the lane')
    assert.equal(await id(page, 'log-communication').inputValue(), '')
  },
  async 'operations: who changed what in the settings, and an older state comes back'({ page, url, shot, healthy }) {
    await page.goto(`${url}/cabinet?lang=en`)
    await id(page, 'nav-operations').click()
    await tab(page, 'history').click()
    await id(page, 'version-7').waitFor()
    await id(page, 'version-more-7').click()
    const text = await id(page, 'version-7').innerText()
    assert.ok(text.includes('off') && text.includes('on'), text)
    assert.equal(await id(page, 'version-restore-7').count(), 0, 'the newest one is in force')
    await shot('operations-history')
    await healthy?.(page)
    assert.match(await id(page, 'change-matched-1').innerText(), /сопоставлен с Седов/, 'what is changed beside the settings, in words')
    await id(page, 'change-portal_opened-3').waitFor() // the second page comes by itself
    await id(page, 'version-restore-6').click()
    await id(page, 'confirm').click()
    await id(page, 'version-8').waitFor()
  },
  async 'operations: a refused restore names every field'({ page, url, shot, healthy }) {
    await page.goto(`${url}/cabinet?lang=ru&trouble=1`)
    await id(page, 'nav-operations').click()
    await tab(page, 'history').click()
    await id(page, 'version-restore-7').click()
    await id(page, 'confirm').click()
    await id(page, 'confirm-error').waitFor()
    const fields = await id(page, 'confirm-error').locator('li').allInnerTexts()
    assert.deepEqual(fields.length, 3)
    assert.match(fields[0], /^Телефония: .+: Этого больше нет$/)
    assert.match(fields[1], /^Чаты: .+, строка 2: Этого больше нет$/)
    await shot('operations-restore-refused')
    await healthy?.(page)
  },
  async 'operations: light and dark, both languages, large and small'({ page, url, shot }) {
    for (const [width, height] of [[1280, 720], [1920, 1080], [900, 600]]) {
      await page.setViewportSize({ width, height })
      for (const [theme, lang] of [['light', 'ru'], ['dark', 'ru'], ['light', 'en'], ['dark', 'en']]) {
        await page.goto(`${url}/cabinet?lang=${lang}`)
        await page.evaluate((name) => { localStorage.setItem('omni-theme', JSON.stringify(name)) }, theme)
        await page.reload()
        await id(page, 'nav-operations').click()
        await id(page, 'command-31').waitFor()
        await shot(`operations-commands-${theme}-${lang}-${width}`)
        await tab(page, 'lanes').click()
        await id(page, 'lane-b24:1').waitFor()
        await narrow(page)
        await shot(`operations-lanes-${theme}-${lang}-${width}`)
        if (theme === 'dark') await accessible(page)
        await tab(page, 'events').click()
        await id(page, 'event-499').waitFor()
        await narrow(page)
        await shot(`operations-events-${theme}-${lang}-${width}`)
        await tab(page, 'requests').click()
        await id(page, 'request-69998').locator('button').first().click()
        await id(page, 'request-part').first().waitFor()
        await narrow(page)
        await fits(page)
        await shot(`operations-requests-${theme}-${lang}-${width}`)
        if (theme === 'dark') await accessible(page)
      }
    }
  },
})
