// A small stand-in for the server, to work on the cabinet, installer and connector pages alone: serves dist/ and a fake /api/v1 and /ws.
// Start: npm run build && node dev/cabinet.mjs [port]. Then open http://127.0.0.1:{port}/{cabinet|install|connector}?lang=ru
// (also &admin=0; /connector?line=1, &off=1 for a section that is off; /cabinet?world=empty for an account without UIS, world=full with everything set, world=big as a large company, &mode=simple for a CRM without leads; &keep=1 to leave the world as it is; &trouble=1 for failing steps, refused settings and a conflict; &broken=1: lanes and requests are not answered).
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { WebSocketServer } from 'ws'
import { communicationsOf, communicationsPage, told } from './communications.mjs'
import { commandsOf, eventsOf, lanesOf, logOf, pageOf } from './operations.mjs'
import { lineRoutes, linesOf } from './lines.mjs'
import { directoriesOf, makeSettings, wrongFields } from './settings.mjs'

const types = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml' }
const dist = process.env.DIST ? pathToFileURL(`${process.env.DIST}/`) : new URL('../dist/', import.meta.url)
const hour = 3_600_000
const list = (items) => ({ items, next: null })

const channels = [
  { id: 20, type: 'whatsapp', name: 'WhatsApp, отдел продаж', active: true, write_first: ['phone'] },
  { id: 21, type: 'telegram', name: 'Telegram-бот «Пример»', active: true, write_first: [] },
  { id: 22, type: 'avito', name: 'Авито, объявления', active: true, write_first: [] },
  { id: 23, type: 'vkontakte_groups', name: 'Сообщество ВКонтакте', active: true, write_first: [] },
  { id: 24, type: 'sms', name: 'SMS +7 900 000-00-24', active: false, write_first: ['phone'] },
]
const names = ['Анна Примерова', 'Борис Образцов', 'Вера Тестова', 'Глеб Шаблонов', 'Дарья Макетова', 'Егор Эскизов', 'Жанна Черновикова', 'Иван Наброскин', 'Кира Проектова', 'Лев Планов', 'Мария Схемова', 'Никита']
const uis = names.slice(0, 9).map((name, i) => ({ id: 500 + i, name, group: i < 4 ? 'Продажи' : 'Поддержка' }))
const person = (name, i) => ({
  b24_user: i + 1, name, active: i !== 9, last_name_missing: !name.includes(' '), email: i === 7 ? null : `person${i + 1}@example.com`, inner_number: i < 6 ? String(101 + i) : null,
  position: ['Менеджер', 'Оператор', null][i % 3], uis_employee: i < 7 ? 500 + i : null, uis_name: i < 7 ? name : null,
  match: i < 5 ? 'auto' : i < 7 ? 'hand' : i === 8 ? 'several' : 'none', matched_by: i < 4 ? 'email' : i === 4 ? 'inner_number' : null,
  candidates: i === 8 ? [uis[8], uis[2]] : [],
})
const checks = [
  { code: 'data_api', ok: true, text: 'Data API доступен' },
  { code: 'call_api', ok: true, text: 'Call API доступен' },
  { code: 'chats_login', ok: true, text: 'Вход в чаты выполнен' },
  { code: 'adapter', ok: true, text: 'Адаптер чатов зарегистрирован' },
  { code: 'channels', ok: true, text: 'Найдено каналов: 5' },
]
const badCheck = { code: 'call_api', ok: false, text: 'Call API: адрес сервера не в белом списке', cure: 'Добавьте адрес 192.0.2.10 в белый список в разделе «Безопасность»' }

function makeWorld(empty, trouble, kind = {}) {
  return {
    empty, trouble, ...kind, names, jobs: new Map(), version: 7, looks: 0, broken: false,
    settings: makeSettings(kind),
    uis: empty
      ? { connected: false, brand: null, has_api_key: false, chats_login: null, has_chats_password: false, account_name: null, checks: [], channels: [] }
      : { connected: true, brand: 'uis', has_api_key: true, chats_login: 'omni@example.com', has_chats_password: true, account_name: 'ООО «Пример»', checks: trouble ? [checks[0], badCheck, ...checks.slice(2)] : checks, channels },
    employees: empty ? [] : names.map(person),
    synced: empty ? null : new Date(Date.now() - 3 * hour).toISOString(),
    portals: [{ id: 1, name: 'Пример', domain: 'company.example.com', state: 'active', reason: null, current: true, missing: [] }, { id: 2, name: '', domain: 'branch.example.com', state: 'waiting', reason: 'Ждём согласия администратора', current: false, missing: [] }],
    lines: linesOf(channels), commands: commandsOf(), log: logOf(empty), communications: communicationsOf(empty, names), events: eventsOf(),
  }
}

