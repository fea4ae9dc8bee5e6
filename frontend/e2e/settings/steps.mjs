// What the browser tests of the settings pages do again and again.
import { id } from '../checks.mjs'

export { accessible, fits, id } from '../checks.mjs'

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
