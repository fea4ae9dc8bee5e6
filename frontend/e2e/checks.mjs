// What browser tests ask of every page of the cabinet.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
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
