// The communications of the stand-in: what became of chats, and why.
const minute = 60_000
const ago = (wait) => new Date(Date.now() - wait).toISOString()
const states = { new: 'Новый', work: 'В работе', closed: 'Завершён' }
const long = 'Общество с ограниченной ответственностью «Объединённая управляющая компания жилищно-коммунального хозяйства Примерского района»'

const entity = (type, id, title, created = true) => ({ type, id, title, url: type === 'activity' ? '' : `/crm/${type}/details/${id}/`, created })
const reason = (code, text, wait, version = 7) => ({ code, text, at: ago(wait), settings_version: version })
const command = (id, kind, state, more = {}) => ({ id, kind, key: 'client:7', state, attempts: 1, reason: null, asked: { entityTypeId: 1, fields: { title: 'Чат WhatsApp: Анна Примерова', assignedById: 14, fm: [{ typeId: 'PHONE', value: '+79000000012' }] } }, answered: { item: { id: 70 + id } }, created_at: ago(9 * minute), sent_at: ago(9 * minute), done_at: ago(9 * minute), ...more })

/** What the server tells of a chat beside what stands in the list: a lead was made; nothing was, and why; the portal refused. */
const stories = {
  made: { reasons: [reason('crm.first_nothing_found', 'Клиента нет в CRM: это первое обращение', 9 * minute)], commands: [command(4, 'crm.timeline.comment.add', 'done', { answered: 512 }), command(3, 'crm.item.add', 'done'), command(2, 'crm.duplicate.findbycomm', 'done', { answered: [] }), command(1, 'crm.settings.mode.get', 'done', { answered: 1 })] },
  off: { reasons: [reason('settings.filtered_out', 'Чат не прошёл фильтр', 30 * minute)], advice: [{ code: 'filtered_out', text: 'Проверьте фильтр: в CRM попадает только то, что его проходит. Рабочее место всё равно показывает остальное.', place: '/chats/filter' }] },
  refused: {
    reasons: [reason('crm.first_nothing_found', 'Клиента нет в CRM: это первое обращение', 40 * minute), reason('crm.not_created', 'Не создано (сделка, отказ): Заполните поле «Бюджет»', 39 * minute), reason('crm.not_created', 'Не создано (дело, отменено вслед за другой операцией)', 39 * minute)],
    advice: [{ code: 'failed', text: 'Что-то получило отказ или не обработалось. Устраните причину и нажмите «Повторить»; подробности — в разделе «Операции».', place: 'operations' }, { code: 'not_created', text: 'Портал отказался создать сущность. Его слова — в причинах; чаще всего это обязательное поле, удалённая стадия или нехватка прав.', place: 'operations' }],
    commands: [command(13, 'crm.activity.configurable.add', 'cancelled', { answered: null, sent_at: null }), command(12, 'crm.item.add', 'refused', { answered: { error: 'CRM_FIELD_ERROR_REQUIRED' }, reason: { code: 'invalid', text: 'Заполните поле «Бюджет»' } }), command(11, 'crm.item.add', 'done')],
    aside: [{ id: 501, key: 'chat:102', kind: 'uis.status', attempts: 8, reason: { code: 'failing', text: 'Не удалось обработать: канал 77 не найден среди каналов аккаунта' }, received_at: ago(35 * minute) }],
    failed: { commands: 1, rows: 1 },
  },
}

function made(i, names) {
  const kind = i % 3 === 1 ? 'off' : i % 10 === 2 ? 'refused' : 'made'
  const state = ['work', 'new', 'closed'][i % 3]
  const client = i === 7 ? long : i % 6 === 4 ? '' : names[i % names.length]
  return {
    ref: `chat:${104 - i}`, kind: 'chat', id: 104 - i, title: `Чат ${104 - i}`, client, phones: i % 6 === 5 ? [] : [`7900000${String(1000 + i)}`], emails: i % 4 === 0 ? [`client${i}@example.com`] : [], channel: ['WhatsApp, отдел продаж', 'Telegram-бот «Пример»', null][i % 3],
    state: { code: state, text: states[state] }, chat: 900 - i, started_at: ago((9 + i * 97) * minute), ended_at: state === 'closed' ? ago((3 + i * 97) * minute) : null,
    entities: kind === 'made' ? [entity('lead', 71 + i, `Чат WhatsApp: ${client || 'посетитель'}`), ...(i % 2 ? [] : [entity('contact', 31 + i, client || null, false), entity('activity', 51 + i, null)])] : [], story: kind,
  }
}

/** The chats of some days. */
export function communicationsOf(empty, names) {
  return empty ? [] : Array.from({ length: 94 }, (_, i) => made(i, names))
}

export function communicationsPage(all, query, size = 40) {
  const q = (query.get('q') ?? '').toLowerCase()
  const found = all.filter((one) => one.kind === (query.get('kind') ?? 'chat') && (!q || `${one.client} ${one.phones.join(' ')} ${one.emails.join(' ')} ${one.ref}`.toLowerCase().includes(q)))
  const from = Number(query.get('cursor') ?? 0)
  return { items: found.slice(from, from + size), next: from + size < found.length ? String(from + size) : null }
}

/** One communication with everything that is told of it. */
export function told(one, log) {
  return { ...one, portal: { id: 1, name: 'Пример', current: true }, advice: [], commands: [], aside: [], failed: { commands: 0, rows: 0 }, more_requests: false, ...stories[one.story], requests: log.filter((request) => request.communications.includes(one.ref)).slice(0, 5).map((request) => ({ ...request, parts: undefined })) }
}
