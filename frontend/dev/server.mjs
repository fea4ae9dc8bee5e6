// A small stand-in for the server, to work on the workplace page alone: serves dist/, a fake /api/v1 and /ws.
// Start: npm run build && npm run mock [-- port]. Then open http://127.0.0.1:{port}/?lang=ru (also &entity=lead:71, &slow=800, &name=…).
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { WebSocketServer } from 'ws'
import { channels, employees, makeWorld, me, message, nextId } from './data.mjs'

const types = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml' }
// Another build than dist/ may be shown: DIST=/tmp/one npm run mock
const dist = process.env.DIST ? pathToFileURL(`${process.env.DIST}/`) : new URL('../dist/', import.meta.url)
const csp = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' ws:"

/** Starts the stand-in and answers its address, its world, and what to do with its sockets. */
export async function startMock({ port = 0, long = 10_000 } = {}) {
  const world = makeWorld(long)
  const sockets = new Set()
  const feed = []
  let seq = 100
  let slow = 0
  let gate = Promise.resolve()
  let openGate = () => undefined
  let broken = false

  const emit = (name, data) => {
    const frame = { type: 'event', seq: ++seq, name, data }
    feed.push(frame)
    for (const socket of sockets) socket.send(JSON.stringify(frame))
  }
  const seen = (chat) => {
    const mine = chat.employee?.id === me.employee.id
    const list = { new: 'new', closed: 'closed' }[chat.state] ?? (mine ? 'mine' : 'others')
    const why = { new: 'Примите чат, чтобы ответить клиенту.', closed: 'Чат закрыт.', others: 'Этот чат ведёт другой сотрудник.' }[list]
    return { ...chat, list, can: { accept: list === 'new', write: list === 'mine', close: list === 'mine', transfer: list === 'mine', why_not: why ? { code: list, text: why } : null } }
  }
  const shared = (chat) => ({ ...chat, list: undefined, can: undefined })
  const change = (chat, fields) => {
    Object.assign(chat, fields)
    emit('chat.changed', { chat: shared(chat) })
    return seen(chat)
  }
  const say = (id, side, more) => {
    const chat = world.chats.get(id)
    const one = message(id, side, Date.now(), more)
    world.messages.get(id).push(one)
    emit('message.added', { message: one })
    change(chat, { last_message: one, changed_at: one.created_at, unread: chat.unread + (side === 'client' ? 1 : 0) })
    return one
  }
  const progress = (one, status, wait) => setTimeout(() => {
    one.status = status
    emit('message.changed', { message: { ...one } })
  }, wait)

  const routes = [
    ['GET', /^\/me$/, () => me],
    ['GET', /^\/directories\/channels$/, () => ({ items: channels, next: null, read_at: null, stale: false })],
    ['GET', /^\/directories\/uis-employees$/, () => ({ items: employees, next: null, read_at: null, stale: false })],
    ['GET', /^\/chats$/, (_, query) => listChats(query)],
    ['POST', /^\/chats$/, (_, __, body) => startChat(body)],
    ['GET', /^\/chats\/(\d+)$/, ([id]) => seen(world.chats.get(Number(id)))],
    ['GET', /^\/chats\/(\d+)\/messages$/, ([id], query) => listMessages(Number(id), query)],
    ['POST', /^\/chats\/(\d+)\/messages$/, ([id], _, body) => send(Number(id), body)],
    ['POST', /^\/chats\/(\d+)\/messages\/(\d+)\/retry$/, ([id, number]) => retry(Number(id), Number(number))],
    ['POST', /^\/chats\/(\d+)\/accept$/, ([id]) => change(world.chats.get(Number(id)), { state: 'work', employee: me.employee })],
    ['POST', /^\/chats\/(\d+)\/close$/, ([id]) => change(world.chats.get(Number(id)), { state: 'closed' })],
    ['POST', /^\/chats\/(\d+)\/transfer$/, ([id], _, body) => change(world.chats.get(Number(id)), { employee: employees.find((one) => one.id === body.employee) })],
    ['POST', /^\/chats\/(\d+)\/read$/, ([id]) => change(world.chats.get(Number(id)), { unread: 0 })],
    ['POST', /^\/files$/, () => ({ file: nextId(), name: 'file', size: 1, mime: 'image/png' })],
  ]

  function listChats(query) {
    const all = [...world.chats.values()].map(seen)
    const q = (query.get('q') ?? '').toLowerCase()
    const fits = (chat) => (!q || `${chat.client.name} ${chat.client.phone}`.toLowerCase().includes(q)) && (!query.get('channel') || chat.channel.id === Number(query.get('channel')))
    const counters = { new: 0, mine: 0, others: 0, closed: 0, unread: 0 }
    for (const chat of all.filter(fits)) counters[chat.list] += 1
    const { items, card } = query.get('entity_id') ? ofCard(all, query) : { items: all.filter((chat) => chat.list === query.get('list') && fits(chat)), card: null }
    items.sort((one, other) => Date.parse(other.changed_at) - Date.parse(one.changed_at))
    const from = Number(query.get('cursor') ?? 0)
    return { items: items.slice(from, from + 20), next: from + 20 < items.length ? String(from + 20) : null, counters, card }
  }
  function ofCard(all, query) {
    const items = all.filter((chat) => chat.entities.some((one) => one.type === query.get('entity_type') && one.id === Number(query.get('entity_id'))))
    return { items, card: { name: 'Новый клиент', phones: ['+7 900 000-00-99'], emails: [] } }
  }
  function listMessages(id, query) {
    const all = world.messages.get(id)
    const before = query.get('before') ? all.findIndex((one) => one.id === Number(query.get('before'))) : all.length
    const limit = Number(query.get('limit') ?? 50)
    const items = all.slice(Math.max(0, before - limit), before)
    return { items, next: before - limit > 0 ? items[0].id : null }
  }
  function send(id, body) {
    const known = world.messages.get(id).find((one) => one.key === body.id)
    if (known) return known
    const quoted = world.messages.get(id).find((one) => one.id === body.reply_to)
    const file = body.file ? { id: body.file, name: 'picture.png', size: 20_000, mime: 'image/png', state: 'ready', url: '/mock/picture.svg' } : null
    const reply_to = quoted ? { id: quoted.id, text: quoted.text, side: quoted.side, author: null } : null
    const one = say(id, 'operator', { key: body.id, text: body.text ?? '', kind: file ? 'image' : 'text', file, reply_to, status: 'queued' })
    progress(one, 'sent', 300)
    progress(one, 'delivered', 700)
    progress(one, 'read', 1200)
    return { ...one }
  }
  function retry(id, number) {
    const one = world.messages.get(id).find((entry) => entry.id === number)
    Object.assign(one, { status: 'queued', reason: null })
    progress(one, 'delivered', 500)
    return { ...one }
  }
  function startChat(body) {
    const id = world.chats.size + 1
    const at = new Date().toISOString()
    const name = body.phone ?? body.email ?? body.username
    if (!/\d|@|^\w+$/.test(name)) throw Object.assign(new Error('bad'), { status: 422, body: { status: 422, code: 'invalid', detail: 'Проверьте поля.', errors: [{ field: '/phone', code: 'invalid', text: 'Это не похоже на номер телефона.' }] } })
    const chat = { id, uis_chat: null, state: 'work', channel: channels.find((one) => one.id === body.channel), client: { id: 900 + id, name, phone: body.phone ?? null, phones: [], email: body.email ?? null, username: body.username ?? null, company: null, comment: null }, employee: me.employee, unread: 0, last_message: null, reason: null, created_at: at, changed_at: at, closed_at: null, entities: [] }
    world.chats.set(id, chat)
    world.messages.set(id, [])
    emit('chat.added', { chat: shared(chat) })
    if (body.text || body.file) send(id, { ...body, id: randomUUID() })
    return seen(chat)
  }

  async function page(url) {
    const name = url.searchParams.get('page') ?? 'workplace'
    const [type, id] = (url.searchParams.get('entity') ?? '').split(':')
    const context = { placement: type ? `CRM_${type.toUpperCase()}_DETAIL_TAB` : 'LEFT_MENU', ...(type ? { entity_type: type, entity_id: Number(id) } : {}) }
    const boot = { session: 'mock', page: name, api: '/api/v1', ws: '/ws', lang: url.searchParams.get('lang') ?? 'ru', context }
    const html = await readFile(new URL(`${name}.html`, dist), 'utf8')
    return html.replace('</head>', `<script type="application/json" id="omni-boot">${JSON.stringify(boot)}</script></head>`)
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://mock')
    const answer = (status, type, body) => response.writeHead(status, { 'content-type': type, 'content-security-policy': csp }).end(body)
    try {
      if (url.pathname === '/') return answer(200, types['.html'], await page(url))
      if (url.pathname === '/mock/picture.svg') return answer(200, types['.svg'], picture)
      if (url.pathname.startsWith('/ui/')) return answer(200, types[extname(url.pathname)] ?? 'application/octet-stream', await readFile(new URL(url.pathname.slice(4), dist)))
      if (!url.pathname.startsWith('/api/v1/')) return answer(404, 'text/plain', '')
      if (broken) return request.socket.destroy()
      const chunks = []
      for await (const chunk of request) chunks.push(chunk)
      if (slow) await new Promise((resolve) => setTimeout(resolve, slow))
      await gate
      const path = url.pathname.slice('/api/v1'.length)
      for (const [method, pattern, handle] of routes) {
        const match = request.method === method && pattern.exec(path)
        if (!match) continue
        const body = request.headers['content-type']?.includes('json') && chunks.length ? JSON.parse(Buffer.concat(chunks)) : {}
        return answer(200, 'application/json', JSON.stringify(handle(match.slice(1), url.searchParams, body)))
      }
      answer(404, 'application/problem+json', JSON.stringify({ status: 404, code: 'not_found', detail: 'Не найдено.' }))
    } catch (error) {
      answer(error.status ?? 500, 'application/problem+json', JSON.stringify(error.body ?? { status: 500, code: 'mock', detail: String(error) }))
    }
  })
  new WebSocketServer({ server, path: '/ws' }).on('connection', (socket) => {
    if (broken) return socket.terminate()
    socket.on('message', (text) => {
      const frame = JSON.parse(text)
      if (frame.type === 'ping') socket.send('{"type":"pong"}')
      if (frame.type !== 'hello') return
      socket.send(JSON.stringify({ type: 'ready', seq }))
      for (const event of feed) if (frame.after !== undefined && event.seq > frame.after) socket.send(JSON.stringify(event))
      sockets.add(socket)
    })
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    world, say, emit,
    typing: (chat) => { for (const socket of sockets) socket.send(JSON.stringify({ type: 'typing', chat, user: 15, name: 'Олег Назаров' })) },
    slow: (wait) => { slow = wait },
    /** Leaves requests unanswered until release. */
    hold: () => { gate = new Promise((resolve) => { openGate = resolve }) },
    release: () => openGate(),
    cut: () => { broken = true; for (const socket of sockets) socket.terminate() },
    heal: () => { broken = false },
    stop: () => { for (const socket of sockets) socket.terminate(); server.closeAllConnections(); return new Promise((resolve) => server.close(resolve)) },
  }
}

const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><defs><linearGradient id="a" x2="0" y2="1"><stop stop-color="#dfe9ef"/><stop offset="1" stop-color="#c8d6de"/></linearGradient></defs><rect width="640" height="480" fill="url(#a)"/><rect y="350" width="640" height="130" fill="#b98d66"/><rect x="70" y="60" width="150" height="190" rx="4" fill="#f5fbff" stroke="#8fa5b3" stroke-width="8"/><rect x="330" y="210" width="190" height="120" rx="24" fill="#3e7c8f"/><rect x="300" y="280" width="250" height="90" rx="28" fill="#4c93a8"/><rect x="330" y="365" width="18" height="40" fill="#5a4030"/><rect x="500" y="365" width="18" height="40" fill="#5a4030"/></svg>`

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.argv[2] ?? 5199) })
  console.log(mock.url)
  setInterval(() => mock.say(4, 'client', { text: `Сообщение в ${new Date().toLocaleTimeString('ru')}` }), 20_000)
}
