// The client's phone: one page of the sandbox, live by server-sent events, without a build step.
import { texts, messenger } from './texts.js'

const params = new URLSearchParams(location.search)
const lang = params.get('lang') === 'en' || (!params.has('lang') && !navigator.language.startsWith('ru')) ? 'en' : 'ru'
const t = (key) => texts[lang][key] ?? key
const account = decodeURIComponent(location.pathname.split('/')[2])
const $ = (id) => document.getElementById(id)
const theme = params.get('theme')
if (theme) document.documentElement.dataset.theme = theme
document.documentElement.lang = lang

// A frame may be kept from storing anything; then each opening begins with the address's values.
const memory = {
  load() { try { return JSON.parse(localStorage.getItem('phone ' + account) ?? '{}') } catch { return {} } },
  save(value) { try { localStorage.setItem('phone ' + account, JSON.stringify(value)) } catch { /* nothing to do */ } },
}
const stored = memory.load()
let wanted = params.get('channel') // a number or a type
const me = {
  channel: stored.channel ?? 0,
  phone: params.get('number') ?? stored.phone ?? '79000000001',
  username: params.get('username') ?? stored.username ?? '@irina_k',
  email: params.get('email') ?? stored.email ?? 'irina@client.example',
  name: params.get('name') ?? stored.name ?? (lang === 'ru' ? 'Ирина Котова' : 'Irina Kotova'),
  delivered: stored.delivered ?? true,
  read: stored.read ?? true,
}
let channels = []
let visitor = null
let chats = new Map()
let messages = new Map()
let attachedFile = null
let quoted = null

const channel = () => channels.find((c) => c.id === me.channel)
const identity = () => messenger(channel()?.type).identity
function client() {
  const kind = identity()
  const out = { name: me.name }
  if (kind === 'phone') out.phone = me.phone
  if (kind === 'email') out.email = me.email
  if (kind === 'username') out.username = me.username
  return out
}

async function call(method, path, body) {
  const form = body instanceof FormData
  const address = '/_sandbox/' + path + (path.includes('?') ? '&' : '?') + 'account=' + encodeURIComponent(account)
  const response = await fetch(address, { method, body: form ? body : body && JSON.stringify(body), headers: form || !body ? {} : { 'Content-Type': 'application/json' } })
  const out = await response.json()
  if (!response.ok) throw new Error(out.error)
  return out
}

let noticeTimer
function notice(text, bad) {
  $('notice').textContent = text
  $('notice').classList.toggle('bad', Boolean(bad))
  $('notice').hidden = !text
  clearTimeout(noticeTimer)
  if (text) noticeTimer = setTimeout(() => { $('notice').hidden = true }, 3500)
}
const attempt = (work) => work().catch((e) => notice(t('error') + ': ' + e.message, true))

// --- loading -------------------------------------------------------------------------------------------------------------------------------------------

async function loadAccount() {
  const state = (await call('GET', 'state')).accounts[0]
  channels = state.channels.filter((c) => c.status !== 'deleted')
  me.channel = (channels.find((c) => String(c.id) === wanted || c.type === wanted) ?? channel() ?? channels[0])?.id ?? 0
  wanted = null
  $('company').textContent = state.title
  fill($('channel'), channels.map((c) => [c.id, `${c.name}${c.status === 'active' ? '' : ' — ' + t('inactive')}`]), me.channel)
  fill($('virtual'), state.virtual_numbers.map((n) => [n, '+' + n]))
  fill($('employee'), state.employees.map((e) => [e.id, e.name]))
  showIdentity()
  await loadChat()
}

function fill(select, rows, value) {
  select.replaceChildren(...rows.map(([v, text]) => new Option(text, v)))
  if (value) select.value = String(value)
}

async function loadChat() {
  const who = client()
  const query = new URLSearchParams({ channel: String(me.channel), ...who })
  const found = await call('GET', 'client/chat?' + query)
  visitor = found.visitor
  chats = new Map(found.chats.map((c) => [c.id, c]))
  messages = new Map(found.messages.map((m) => [m.id, m]))
  draw()
  report()
}

function listen() {
  const source = new EventSource(`/phone/${encodeURIComponent(account)}/events`)
  let broken = false
  source.onopen = () => { if (broken) attempt(loadAccount); broken = false; notice('') }
  source.onerror = () => { broken = true; notice(t('offline'), true) }
  source.onmessage = (e) => {
    const event = JSON.parse(e.data)
    if (event.type === 'reload') return attempt(loadAccount)
    if (event.chat && isMine(event.chat)) { visitor = event.chat.visitor; chats.set(event.chat.id, event.chat); draw() }
    if (event.message && chats.has(event.message.chat)) { messages.set(event.message.id, event.message); draw(); report() }
  }
}

