// What the browser tests of the settings pages do again and again.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

const axe = await readFile(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
export const id = (page, name) => page.getByTestId(name)

/** What an automatic check of accessibility finds, the kit's own buttons and labels left out. */
export async function accessible(page) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => window.axe.run({ exclude: [['[data-slot]:not([data-slot="body"]):not([data-slot="content"])'], ['[aria-hidden][tabindex]']] }, { runOnly: ['wcag2a', 'wcag2aa'] }))
  const bad = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)
  assert.deepEqual(bad, [])
}

/** The page itself never scrolls: only what is long inside it does. */
export async function fits(page) {
  assert.equal(await page.evaluate(() => document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth), false, 'the page scrolls')
}

export async function open(page, url, query, section, tab = 'main') {
  await page.goto(`${url}/cabinet?${query}`)
  await id(page, `nav-${section}`).click()
  await id(page, `tab-${tab}`).click()
  await page.waitForLoadState('networkidle')
}

/** Chooses in the menu that a field opens; several names of a field for several. */
export async function pick(page, field, ...names) {
  await field.click()
  for (const name of names) {
    const search = id(page, 'pick-search')
    if (await search.isVisible().catch(() => false)) await search.fill(name)
    await page.getByRole('option', { name }).or(page.getByRole('treeitem', { name })).first().click()
  }
  if (await id(page, 'pick-menu').isVisible()) await page.keyboard.press('Escape')
}

export async function save(page) {
  await id(page, 'settings-save').click()
  await id(page, 'save-bar').waitFor({ state: 'detached' })
}

export const rules = (page, pointer) => id(page, `rules-${pointer.slice(1).replaceAll('/', '-')}`)
export const rule = (page, pointer, i) => rules(page, pointer).getByTestId(`rule-${i}`)
export const disabled = (locator) => locator.isDisabled()
