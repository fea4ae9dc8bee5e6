// Browser tests of the settings pages of the cabinet against their stand-in of dev/. Needs a build ("npm run build").
// Pictures go to test-results/: node e2e/settings.mjs [part of a test's name]
import { mkdir } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { startCabinetMock } from '../dev/cabinet.mjs'
import { tests as page } from './settings/page.mjs'
import { tests as talk } from './settings/talk.mjs'
import { tests as telephony } from './settings/telephony.mjs'

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const results = new URL('../test-results/', import.meta.url)
const tests = { ...telephony, ...talk, ...page }

await mkdir(results, { recursive: true })
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
let failed = 0
for (const [name, test] of Object.entries(tests)) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue
  const mock = await startCabinetMock()
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } })
  const page = await context.newPage()
  page.setDefaultTimeout(Number(process.env.OMNI_E2E_TIMEOUT ?? 15_000))
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (line) => line.type() === 'error' && /Content Security|Vue warn/.test(line.text()) && complaints.push(line.text()))
  const shot = (file) => page.screenshot({ path: new URL(`${file}.png`, results).pathname })
  try {
    await test({ page, mock, shot, url: mock.url })
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
    console.log(`ok    ${name}`)
  } catch (error) {
    failed += 1
    await shot(`failed-${name.replace(/\W+/g, '-')}`).catch(() => undefined)
    console.error(`FAIL  ${name}\n${error.stack ?? error}`)
  }
  await context.close()
  mock.close()
}
await browser.close()
process.exitCode = failed === 0 ? 0 : 1