const problem = (status, code, detail, more = {}) => Object.assign(new Error(detail), { status, body: { status, code, detail, ...more } })

const away = () => problem(503, 'database_away', 'Сервер ненадолго недоступен, повторите через несколько секунд')

function health(world) {
  const s = world.settings
  const step = (code, ok, text, cure) => ({ code, ok, text, ...(ok ? {} : { cure }) })
  return list([
    step('portal', true, 'Портал Битрикс24 подключён'),
    step('placements', true, 'Пункт меню, вкладки и события на месте'),
    step('uis', world.uis.connected, 'Подключение к UIS', 'Введите ключ API и логин чатов UIS'),
    step('channels', world.uis.channels.length > 0, 'Каналы чатов подключены', 'Подключите канал в кабинете UIS'),
    step('employees', world.synced !== null, 'Сотрудники сопоставлены', 'Нажмите «Синхронизировать сотрудников»'),
    step('main', s.main.enabled, 'Интеграция включена', 'Включите интеграцию и сохраните настройки'),
    step('sections', s.chats.enabled, 'Включён хотя бы один раздел', 'Включите раздел и сохраните настройки'),
  ])
}

function save(world, body, match) {
  if (world.trouble && match === '"7"' && !world.conflicted) {
    world.conflicted = true
    world.settings = { ...world.settings, version: 8, chats: { ...world.settings.chats, notify: true, create_at: 'end' } }
  }
  if (match !== `"${world.settings.version}"`) throw problem(409, 'settings_conflict', 'Настройки сохранил другой администратор', { theirs: world.settings, yours: body })
  const wrong = world.refuse ?? wrongFields(body)
  if (wrong.length > 0) throw problem(422, 'settings_invalid', 'Проверьте отмеченные поля', { errors: wrong })
  world.settings = { ...body, version: world.settings.version + 1 }
  return world.settings
}

function connect(world, body) {
  if (body.api_key === 'wrong') throw problem(422, 'invalid', 'Проверьте отмеченные поля', { errors: [{ field: '/api_key', code: 'invalid', text: 'UIS не знает такого ключа' }] })
  world.uis = { connected: true, brand: body.brand, has_api_key: true, chats_login: body.chats_login, has_chats_password: true, account_name: 'ООО «Пример»', checks, channels }
  return world.uis
}

const readLists = [['pipelines', 2], ['stages', 14], ['fields', 61], ['lines', 3], ['b24-users', 12]].map(([kind, entries]) => ({ kind, entries }))

/** The reading that the round arrow begins; in trouble the portal does not tell its users. */
function reading(world, emit) {
  const made = { id: 900 + world.jobs.size, kind: 'directories', state: 'running', done: 0, total: 3, seconds_left: 2, result: null, error: null }
  world.jobs.set(made.id, made)
  const timer = setInterval(() => {
    made.done += 1
    if (made.done >= made.total) {
      clearInterval(timer)
      Object.assign(made, { state: 'done', seconds_left: 0, result: { lists: world.trouble ? [...readLists.slice(0, 4), { kind: 'b24-users', entries: 0, trouble: 'empty' }] : readLists } })
    }
    emit('job.changed', { id: made.id, kind: made.kind, state: made.state })
  }, 300)
  return made
}

/** What the last synchronisation came to (S1). */
const syncResult = () => ({ users: names.length, employees: uis.length, matched: 7, several: 1, without_last_name: 1, at: new Date().toISOString(), changes: [
  { user: 1, name: names[0], before: 0, after: uis[0].id, how: 'email' }, { user: 2, name: names[1], before: uis[2].id, after: uis[1].id, how: 'hand' }, { user: 8, name: names[7], before: uis[3].id, after: 0, how: '' }] })

