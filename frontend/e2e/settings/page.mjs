// The page around the sections: errors, conflicts, help, looks, and large companies.
import assert from 'node:assert/strict'
import { accessible, fits, id, open, pick, rule, save } from './steps.mjs'

// What counts as long, as the browser itself has it.
const longTask = 50

export const tests = {
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
      await page.getByText(`Неверно: ${field}`).first().waitFor()
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
    mock.emit('line.changed', { portal: 1, line: 1 })
    await id(page, 'outdated').getByText('несохранённые изменения при этом пропадут').waitFor()
    await shot('settings-outdated')
    await accessible(page)
    await id(page, 'outdated-reload').click()
    await id(page, 'outdated').waitFor({ state: 'detached' })
    await page.waitForFunction(() => document.querySelector('[data-testid="channel-20"]').getAttribute('aria-checked') === 'false')
    // P6: it says so also while nothing is edited, and goes on once the page was reloaded.
    mock.emit('line.changed', { portal: 1, line: 1 })
    await id(page, 'outdated').waitFor()
    assert.doesNotMatch(await id(page, 'outdated').innerText(), /несохранённые/)
    await id(page, 'outdated-reload').click()
    await id(page, 'outdated').waitFor({ state: 'detached' })
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
    await rule(page, '/telephony/responsibles', 1).getByTestId('person').click()
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