function isMine(chat) {
  if (chat.channel !== me.channel) return false
  if (visitor) return chat.visitor === visitor
  const who = client()
  return ['phone', 'email', 'username'].every((k) => (chat.client[k] ?? '') === (who[k] ?? '')) && (identity() !== 'visitor' || chat.client.name === me.name)
}

// --- marks ---------------------------------------------------------------------------------------------------------------------------------------------

const rank = { '': 0, accepted: 1, sent: 2, delivered: 3, read: 4, error: 5 }
const reported = new Map()
// Tells the platform what this phone has received and, while the page is visible, what has been read.
function report() {
  for (const [status, on] of [['delivered', me.delivered], ['read', me.read && document.visibilityState === 'visible']]) {
    if (!on) continue
    const list = [...messages.values()].filter((m) => m.source === 'operator' && rank[m.status] < rank[status] && rank[reported.get(m.id) ?? ''] < rank[status]).map((m) => m.id)
    if (list.length === 0) continue
    list.forEach((id) => reported.set(id, status))
    call('POST', 'client/marks', { account, messages: list, status }).catch(() => list.forEach((id) => reported.delete(id)))
  }
}
document.addEventListener('visibilitychange', report)

// --- drawing -------------------------------------------------------------------------------------------------------------------------------------------

function el(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

const time = (iso) => new Date(iso).toLocaleTimeString(lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
function day(iso) {
  const d = new Date(iso)
  const ago = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(d).setHours(0, 0, 0, 0)) / 86400000)
  return ago === 0 ? t('today') : ago === 1 ? t('yesterday') : d.toLocaleDateString(lang, { day: 'numeric', month: 'long' })
}
const size = (n) => n > 1048576 ? (n / 1048576).toFixed(1) + ' MB' : n > 1024 ? Math.round(n / 1024) + ' KB' : n + ' B'

function draw() {
  const box = $('messages')
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80
  const nodes = []
  let lastDay = ''
  let lastChat = 0
  for (const m of [...messages.values()].sort((a, b) => a.id - b.id)) {
    if (day(m.created) !== lastDay) nodes.push(el('div', 'day', lastDay = day(m.created)))
    if (lastChat && lastChat !== m.chat) nodes.push(el('div', 'system', t('closed')))
    lastChat = m.chat
    nodes.push(bubble(m))
  }
  if (lastChat && chats.get(lastChat)?.open === false) nodes.push(el('div', 'system', t('closed')))
  if (nodes.length === 0) nodes.push(el('div', 'empty', t('empty')))
  box.replaceChildren(...nodes)
  if (atEnd || !draw.done) box.scrollTop = box.scrollHeight
  draw.done = true
}

function bubble(m) {
  if (m.source === 'system') return el('div', 'system', m.text)
  const mine = m.source === 'visitor'
  const node = el('article', 'bubble ' + (mine ? 'mine' : 'theirs'))
  node.dataset.testid = 'phone-message'
  node.dataset.source = m.source
  node.dataset.id = m.id
  node.dataset.status = m.status
  if (!mine && m.author) node.append(el('span', 'author', m.author))
  const origin = messages.get(m.reply_to)
  if (origin) node.append(el('blockquote', '', origin.text || origin.file?.name || ''))
  if (m.file) node.append(fileNode(m.file))
  if (m.text) node.append(el('p', '', m.text))
  const foot = el('footer', '', time(m.created))
  if (!mine) foot.append(ticks(m.status))
  node.append(foot)
  node.ondblclick = () => quote(m)
  return node
}

function fileNode(file) {
  if (file.type === 'photo') {
    const link = el('a', 'photo')
    link.href = file.url
    const img = el('img')
    img.src = file.url
    img.alt = file.name
    img.onload = () => { const box = $('messages'); if (box.scrollHeight - box.scrollTop - box.clientHeight < img.height + 120) box.scrollTop = box.scrollHeight }
    link.append(img)
    return link
  }
  const link = el('a', 'file')
  link.href = file.url
  link.dataset.testid = 'phone-message-file'
  link.append(el('i', '', (file.name.split('.').pop() || '?').slice(0, 4)), el('b', '', file.name), el('small', '', size(file.size)))
  return link
}

// ticks are drawn beside the company's messages: what the company knows about them.
function ticks(status) {
  const node = el('span', 'ticks ' + status)
  node.dataset.testid = 'phone-ticks'
  node.innerHTML = status === 'error' ? '!' : rank[status] >= 3
    ? '<svg viewBox="0 0 20 12"><path d="m1 6.500 4 4 7-9M8.500 10.500 16 1.500"/></svg>'
    : '<svg viewBox="0 0 20 12"><path d="m3 6.500 4 4 7-9"/></svg>'
  return node
}

