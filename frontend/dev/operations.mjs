// The operations of the stand-in: lanes that breathe, a log of requests with pages, refused and unclear commands.
const minute = 60_000
const ago = (wait) => new Date(Date.now() - wait).toISOString()
const soon = (wait) => new Date(Date.now() + wait).toISOString()
const long = 'Акционерное общество «Северо-Западная объединённая строительно-монтажная компания имени Константина Эдуардовича Примерова», филиал в Нижнем Тагиле'

const lane = (more) => ({ kind: 'b24', portal: null, portal_name: null, level: 0, size: 0, drain: 0, ready: 0, in_flight: 0, unclear: 0, failures: 0, asleep: null, paused_until: null, resting: [], operating: [], points: null, oldest_ready_at: null, ...more })
const second = (method, used, limit = 480) => ({ method, used_seconds: used, limit_seconds: limit, reset_at: soon(4 * minute) })

/** The lanes as they are at this moment: the first one's budget rises and falls. */
export function lanesOf(empty) {
  if (empty) return []
  const wave = 14 + 10 * Math.sin(Date.now() / 4000)
  return [
    lane({ portal: 1, portal_name: 'Пример', level: wave, size: 50, drain: 2, ready: 3, in_flight: 1, oldest_ready_at: ago(2_400), operating: [second('crm.item.list', 52.4), second('crm.item.add', 31), second('crm.timeline.comment.update', 12.7), second('crm.duplicate.findbycomm', 4.1), second('batch', 61.2)] }),
    lane({ portal: 2, portal_name: long, level: 46.5, size: 50, drain: 2, ready: 12_480, in_flight: 1, unclear: 2, failures: 2, paused_until: soon(20_000), oldest_ready_at: ago(67 * minute), resting: [{ method: 'crm.item.list', until: soon(3 * minute) }, { method: 'crm.activity.configurable.add', until: soon(8 * minute) }], operating: [second('crm.item.list', 480), second('crm.activity.configurable.add', 391.5)] }),
    lane({ portal: 3, portal_name: 'branch.example.com', size: 50, drain: 2, ready: 41, oldest_ready_at: ago(26 * 60 * minute), asleep: { code: 'unpaid', text: 'Оплаченный период приложения закончился.' } }),
    lane({ portal: 4, portal_name: 'Коробка на своём сервере', ready: 2, in_flight: 1, failures: 6, oldest_ready_at: ago(95_000) }),
    lane({ kind: 'uis.data', points: { day_left: 188, day_limit: 1000, minute_left: 57, minute_limit: 60 }, ready: 1, oldest_ready_at: ago(500) }),
    lane({ kind: 'uis.call', points: { day_left: 10_000, day_limit: 10_000, minute_left: 0, minute_limit: 0 } }),
    lane({ kind: 'uis.chat', in_flight: 2 }),
  ]
}

const methods = ['crm.item.add', 'crm.item.list', 'crm.timeline.comment.update', 'crm.duplicate.findbycomm', 'crm.activity.configurable.add', 'user.get', 'crm.item.update']
const refusal = { code: 'INVALID_ARG_VALUE', class: 'invalid', text: 'Битрикс24 не принял поле «Источник»: такого значения нет' }

function part(i, n, method, failed, chat) {
  const endless = i === 2 && n === 0
  return {
    command: method === 'user.get' ? null : 9000 + i * 50 + n, method, communication: chat, took_ms: 8 + ((i * 7 + n * 3) % 90), cut: endless,
    asked: { entityTypeId: 1, fields: { title: 'Чат WhatsApp: +7 900 000-00-12', sourceId: 'WEBFORM', fm: [{ typeId: 'PHONE', value: '+79000000012' }], ...(endless ? { comments: 'Здравствуйте! '.repeat(120), token: 'бездлиннойстроки'.repeat(60) } : {}) } },
    answered: failed ? (n % 2 ? null : { error: refusal.code, error_description: refusal.text }) : { item: { id: 4000 + i, title: 'Чат WhatsApp: +7 900 000-00-12' } },
    error: failed ? (n % 2 ? { code: '', class: 'transport', text: 'Портал не отвечает.' } : refusal) : null,
  }
}

function made(i) {
  const uis = i % 9 === 4
  const count = uis ? 1 : 1 + ((i * 5) % 12)
  const bad = i % 7 === 3 ? (i % 2 ? count : 1) : 0
  const chats = uis || i % 5 === 0 ? [] : [`chat:${101 + (i % 11)}`, ...(count > 4 ? [`chat:${120 + (i % 7)}`, `chat:${140 + (i % 3)}`, 'chat:77'] : [])]
  const parts = Array.from({ length: count }, (_, n) => part(i, n, uis ? 'send.message' : methods[(i + n) % methods.length], n < bad, chats[n % Math.max(1, chats.length)] ?? null))
  return {
    id: String(70_000 - i), at: ago(20_000 + i * 19 * minute), kind: uis ? 'uis.chat' : 'b24', portal: uis ? null : 1 + (i % 2), took_ms: 40 + ((i * 37) % 900), commands: count, failed: bad,
    methods: [...new Set(parts.map((one) => one.method))], communications: chats, parts,
  }
}

/** The log of the last three days. */
export function logOf(empty) {
  return empty ? [] : Array.from({ length: 137 }, (_, i) => made(i))
}

/** A page of the log. */
export function pageOf(log, query, size = 40) {
  const found = log.filter((one) => (!query.get('portal') || one.portal === Number(query.get('portal'))) && (!query.get('communication') || one.communications.includes(query.get('communication')))
    && (!query.get('method') || one.methods.some((method) => method.startsWith(query.get('method')))) && (query.get('failed') !== '1' || one.failed > 0))
  const from = Number(query.get('cursor') ?? 0)
  return { items: found.slice(from, from + size).map((one) => ({ ...one, parts: undefined })), next: from + size < found.length ? String(from + size) : null }
}

export function commandsOf() {
  return {
    refused: [
      { id: 31, kind: 'crm.item.add', key: 'chat:104', state: 'refused', attempts: 2, reason: { code: 'field', text: 'Битрикс24 не принял поле «Источник»: такого значения нет' }, asked: { entityTypeId: 1, fields: { title: 'Чат WhatsApp' } }, answered: { error: 'INVALID_VALUE' }, created_at: ago(60 * minute) },
    ],
    unclear: [],
  }
}

/** What came in and was set aside. */
export function eventsOf() {
  const row = (i, kind, key, attempts, code, text) => ({ id: 500 - i, key, kind, attempts, reason: { code, text }, received_at: ago((7 + i * 43) * minute) })
  return [
    row(0, 'uis.message', 'chat:104', 8, 'failing', 'Не удалось обработать: канал 77 не найден среди каналов аккаунта'),
    row(1, 'b24.ONCRMLEADUPDATE', 'portal:1', 1, 'unreadable', `Не удалось прочитать: поле data[FIELDS][ID] – ${'неверное_число'.repeat(24)}`),
    ...Array.from({ length: 60 }, (_, i) => row(i + 2, 'uis.status', `chat:${300 + i}`, 1, 'unreadable', 'Не удалось прочитать: поле status – неизвестное значение «stuck»')),
  ]
}
