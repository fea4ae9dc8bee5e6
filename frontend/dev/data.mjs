// Invented people and chats for the mock server.
const names = ['Анна Ковалёва', 'Пётр Самойлов', '+7 900 000-00-14', 'Мария Дёмина', 'ООО «Северный свет»', 'Игорь Лапин', 'Olga Brandt', 'Сергей Вишняков', 'Дарья Орехова', 'Тимур Алиев', 'Елена Журавлёва', 'Максим Рогов']
const phrases = ['Здравствуйте! Подскажите, пожалуйста, есть ли доставка в субботу?', 'Спасибо, жду', 'А сколько стоит установка?', 'Отправила фото, посмотрите', 'Хорошо, тогда оформляйте на меня', 'Можно счёт на почту?', 'Когда приедет мастер?', 'Добрый день', 'Перезвоните мне после обеда, сейчас неудобно говорить. Номер тот же.', 'Да, всё верно: https://example.com/catalog/17']
const replies = ['Добрый день! Да, привозим с 10 до 18.', 'Установка — 3 500 ₽, занимает около двух часов.', 'Счёт отправили, проверьте, пожалуйста.', 'Мастер будет завтра с 12 до 14', 'Готово 👍']

export const me = { user: 14, name: 'Ирина Соколова', admin: true, lang: 'ru', rights: ['cabinet', 'chats', 'chats_others'], employee: { id: 301, name: 'Ирина Соколова' }, account: 1, portal: 1, portals: [] }
export const employees = [{ id: 301, name: 'Ирина Соколова' }, { id: 302, name: 'Олег Назаров' }, { id: 303, name: 'Вера Климова' }, { id: 304, name: 'Денис Ушаков' }]
export const channels = [
  { id: 20, type: 'whatsapp', name: 'WhatsApp · продажи', active: true, write_first: ['phone'] },
  { id: 21, type: 'telegram_private', name: 'Telegram', active: true, write_first: ['phone', 'username'] },
  { id: 22, type: 'email', name: 'E-mail', active: true, write_first: ['email'] },
  { id: 23, type: 'vkontakte_groups', name: 'ВКонтакте', active: true, write_first: [] },
  { id: 24, type: 'avito', name: 'Avito', active: true, write_first: [] },
]
const picture = '/mock/picture.svg'
const minute = 60_000
let lastMessage = 1000
export const nextId = () => ++lastMessage

export function message(chat, side, at, more = {}) {
  const own = side === 'operator'
  return { id: nextId(), chat, key: null, side, author: own ? me.employee : null, kind: 'text', text: '', file: null, reply_to: null, status: own ? 'read' : 'received', reason: null, created_at: new Date(at).toISOString(), ...more }
}

export function makeWorld(long = 10_000) {
  const chats = new Map()
  const messages = new Map()
  const now = Date.now()
  const lists = ['mine', 'mine', 'new', 'mine', 'mine', 'others', 'new', 'mine', 'closed', 'others', 'closed', 'new']
  for (const [i, name] of [...names, ...Array.from({ length: 40 }, (_, n) => `Клиент ${n + 1}`)].entries()) {
    const id = i + 1
    const list = lists[i] ?? (i % 2 ? 'closed' : 'mine')
    const channel = channels[i % channels.length]
    const changed = now - i * i * 7 * minute - 2 * minute
    const all = []
    const count = id === 2 ? long : 6 + (i % 7)
    for (let n = 0; n < count; n++) {
      const at = changed - (count - n) * (id === 2 ? 9 : 4) * minute
      const own = n % 3 === 2
      all.push(message(id, own ? 'operator' : 'client', at, { text: id === 2 ? `${n + 1}. ${(own ? replies : phrases)[n % 5]}` : (own ? replies : phrases)[(n + i) % (own ? 5 : 10)] }))
    }
    if (id === 1) all.push(...showcase(id, now - 40 * minute))
    messages.set(id, all)
    const last = all.at(-1)
    chats.set(id, {
      id, uis_chat: 9000 + id, state: { new: 'new', closed: 'closed' }[list] ?? 'work', list, channel,
      client: { id: 500 + id, name, phone: `+7 900 000-00-${String(10 + id)}`, phones: [], email: i % 3 ? null : `client${id}@example.com`, username: i % 4 === 1 ? `nick_${id}` : null, company: i % 5 ? null : 'ООО «Пример»', comment: null },
      employee: list === 'new' ? null : list === 'others' ? employees[1] : me.employee,
      unread: list === 'new' ? (i % 3) + 1 : [0, 0, 0, 3, 0, 0, 0, 12][i] ?? 0,
      last_message: last, reason: null, created_at: all[0].created_at, changed_at: last.created_at, closed_at: null,
      can: {}, entities: i % 2 ? [] : [{ type: 'lead', id: 70 + id, title: `WhatsApp: ${name}`, url: `http://portal.example/crm/lead/details/${70 + id}/` }, { type: 'contact', id: 30 + id, title: name, url: `http://portal.example/crm/contact/details/${30 + id}/` }],
    })
  }
  return { chats, messages }
}

function showcase(chat, from) {
  const at = (n) => from + n * 2 * minute
  const file = (name, mime, size, url = null, state = 'ready') => ({ id: 1, name, mime, size, state, url })
  const quoted = message(chat, 'client', at(0), { text: 'Подойдёт ли кресло в комнату 12 м²?' })
  return [
    quoted,
    message(chat, 'client', at(0.5), { kind: 'image', text: 'Вот так сейчас', file: file('komnata.jpg', 'image/jpeg', 482_000, picture) }),
    message(chat, 'operator', at(1), { text: 'Подойдёт: ширина 72 см, до стены останется больше метра.', reply_to: { id: quoted.id, text: quoted.text, side: 'client', author: null } }),
    message(chat, 'operator', at(2), { kind: 'document', file: file('Коммерческое предложение.pdf', 'application/pdf', 1_340_000, picture), status: 'delivered' }),
    message(chat, 'client', at(3), { kind: 'voice', file: file('voice.ogg', 'audio/ogg', 22_000, '/mock/voice.wav') }),
    message(chat, 'client', at(4), { kind: 'unsupported' }),
    message(chat, 'client', at(5), { kind: 'document', file: file('замеры.xlsx', 'application/vnd.ms-excel', 88_000, null, 'coming') }),
    message(chat, 'system', at(6), { kind: 'system', text: 'Чат передан: Олег Назаров → Ирина Соколова' }),
    message(chat, 'operator', at(7), { text: 'Могу забронировать до пятницы', status: 'sent' }),
    message(chat, 'operator', at(8), { text: 'Оформляем?', status: 'failed', reason: { code: 'channel_off', text: 'канал WhatsApp отключён' } }),
    message(chat, 'operator', at(9), { text: 'Напишите, как решите', status: 'unconfirmed', reason: { code: 'no_answer', text: 'платформа не ответила, дошло ли сообщение' } }),
  ]
}
