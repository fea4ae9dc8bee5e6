// Texts of the phone page. The page belongs to the sandbox and shares nothing with the product's locales.
export const texts = {
  en: {
    settings: 'Who writes, and where', channel: 'Messenger', name: 'Name', delivered: 'Report delivery', read: 'Report reading', done: 'Done',
    number_phone: 'My number', number_username: 'My username', number_email: 'My e-mail', number_visitor: 'Visitor',
    calls: 'Calls', call_number: 'Number called', call_employee: 'Employee', answered: 'Call, answered', missed: 'Call, missed', transfer: 'Call, transferred',
    outgoing: 'Employee calls me', request: 'Request from the site', request_text: 'Text', request_send: 'Send the request', request_default: 'Please call me back',
    chat: 'Chat', chat_close: 'Leave the chat', placeholder: 'Message', empty: 'Write the first message', today: 'Today', yesterday: 'Yesterday',
    closed: 'The chat is closed', system: 'System', call_started: 'The call is on its way', request_sent: 'The request is sent', file: 'File',
    offline: 'No connection, trying again…', attach: 'Attach a file', send: 'Send', menu: 'Settings', actions: 'Calls and requests', inactive: 'switched off',
    error: 'It did not work', reply: 'Answer', left: 'You have left the chat', no_chat: 'There is no open chat', online: 'online', photo: 'Photo',
  },
  ru: {
    settings: 'Кто и куда пишет', channel: 'Мессенджер', name: 'Имя', delivered: 'Сообщать о доставке', read: 'Сообщать о прочтении', done: 'Готово',
    number_phone: 'Мой номер', number_username: 'Мой ник', number_email: 'Моя почта', number_visitor: 'Посетитель',
    calls: 'Звонки', call_number: 'Куда звоню', call_employee: 'Сотрудник', answered: 'Звонок: ответят', missed: 'Звонок: пропустят', transfer: 'Звонок с переводом',
    outgoing: 'Мне звонят', request: 'Заявка с сайта', request_text: 'Текст', request_send: 'Отправить заявку', request_default: 'Перезвоните мне, пожалуйста',
    chat: 'Чат', chat_close: 'Выйти из чата', placeholder: 'Сообщение', empty: 'Напишите первое сообщение', today: 'Сегодня', yesterday: 'Вчера',
    closed: 'Чат закрыт', system: 'Система', call_started: 'Звонок начался', request_sent: 'Заявка отправлена', file: 'Файл',
    offline: 'Нет связи, пробуем ещё раз…', attach: 'Прикрепить файл', send: 'Отправить', menu: 'Настройки', actions: 'Звонки и заявки', inactive: 'выключен',
    error: 'Не получилось', reply: 'Ответить', left: 'Вы вышли из чата', no_chat: 'Открытого чата нет', online: 'на связи', photo: 'Фото',
  },
}

// The look of each messenger: accent of bubbles and header, letter of the avatar's badge, and what identifies the client there.
export const messengers = {
  whatsapp: { title: 'WhatsApp', accent: '#1fa855', identity: 'phone' },
  waba: { title: 'WhatsApp Business', accent: '#128c7e', identity: 'phone' },
  telegram: { title: 'Telegram', accent: '#2f9bdd', identity: 'username' },
  telegram_private: { title: 'Telegram', accent: '#2f9bdd', identity: 'phone' },
  viber: { title: 'Viber', accent: '#7360f2', identity: 'phone' },
  sms: { title: 'SMS', accent: '#34a853', identity: 'phone' },
  email: { title: 'E-mail', accent: '#5f6fd6', identity: 'email' },
  comagic: { title: 'Web', accent: '#e8743b', identity: 'visitor' },
  avito: { title: 'Avito', accent: '#00a9f4', identity: 'username' },
  vkontakte_groups: { title: 'VK', accent: '#0077ff', identity: 'username' },
}

export function messenger(type) {
  return messengers[type] ?? { title: type, accent: '#5f6fd6', identity: 'username' }
}