function job(world, emit) {
  const made = { id: 900 + world.jobs.size, kind: 'employees', state: 'running', done: 0, total: names.length, seconds_left: 100, result: null, error: null }
  world.jobs.set(made.id, made)
  const timer = setInterval(() => {
    made.done += 3
    if (made.done >= made.total) {
      clearInterval(timer)
      Object.assign(made, { state: 'done', done: made.total, seconds_left: 0 })
      world.employees = names.map(person)
      world.synced = new Date().toISOString()
    }
    emit('job.changed', { job: made })
  }, 500)
  return made
}

/** Who saved what: two versions, and a third when somebody else saved or an older one was restored. */
function versionsOf(world) {
  const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString()
  const diff = [{ field: '/main/enabled', before: false, after: true }, { field: '/chats/first/create', before: [], after: ['lead', 'activity'] }, { field: '/telephony/responsibles', before: [], after: [{ filter: [], user: 14 }] }]
  const all = [{ version: 7, saved_at: at(90), saved_by: names[0], diff }, { version: 6, saved_at: at(2900), saved_by: names[1], diff: diff.slice(0, 1) }]
  return world.trouble || world.version >= 8 ? [{ version: 8, saved_at: at(1), saved_by: names[1], diff: [] }, ...all] : all
}

/** Versions and what was changed beside the settings, page by page of two. */
function historyOf(world, query) {
  const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString()
  const versions = versionsOf(world).map((one) => ({ id: `settings-${one.version}`, at: one.saved_at, by: one.saved_by, kind: 'settings', text: '', version: one.version, diff: one.diff }))
  const changes = [['matched', 200, 'Сотрудник Игорь Седов вручную сопоставлен с Седов Игорь Петрович в UIS', names[0]], ['uis_changed', 1500, 'Изменено подключение к UIS: ключ API', names[1]], ['portal_opened', 4000, 'Портал Север подключён', '']]
    .map(([kind, minutes, text, by], i) => ({ id: `${kind}-${i + 1}`, at: at(minutes), by, kind, text, version: null, diff: [] }))
  const all = [...versions, ...changes].sort((a, b) => b.at.localeCompare(a.at))
  const from = Number(query.get('cursor') ?? 0)
  return { items: all.slice(from, from + 3), next: from + 3 < all.length ? String(from + 3) : null }
}

/** What an older version names and what is not there any more. */
function refusedRestore() {
  const gone = (field) => ({ field, code: 'gone', text: 'Этого больше нет' })
  return problem(422, 'settings_invalid', 'Проверьте отмеченные поля', { errors: [gone('/telephony/funnel/lead_stage'), gone('/chats/responsibles/1/user'), gone('/main/sync_only/0')] })
}

function communicationOf(world, ref) {
  const found = world.communications.find((one) => one.ref === decodeURIComponent(ref))
  if (!found) throw problem(404, 'communication_not_found', 'Обращение не найдено')
  return found
}

/** Repeats what failed: the deal is there then. */
function replay(one) {
  if (one.story !== 'refused') throw problem(409, 'nothing_to_replay', 'В этом обращении ничего не сорвалось: повторять нечего')
  one.story = 'made'
  one.entities = [{ type: 'deal', id: 88, title: 'Чат WhatsApp', url: '/crm/deal/details/88/', created: true }]
  return { commands: 1, rows: 1 }
}

