// `omni demo` with data of its own, for browser tests of the real product. Needs bin/omni ("make build").
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname, '../..')
/** How long anything may take on a loaded machine. */
export const patience = Number(process.env.OMNI_E2E_TIMEOUT ?? 30_000)
export const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** The first of so many free ports in a row, below those that the system gives to connections. */
async function freePorts(many) {
  for (;;) {
    const first = 20000 + Math.floor(Math.random() * 12000)
    const free = await Promise.all(Array.from({ length: many }, (_, i) => new Promise((done) => {
      const probe = createServer().once('error', () => { done(false) }).listen(first + i, '127.0.0.1', () => { probe.close(() => { done(true) }) })
    })))
    if (free.every(Boolean)) return first
  }
}

/** Starts the demonstration and waits until it serves: the addresses of its parts, `rest` waits until nothing is on its way any more, `stop` ends it. */
export async function startDemo() {
  const base = await freePorts(6)
  const internal = `127.0.0.1:${base + 5}`
  const data = await mkdtemp(path.join(tmpdir(), 'omni-demo-test-'))
  await chmod(data, 0o755) // PostgreSQL runs as another user when this runs as root
  const child = spawn(path.join(root, 'bin/omni'), ['demo'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, OMNI_DATA_DIR: path.join(data, 'var'), OMNI_DEMO_PORT: String(base), OMNI_LISTEN: `127.0.0.1:${base + 4}`, OMNI_INTERNAL_LISTEN: internal },
  })
  const deadline = Date.now() + Math.max(90_000, patience)
  for (;;) {
    const ready = await fetch(`http://${internal}/readyz`).then((answer) => answer.ok, () => false)
    if (ready) break
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('omni demo did not start')
    await new Promise((done) => { setTimeout(done, 200) })
  }
  return {
    portal: `http://127.0.0.1:${base}`, second: `http://127.0.0.1:${base + 1}`, uis: `http://127.0.0.1:${base + 3}`, public: `http://127.0.0.1:${base + 4}`, internal,
    rest: () => rest(internal),
    async stop() {
      const ended = new Promise((done) => { child.once('exit', done) })
      child.kill('SIGTERM')
      await ended
      await rm(data, { recursive: true, force: true })
    },
  }
}

async function rest(internal) {
  const deadline = Date.now() + patience
  for (;;) {
    const pending = await (await fetch(`http://${internal}/pending`)).json()
    const busy = ['inbox', 'parked', 'outbox', 'in_flight', 'unclear', 'jobs'].filter((name) => pending[name] > 0)
    if (busy.length === 0) return
    if (Date.now() > deadline) throw new Error(`still busy: ${busy.join(', ')}`)
    await new Promise((done) => { setTimeout(done, 100) })
  }
}

/** Does something at a sandbox portal that people of it do. */
export async function control(portal, name, body) {
  const answer = await fetch(`${portal}/_sandbox/${name}`, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${name}: ${await answer.text()}`)
}

export function equal(what, got, wanted) {
  if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`)
}
