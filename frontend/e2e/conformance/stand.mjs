// A sandbox portal in a process of its own, a small application that loads the unmodified SDK, and a browser: what both conformance tests stand on.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { promisify } from 'node:util'

const frontend = path.resolve(import.meta.dirname, '../..')
const root = path.resolve(frontend, '..')
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

const page = `<!doctype html><meta charset="utf-8"><title>app</title><body><pre id="out"></pre><script src="/sdk.js"></script><script>
B24Js.initializeB24Frame().then((b) => { window.b24 = b; document.getElementById('out').textContent = b.placement.title }, (e) => { document.getElementById('out').textContent = 'error ' + e.message })
</script>`

/** The application's server: any POST gets the page with the SDK; what was posted is kept. */
async function serveApp() {
  const sdk = await readFile(path.join(frontend, 'node_modules/@bitrix24/b24jssdk/dist/umd/index.js'))
  const posts = []
  const server = http.createServer((request, response) => {
    if (request.url === '/sdk.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(sdk)
      return
    }
    let body = ''
    request.on('data', (chunk) => { body += chunk })
    request.on('end', () => {
      posts.push({ url: new URL(request.url, 'http://app'), form: new URLSearchParams(body) })
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(page)
    })
  })
  await new Promise((done) => { server.listen(0, '127.0.0.1', done) })
  return { base: `http://127.0.0.1:${server.address().port}`, posts, close: () => new Promise((done) => { server.closeAllConnections(); server.close(done) }) }
}

/** Starts everything; close() ends it. */
export async function openStand() {
  const dir = await mkdtemp(path.join(tmpdir(), 'conformance-'))
  const program = path.join(dir, 'portal')
  await promisify(execFile)(process.env.GO ?? 'go', ['build', '-o', program, './server/sandbox/portal/standalone'], { cwd: root })
  const app = await serveApp()
  const child = spawn(program, ['-portals', 'conformance', '-app', app.base, '-client-id', 'local.conformance', '-client-secret', 'sandbox'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const addresses = JSON.parse(await new Promise((done, fail) => {
    readline.createInterface({ input: child.stdout }).once('line', done)
    child.once('exit', (code) => { fail(new Error(`the portal ended with ${code}`)) })
  }))
  const portal = addresses.portals.conformance
  const control = async (name, body) => {
    const response = await fetch(`${portal}/_sandbox/${name}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
    const value = await response.json()
    if (!response.ok) throw new Error(`${name}: ${value.error}`)
    return value
  }
  return {
    app, portal, oauth: addresses.oauth, control,
    async close() {
      child.kill('SIGTERM')
      await app.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A headless Chromium with a page. */
export async function openBrowser() {
  const { chromium } = await import('playwright-core')
  return chromium.launch({ executablePath: process.env.OMNI_CHROMIUM ?? process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags })
}

/** Waits until the SDK in the application's frame has started and answers that frame; of a page of the portal, when one is named. */
export async function appFrame(view, base, want = '', within = null) {
  const deadline = Date.now() + 15_000
  while (Date.now() < deadline) {
    for (const frame of view.frames()) {
      if (!frame.url().startsWith(base) || !frame.url().includes(want) || (within && frame.parentFrame() !== within)) continue
      if (await frame.evaluate(() => Boolean(globalThis.b24)).catch(() => false)) return frame
    }
    await new Promise((next) => { setTimeout(next, 50) })
  }
  throw new Error(`no frame of ${base}${want} has started`)
}