function routesOf(world, emit, admin) {
  const me = { user: 1, name: names[0], admin, rights: admin ? ['cabinet', 'chats'] : ['chats'], account: 1, portal: 1, portals: world.portals, employee: null, lang: 'ru' }
  const steps = () => list([
    { code: 'scopes', ok: true, text: 'Права приложения' },
    { code: 'placements', ok: true, text: 'Пункт меню и вкладки в карточках' },
    { code: 'events', ok: true, text: 'События портала' },
    world.trouble && !world.repaired ? { code: 'connector', ok: false, text: 'Коннектор открытых линий', cure: 'Проверьте, что открытые линии на портале включены', detail: 'ACCESS_DENIED' } : { code: 'connector', ok: true, text: 'Коннектор открытых линий' },
  ])
  return [
    ['GET', /^\/me$/, () => me],
    ['GET', /^\/health$/, () => health(world)],
    ['GET', /^\/settings$/, () => world.settings],
    ['PUT', /^\/settings$/, (_, body, request) => save(world, body, request.headers['if-match'])],
    ['GET', /^\/settings\/versions$/, () => list(versionsOf(world))],
    ['GET', /^\/history$/, (_, __, request) => historyOf(world, new URL(request.url, 'http://x').searchParams)],
    ['POST', /^\/settings\/versions\/(\d+)\/restore$/, () => { if (world.trouble) throw refusedRestore(); world.version += 1; world.settings = { ...world.settings, version: world.version }; return world.settings }],
    ['GET', /^\/uis$/, () => world.uis],
    ['PUT', /^\/uis$/, (_, body) => connect(world, body)],
    ['DELETE', /^\/uis$/, () => { world.uis = makeWorld(true).uis }],
    ['GET', /^\/uis\/notifications$/, () => ({ manager_url: 'https://omni.example.com/uis/8f1c…/manager', ...list(['in_call', 'finished_call', 'record_call'].map((event, i) => ({ event, title: ['Входящий звонок', 'Завершение звонка', 'Запись разговора'][i], method: 'POST', url: 'https://omni.example.com/uis/8f1c…/notifications', body: JSON.stringify({ event, call: '{{call_session_id}}', number: '{{virtual_phone_number}}' }), last_received: i === 0 ? new Date(Date.now() - hour).toISOString() : null }))) })],
    ['GET', /^\/portals$/, () => list(world.portals)],
    ['POST', /^\/portals$/, (_, body) => { if (body.domain.startsWith('http:')) throw problem(422, 'invalid', 'Проверьте отмеченные поля', { errors: [{ field: '/domain', code: 'domain_https', text: 'Адрес должен начинаться с https://.' }] }); return { authorize_url: `${body.domain}/oauth/authorize/` } }],
    ['POST', /^\/portals\/(\d+)\/repair$/, ([id]) => {
      const portal = world.portals.find((one) => one.id === Number(id))
      if (portal?.state === 'waiting') return { ...list([]), job: null, authorize_url: `https://${portal.domain}/oauth/authorize/` }
      const made = steps()
      world.repaired = true
      return { ...made, job: reading(world, emit), authorize_url: null }
    }],
    ['PATCH', /^\/portals\/(\d+)$/, ([id], body) => { const portal = world.portals.find((one) => one.id === Number(id)); portal.name = body.name ?? ''; return { portal, authorize_url: null } }],
    ['DELETE', /^\/portals\/(\d+)$/, ([id]) => { world.portals = world.portals.filter((one) => one.id !== Number(id)) }],
    ['GET', /^\/employees$/, () => ({ ...list(world.employees), uis, synced_at: world.synced, job: null, result: world.synced ? syncResult() : null, workdays: world.trouble ? { granted: false, trouble: { code: 'not_granted', text: 'Портал не дал приложению право на учёт рабочего времени' } } : { granted: true, trouble: null } })],
    ['PUT', /^\/employees\/(\d+)$/, ([id], body) => Object.assign(world.employees.find((one) => one.b24_user === Number(id)), { uis_employee: body.uis_employee, uis_name: uis.find((one) => one.id === body.uis_employee)?.name ?? null, match: 'hand', matched_by: 'hand' })],
    ['POST', /^\/employees\/sync$/, () => job(world, emit)],
    ['GET', /^\/jobs\/(\d+)$/, ([id]) => world.jobs.get(Number(id))],
    ['GET', /^\/directories\/([a-z0-9-]+)$/, ([name]) => ({ ...list(world.lists?.[name] ?? directoriesOf(world)[name] ?? []), read_at: null, stale: false, trouble: null })],
    ['GET', /^\/operations\/commands$/, (_, __, request) => list(world.commands[new URL(request.url, 'http://x').searchParams.get('state')] ?? [])],
    ['POST', /^\/operations\/commands\/(\d+)\/(retry|drop)$/, ([id]) => { const one = world.commands.refused.find((c) => c.id === Number(id)); world.commands.refused = []; return { ...one, state: 'waiting' } }],
    ['GET', /^\/communications$/, (_, __, request) => { if (world.broken) throw away(); return communicationsPage(world.communications, new URL(request.url, 'http://x').searchParams) }],
    ['GET', /^\/communications\/([a-z]+(?::|%3A)\d+)$/, ([ref]) => { if (world.broken) throw away(); return told(communicationOf(world, ref), world.log) }],
    ['POST', /^\/communications\/([a-z]+(?::|%3A)\d+)\/replay$/, ([ref]) => replay(communicationOf(world, ref))],
    ['GET', /^\/operations\/events$/, (_, __, request) => { const from = Number(new URL(request.url, 'http://x').searchParams.get('cursor') ?? 0); return { items: world.events.slice(from, from + 50), next: from + 50 < world.events.length ? String(from + 50) : null } }],
    ['POST', /^\/operations\/events\/(\d+)\/(retry|drop)$/, ([id]) => { world.events = world.events.filter((one) => one.id !== Number(id)) }],
    ['GET', /^\/operations\/lanes$/, () => { world.looks += 1; if (world.broken) throw away(); return list(lanesOf(world.empty)) }],
    ['GET', /^\/operations\/requests$/, (_, __, request) => { if (world.broken) throw away(); return pageOf(world.log, new URL(request.url, 'http://x').searchParams) }],
    ['GET', /^\/operations\/requests\/(\d+)$/, ([id]) => world.log.find((one) => one.id === id)],
    ...lineRoutes(world, emit, problem),
  ]
}

