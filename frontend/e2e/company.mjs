// A company on the real product, in a real browser: from a fresh installation through the guide to saved telephony, chats and open lines with filters, funnels
// and mappings, which a reload shows again; two administrators at once; a second portal, the round arrow, removal. Needs bin/omni ("make build").
// Pictures go to test-results/: node e2e/company.mjs
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { chromium } from 'playwright-core'
import { add, remove, renew } from './company/portals.mjs'
import { chats, conflict, filled, hands, lines, shown, telephony } from './company/settings.mjs'
import { equal, flags, patience, root, startDemo } from './demo.mjs'

const results = path.join(root, 'frontend/test-results')
await mkdir(results, { recursive: true })
const { portal, second, uis, rest, stop } = await startDemo()
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, locale: 'ru-RU' })
const page = await context.newPage()
page.setDefaultTimeout(patience)
const complaints = []
context.on('weberror', (error) => complaints.push(error.error().message))
const file = (name) => path.join(results, `company-${name}.png`)
const shot = Object.assign((name) => page.screenshot({ path: file(name) }), { file })
const step = (text) => { console.log(`ok    ${text}`) }

/** Opens the cabinet inside a page of the portal. */
async function cabinetOf(on, address) {
  on.setDefaultTimeout(patience)
  await on.goto(address)
  const h = hands(on, on.frameLocator('iframe').first())
  await h.at('nav-main').waitFor({ timeout: patience })
  return h
}

/** Looks again, and lets the portal send its test event when the guide wants that, until the guide asks for something. */
async function guideAsksFor(h, code) {
  for (const deadline = Date.now() + patience; ;) {
    await h.at('health-uis').waitFor({ timeout: patience })
    if (await h.at(`health-${code}`).getAttribute('data-state') === 'todo') return
    if (Date.now() > deadline) throw new Error(`the guide does not ask for ${code}: ${await h.at('cabinet').locator('[data-testid^=health-]').evaluateAll((all) => all.map((one) => `${one.dataset.testid} ${one.dataset.state}`).join(', '))}`)
    if (await h.at('test-events').isVisible()) await h.click('test-events')
    await page.waitForTimeout(2500)
    await h.click('health-again')
    await page.waitForTimeout(500)
  }
}

try {
  await page.goto(`${portal}/marketplace/`)
  await page.click('button[value=install]')
  await page.waitForURL(/install_finished/, { timeout: patience })
  const cabinet = page.url()
  let h = await cabinetOf(page, cabinet)
  await guideAsksFor(h, 'uis')
  await shot('guide')
  await h.click('guide-go')
  await h.at('uis-key').fill('key-romashka')
  await h.at('uis-login').fill('romashka@uis.example')
  await h.at('uis-password').fill('password-romashka')
  await h.click('uis-save')
  await h.at('uis-check-channels').waitFor({ timeout: patience })
  await rest()
  await h.to('main')
  await h.click('settings-main')
  await h.pick(h.at('set-main-portal'))
  await h.save()
  step('P1, U1, P4 a fresh installation follows the guide: UIS is connected, the portal chosen, the main switch on')

  await telephony(h)
  await shot('telephony')
  await chats(h)
  await shot('chats')
  await lines(h)
  await shot('lines')
  await h.save()
  filled(await h.document())
  step('P4, R1–R7, O10 telephony, chats and open lines with filters, funnels and mappings are saved by one Save')

  const before = await shown(h)
  const document = await h.document()
  h = await cabinetOf(page, cabinet)
  equal('the pages after a reload', await shown(h), before)
  equal('the document after a reload', await h.document(), document)
  step('P4 a reload shows all of it again')

  await conflict({ context, browser, cabinet, portal, first: h, shot, cabinetOf })
  step('P4 a second administrator saved meanwhile: the first is told, and nothing is lost')

  const mine = Number((await h.document()).main.portal)
  await add({ context, h, second, shot, step })
  await renew({ context, h, portal, shot, step, mine })
  await rest()
  await remove({ h, page, shot, step, mine, cabinet, cabinetOf })
  await rest()
  for (const [name, address] of [['the portal', `${portal}/_sandbox/violations`], ['UIS', `${uis}/_sandbox/violations`]]) {
    const found = await (await fetch(address)).json()
    equal(`violations at ${name}`, Array.isArray(found) ? found : found.violations, [])
  }
  equal('errors on the pages', complaints, [])
} catch (error) {
  await shot('failed').catch(() => undefined)
  console.error(`FAIL  ${error.stack ?? error}`)
  process.exitCode = 1
} finally {
  await browser.close()
  await stop()
}
