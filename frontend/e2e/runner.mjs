// Runs browser tests one after the other, each with a stand-in and a browser context of its own.
// Pictures go to test-results/; the first argument of the command picks tests by a part of their name.
import { mkdir } from 'node:fs/promises'
import { chromium } from 'playwright-core'

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const results = new URL('../test-results/', import.meta.url)

/**
 * Runs tests and sets the exit code. A test gets what `start` gives as `mock`, and the page, its context and a function that takes a picture;
 * errors of the page, of its security policy and warnings of Vue fail it. `timeout` (ms) is how long the page waits for what a test wants, else Playwright's own.
 * @param {Record<string, (world: object) => Promise<void>>} tests
 * @param {{ start: () => Promise<object>, stop: (mock: object) => unknown, timeout?: number }} options
 */
export async function run(tests, { start, stop, timeout }) {
  await mkdir(results, { recursive: true })
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
  let failed = 0
  for (const [name, test] of Object.entries(tests)) {
    if (process.argv[2] && !name.includes(process.argv[2])) continue
    const mock = await start()
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 } })
    const page = await context.newPage()
    if (timeout !== undefined) page.setDefaultTimeout(timeout)
    const complaints = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (line) => line.type() === 'error' && /Content Security|Vue warn/.test(line.text()) && complaints.push(line.text()))
    const shot = (file) => page.screenshot({ path: new URL(`${file}.png`, results).pathname })
    const started = Date.now()
    try {
      await test({ page, context, mock, shot, url: mock.url })
      if (complaints.length > 0) throw new Error(complaints.join('\n'))
      console.log(`ok    ${name} (${String(Date.now() - started)} ms)`)
    } catch (error) {
      failed += 1
      await shot(`failed-${name.replace(/\W+/g, '-')}`).catch(() => undefined)
      console.error(`FAIL  ${name}\n${error.stack ?? error}`)
    }
    await context.close()
    await stop(mock)
  }
  await browser.close()
  process.exitCode = failed === 0 ? 0 : 1
}