/** Starts the stand-in and answers its address. `slow` is the delay of every answer, in milliseconds. */
export async function startCabinetMock({ port = 0 } = {}) {
  const sockets = new Set()
  let seq = 100
  let slow = 0
  let world = makeWorld(false, false)
  let admin = true
  const emit = (name, data) => { seq += 1; for (const socket of sockets) socket.send(JSON.stringify({ type: 'event', seq, name, data })) }

  async function page(name, query, response) {
    if (query.get('keep') !== '1') world = makeWorld(query.get('world') === 'empty', query.get('trouble') === '1', { big: query.get('world') === 'big', full: query.get('world') === 'full', simple: query.get('mode') === 'simple', off: query.get('off') === '1', lang: query.get('lang') ?? 'ru' })
    world.broken = query.get('broken') === '1'
    admin = query.get('admin') !== '0'
    slow = Number(query.get('slow') ?? 0)
    const context = name === 'connector' ? { line: query.get('line') ?? '3', connector: 'omni_uis', active: true } : { user: { id: 1, name: names[0] }, admin, reinstall: false }
    const boot = { session: 'dev.e30.dev', page: name, api: '/api/v1', ws: '/ws', lang: query.get('lang') ?? 'ru', context }
    const html = (await readFile(new URL(`${name}.html`, dist), 'utf8')).replace('<div id="app"', `<script type="application/json" id="omni-boot">${JSON.stringify(boot)}</script><div id="app"`)
    response.setHeader('content-type', types['.html'])
    response.end(html)
  }

  async function api(request, path, response) {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    if (slow) await new Promise((resolve) => setTimeout(resolve, slow))
    for (const [method, pattern, answer] of routesOf(world, emit, admin)) {
      const found = request.method === method && pattern.exec(path)
      if (!found) continue
      try {
        const made = answer(found.slice(1), chunks.length ? JSON.parse(Buffer.concat(chunks)) : null, request)
        response.writeHead(made === undefined ? 204 : 200, { 'content-type': 'application/json' }).end(made === undefined ? undefined : JSON.stringify(made))
      } catch (error) {
        response.writeHead(error.status ?? 500, { 'content-type': 'application/problem+json' }).end(JSON.stringify(error.body ?? { status: 500, code: 'internal', detail: String(error) }))
      }
      return
    }
    response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ status: 404, code: 'not_found', detail: `${request.method} ${path}` }))
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://x')
    const name = url.pathname.slice(1)
    if (['cabinet', 'install', 'connector'].includes(name)) return page(name, url.searchParams, response)
    if (url.pathname.startsWith('/api/v1/')) return api(request, url.pathname.slice('/api/v1'.length), response)
    const file = await readFile(new URL(url.pathname.replace(/^\/ui\//, ''), dist)).catch(() => null)
    response.writeHead(file ? 200 : 404, { 'content-type': types[extname(url.pathname)] ?? 'application/octet-stream' }).end(file ?? '')
  })
  const hub = new WebSocketServer({ server, path: '/ws' })
  hub.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('message', (text) => { if (JSON.parse(text).type === 'hello') socket.send(JSON.stringify({ type: 'ready', seq })) })
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}`, world: () => world, emit, close: () => { hub.close(); server.close() } }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startCabinetMock({ port: Number(process.argv[2] ?? 5181) })
  console.log(`${url}/cabinet?lang=ru`)
}