function showIdentity() {
  const c = channel()
  const look = messenger(c?.type)
  document.documentElement.style.setProperty('--accent', look.accent)
  $('subtitle').textContent = c ? `${look.title} · ${c.external_id || c.name}` : ''
  $('avatar').textContent = ($('company').textContent || '?').slice(0, 1)
  $('avatar').dataset.badge = look.title.slice(0, 1)
  $('number-label').textContent = t('number_' + look.identity)
  const field = { phone: 'phone', username: 'username', email: 'email', visitor: 'name' }[look.identity]
  $('number').value = me[field]
  $('number').oninput = () => { me[field] = field === 'phone' ? $('number').value.replace(/\D/g, '') : $('number').value.trim(); if (field === 'name') $('name').value = me.name; changed() }
  $('name').value = me.name
  $('mark-delivered').checked = me.delivered
  $('mark-read').checked = me.read
}

let changeTimer
function changed() {
  memory.save(me)
  clearTimeout(changeTimer)
  draw.done = false
  changeTimer = setTimeout(() => attempt(loadChat), 150)
}

// --- acting --------------------------------------------------------------------------------------------------------------------------------------------

async function send() {
  const text = $('input').value
  if (!text.trim() && !attachedFile) return
  const body = { account, channel: me.channel, ...client(), text }
  if (quoted) body.reply_to = quoted.id
  if (attachedFile) {
    const form = new FormData()
    for (const [k, v] of Object.entries(body)) if (k !== 'account') form.append(k, v)
    form.append('file', attachedFile, attachedFile.name)
    await call('POST', 'client/message', form)
  } else {
    await call('POST', 'client/message', body)
  }
  $('input').value = ''
  grow()
  attach(null)
  quote(null)
  $('messages').scrollTop = $('messages').scrollHeight
}

function attach(file) {
  attachedFile = file
  $('attached').hidden = !file
  $('attached').firstElementChild.textContent = file ? `📎 ${file.name} · ${size(file.size)}` : ''
  if (!file) $('file').value = ''
}

function quote(m) {
  quoted = m
  $('quote').hidden = !m
  $('quote').firstElementChild.textContent = m ? m.text || m.file?.name : ''
  if (m) $('input').focus()
}

function grow() {
  $('input').style.height = 'auto'
  $('input').style.height = Math.min($('input').scrollHeight, 120) + 'px'
}

function sheet(id) {
  for (const s of ['settings', 'actions']) $(s).hidden = s !== id
  $('veil').hidden = !id
}

$('composer').onsubmit = (e) => { e.preventDefault(); attempt(send) }
$('input').oninput = grow
$('input').onkeydown = (e) => { if (e.key === 'Enter' && !e.shiftKey) { e.preventDefault(); attempt(send) } }
$('file').onchange = () => attach($('file').files[0] ?? null)
$('attached-cancel').onclick = () => attach(null)
$('quote-cancel').onclick = () => quote(null)
$('open-settings').onclick = () => sheet('settings')
$('open-actions').onclick = () => sheet('actions')
$('veil').onclick = $('settings-done').onclick = () => sheet('')
$('channel').onchange = () => { me.channel = Number($('channel').value); visitor = null; showIdentity(); changed() }
$('name').oninput = () => { me.name = $('name').value; changed() }
$('mark-delivered').onchange = () => { me.delivered = $('mark-delivered').checked; changed() }
$('mark-read').onchange = () => { me.read = $('mark-read').checked; changed() }
for (const b of document.querySelectorAll('[data-call]')) {
  b.onclick = () => attempt(async () => {
    await call('POST', 'calls', { account, kind: b.dataset.call, contact: me.phone, virtual_number: $('virtual').value, employee: Number($('employee').value) })
    sheet('')
    notice(t('call_started'))
  })
}
$('request-send').onclick = () => attempt(async () => {
  await call('POST', 'requests', { account, name: me.name, phone: me.phone, email: '', text: $('request-text').value || t('request_default'), form: '' })
  sheet('')
  notice(t('request_sent'))
})
$('chat-close').onclick = () => attempt(async () => {
  const open = [...chats.values()].find((c) => c.open)
  sheet('')
  if (!open) return notice(t('no_chat'))
  await call('POST', 'client/close', { account, chat: open.id })
  notice(t('left'))
})

for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t)
$('input').placeholder = t('placeholder')
$('request-text').placeholder = t('request_default')
for (const [id, key] of [['open-settings', 'menu'], ['open-actions', 'actions'], ['attach', 'attach'], ['send', 'send']]) { $(id).title = t(key); $(id).setAttribute('aria-label', t(key)) }
const tick = () => { $('clock').textContent = new Date().toLocaleTimeString(lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }) }
tick()
setInterval(tick, 10000)
if (params.get('sheet')) sheet(params.get('sheet'))
attempt(loadAccount).then(listen)
