// Browser tests of the workplace page against the stand-in of dev/. Needs a build ("npm run build").
// Pictures go to test-results/: node e2e/run.mjs [name of one test]
import { mkdir, readFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { startMock } from '../dev/server.mjs'
import { tests } from './workplace.mjs'

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const results = new URL('../test-results/', import.meta.url)
const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

await mkdir(results, { recursive: true })
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
let failed = 0
for (const [name, test] of Object.entries(tests)) {
  if (process.argv[2] && !name.includes(process.argv[2])) continue
  const mock = await startMock()
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, bypassCSP: false })
  const page = await context.newPage()
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (line) => line.type() === 'error' && /Content Security|Vue warn/.test(line.text()) && complaints.push(line.text()))
  const shot = (file) => page.screenshot({ path: new URL(`${file}.png`, results).pathname })
  const started = Date.now()
  try {
    await test({ page, mock, shot, axe, context })
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
    console.log(`ok    ${name} (${String(Date.now() - started)} ms)`)
  } catch (error) {
    failed += 1
    await shot(`failed-${name.replace(/\W+/g, '-')}`).catch(() => undefined)
    console.error(`FAIL  ${name}\n${error.stack ?? error}`)
  }
  await context.close()
  await mock.stop()
}
await browser.close()
process.exitCode = failed === 0 ? 0 : 1
