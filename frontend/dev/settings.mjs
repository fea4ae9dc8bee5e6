// The settings side of the cabinet's stand-in: a whole document, the directories it names, and a check of what must be filled. `big` makes as much as a
// large company has: 500 people, 50 pipelines with 20 stages, 300 fields, 200 rules.
import { readFile } from 'node:fs/promises'

const texts = JSON.parse(await readFile(new URL('../../locales/ru.json', import.meta.url), 'utf8'))
const english = JSON.parse(await readFile(new URL('../../locales/en.json', import.meta.url), 'utf8'))
const times = (n, make) => Array.from({ length: n }, (_, i) => make(i))
const both = ['include', 'exclude']
const inboundCall = { inbound_filter: both, call_title: ['include'], call_funnel: both, call_responsible: ['include'] }
const talk = (kind) => ({ [`${kind}_filter`]: both, [`${kind}_funnel`]: both, [`${kind}_responsible`]: ['include'] })
const everywhere = { ...inboundCall, ...talk('chat'), ...talk('request') }
const parameter = (id, more) => ({ id, directory: null, values: [], free: false, ...more })

// As GET directories/parameters of the server.
const parameters = [
  parameter('virtual_number', { directory: 'numbers', places: { outbound_filter: both, ...inboundCall }, known: { call: 'start' } }),
  parameter('last_operation', { directory: 'operations', places: { inbound_filter: both }, known: { call: 'answer' } }),
  parameter('scenario', { directory: 'scenarios', places: everywhere, known: { call: 'start', chat: 'report', request: 'report' } }),
  parameter('group', { directory: 'groups', places: { inbound_filter: both, ...talk('chat'), ...talk('request') }, known: { call: 'answer', chat: 'report', request: 'report' } }),
  parameter('employee', { directory: 'uis-employees', places: { inbound_filter: both, outbound_filter: both, ...talk('chat'), ...talk('request') }, known: { call: 'answer', chat: 'answer', request: 'report' } }),
  parameter('campaign', { directory: 'campaigns', places: everywhere, known: { call: 'start', chat: 'report', request: 'start' } }),
  parameter('site', { directory: 'sites', places: everywhere, known: { call: 'start', chat: 'report', request: 'start' } }),
  parameter('source', { free: true, places: everywhere, known: { call: 'start', chat: 'report', request: 'report' } }),
  parameter('channel_type', { values: ['whatsapp', 'telegram', 'waba', 'avito', 'email', 'comagic', 'sms'], places: talk('chat'), known: { chat: 'start' } }),
  parameter('channel', { directory: 'channels', places: talk('chat'), known: { chat: 'start' } }),
  parameter('form', { free: true, places: talk('request'), known: { request: 'report' } }),
]
const call = ['virtual_phone_number', 'call_session_id', 'direction', 'scenario_name', 'last_operation_name', 'is_lost', 'talk_time_duration']
const chat = ['chat_id', 'chat_channel_name', 'chat_channel_type', 'chat_username', 'last_message']
const late = ['last_operation_name', 'is_lost', 'talk_time_duration']
const samples = { name: 'Мария Орлова', contact_phone_number: '79000000101', site_domain_name: 'shop.example', chat_channel_name: 'WhatsApp основной', app_name: 'OMNI', virtual_phone_number: '74950000001' }
const groupOf = (name) => (call.includes(name) ? 'call' : chat.includes(name) ? 'chat' : name.startsWith('utm_') ? 'utm' : name.includes('employee') ? 'employee' : name.startsWith('site') ? 'site' : name === 'app_name' ? 'app' : 'client')
const variables = Object.keys(texts.variable).map((id) => {
  const group = groupOf(id)
  const at = late.includes(id) ? 'end' : group === 'employee' ? 'answer' : 'start'
  const kinds = group === 'call' ? ['call'] : group === 'chat' ? ['chat', 'line'] : ['call', 'chat', 'request', 'line']
  return { id, group, sample: samples[id] ?? 'пример', known: Object.fromEntries(kinds.map((kind) => [kind, at])) }
})
const order = ['client', 'call', 'chat', 'employee', 'site', 'utm', 'app']
variables.sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group))

/** The directories of a world, in the language of the page. */
export function directoriesOf(world) {
  const { big } = world
  const t = world.lang === 'en' ? english : texts
  const stageNames = ['Новая', 'Подготовка документов', 'Счёт отправлен', 'В работе', 'Успех', 'Отказ']
  const pipelines = big ? times(50, (i) => ({ id: i, name: `Воронка ${i + 1}` })) : [{ id: 0, name: 'Общая' }, { id: 5, name: 'Сервис' }, { id: 7, name: 'Опт' }]
  const stages = [
    ...['NEW', 'IN_PROCESS', 'CONVERTED'].map((id, i) => ({ id, name: ['Не обработан', 'В работе', 'Качественный лид'][i], entity: 'lead', semantic: 'P' })),
    ...pipelines.flatMap((pipeline) => times(big ? 20 : 6, (i) => ({ id: `${pipeline.id === 0 ? '' : `C${pipeline.id}:`}S${i}`, name: big ? `Стадия ${i + 1}` : stageNames[i], entity: 'deal', pipeline: pipeline.id, semantic: 'P' }))),
  ]
  const field = (entity, i) => ({ id: i === 0 ? 'COMMENTS' : i === 1 ? 'UTM_SOURCE' : `UF_CRM_${i}`, name: i === 0 ? 'Комментарий' : i === 1 ? 'UTM Source' : `Поле ${i}`, entity, own: i > 1, type: i % 5 === 4 ? 'double' : 'string', text: i % 5 !== 4 })
  const people = times(big ? 500 : 12, (i) => ({ id: i + 1, name: big ? `Сотрудник ${i + 1} Примеров` : world.names[i], email: `person${i + 1}@example.com`, department: ['Отдел продаж', 'Поддержка', ''][i % 3], active: true }))
  const simple = (list) => list.map(([id, name, more]) => ({ id, name, ...more }))
  return {
    'b24-users': people, pipelines, stages,
    fields: ['lead', 'deal', 'contact', 'company'].flatMap((entity) => times(big ? 75 : 6, (i) => field(entity, i))),
    mode: [{ id: world.simple ? 'simple' : 'classic', name: '' }],
    numbers: times(big ? 200 : 4, (i) => ({ id: String(74950000001 + i), name: `+7 495 000-00-${String(i + 1).padStart(2, '0')}` })),
    'uis-employees': times(big ? 500 : 9, (i) => ({ id: 500 + i, name: big ? `Оператор ${i + 1}` : world.names[i], email: `operator${i + 1}@example.com` })),
    groups: simple([[31, 'Продажи'], [32, 'Поддержка']]), sites: simple([[41, 'shop.example'], [42, 'service.example'], [43, 'old.example', { gone: true }]]),
    campaigns: simple([[1201, 'Весна'], [1202, 'Баннер на главной']]), scenarios: simple([[61, 'Рабочее время'], [62, 'Ночь']]), operations: simple([['menu', 'Меню'], ['queue', 'Распределение'], ['voice_mail', 'Голосовая почта']]),
    tags: [], channels: world.uis.channels,
    parameters: parameters.map((one) => ({ ...one, name: t.param[one.id] })),
    variables: variables.map((one) => ({ ...one, name: t.variable[one.id], hint: t.variable_hint[one.id], group_name: t.variable_group[one.group] })),
  }
}

const funnel = () => ({ on: false, lead_stage: null, pipeline: null, deal_stage: null, rules: [] })
const common = (template) => ({
  enabled: false, portal: null, responsible: null, responsibles: [], first: { on: false, create: [] }, repeat: { on: false, create: [] }, comment_priority: null, copy_to_contact: false, notify: false,
  closed_entities: false, without_contacts: false, filter: [], template, funnel_first: funnel(), funnel_repeat: funnel(), fields_on: false, fields: [],
})

/** A document as a new account has it, or a full one. */
export function makeSettings({ big, full }) {
  const numberIs = (i) => [[{ param: 'virtual_number', op: 'include', values: [String(74950000001 + (i % 4))] }]]
  const doc = {
    version: 7,
    main: { enabled: false, portal: null, import_statuses: false, sync_all: true, sync_only: [] },
    telephony: {
      enabled: false, portal: null, other_telephony: false, personal_manager: false, create_inbound: false, create_outbound: false, talker: 'first', responsible_later: false, responsible_after_min: 5,
      number_as_source: false, filter_on: false, filter_inbound: [], filter_outbound: [], click: { on: false, number: null, override_caller_id: false }, callback: { on: false, number: null },
      records: { send: false, with_filters: false }, call_message: false, templates: [], funnel: { lead_stage: null, pipeline: null, deal_stage: null }, funnels_inbound: [], funnels_outbound: [],
      responsible_inbound: null, responsible_outbound: null, responsibles: [], fields: [],
    },
    chats: { ...common('Чат на сайте {{site_domain_name}} Канал: {{chat_channel_name}} с посетителем {{name}}'), channels: [], create: false, create_at: 'start' },
    requests: common('Заявка с сайта {{site_domain_name}} от {{name}}'),
    lines: { enabled: false, portal: null, operator_name: true, auto_close_min: {}, fields: [] },
  }
  if (full) {
    Object.assign(doc.main, { enabled: true, portal: 1 })
    Object.assign(doc.telephony, {
      enabled: true, create_inbound: true, filter_on: true, filter_inbound: [[{ param: 'virtual_number', op: 'include', values: ['74950000001', '74950000002'] }], [{ param: 'employee', op: 'exclude', values: ['501'] }]],
      click: { on: true, number: '74950000009', override_caller_id: false }, records: { send: true, with_filters: false }, responsible_inbound: 2, responsible_outbound: 77,
      templates: [{ direction: 'in', entity: 'lead', filter: numberIs(0), text: 'Звонок от {{name}} на {{virtual_phone_number}}' }, { direction: 'out', entity: 'deal', filter: [], text: 'Исходящий {{contact_phone_number}}' }],
      funnel: { lead_stage: 'NEW', pipeline: 0, deal_stage: 'S0' },
      funnels_inbound: [{ filter: [[{ param: 'site', op: 'include', values: ['41', '43'] }]], lead_stage: 'IN_PROCESS', pipeline: 5, deal_stage: 'C5:S1' }, { filter: [], lead_stage: 'NEW', pipeline: 0, deal_stage: 'S9' }, { filter: numberIs(1), lead_stage: 'NEW', pipeline: 7, deal_stage: 'C7:S0' }],
      responsibles: [{ filter: numberIs(0), user: 3 }, { filter: numberIs(1), user: 4 }, { filter: numberIs(2), user: 5 }], fields: [{ entity: 'lead', field: 'UTM_SOURCE', param: 'utm_source', always: true }, { entity: 'deal', field: 'UF_CRM_2', param: 'site_domain_name', always: false }],
    })
    Object.assign(doc.chats, {
      enabled: true, channels: [20, 21, 99], create: true, responsible: 1, first: { on: true, create: ['deal', 'activity'] }, comment_priority: 'deals', without_contacts: true,
      funnel_first: { on: true, lead_stage: null, pipeline: 0, deal_stage: 'S0', rules: [{ filter: [[{ param: 'channel', op: 'include', values: ['20'] }]], lead_stage: null, pipeline: 5, deal_stage: 'C5:S0' }] },
      fields_on: true, fields: [{ entity: 'contact', field: 'COMMENTS', param: 'chat_username', always: false }],
    })
    Object.assign(doc.requests, { enabled: true, responsible: 1, first: { on: true, create: ['lead'] }, comment_priority: 'leads' })
    Object.assign(doc.lines, { enabled: true, auto_close_min: { 20: 30, 22: 15 }, fields: [{ entity: 'lead', field: 'UTM_SOURCE', param: 'utm_source', always: true }] })
  }
  if (big) {
    Object.assign(doc.telephony, {
      enabled: true, responsible_inbound: 1, responsible_outbound: 2,
      templates: times(200, (i) => ({ direction: 'in', entity: 'lead', filter: numberIs(i), text: `Звонок ${i + 1} от {{name}}` })),
      funnels_inbound: times(200, (i) => ({ filter: numberIs(i), lead_stage: 'NEW', pipeline: i % 50, deal_stage: `${i % 50 === 0 ? '' : `C${i % 50}:`}S${i % 20}` })),
      responsibles: times(200, (i) => ({ filter: numberIs(i), user: i + 1 })),
      fields: times(200, (i) => ({ entity: ['lead', 'deal', 'contact', 'company'][i % 4], field: `UF_CRM_${2 + Math.floor(i / 4)}`, param: 'name', always: false })),
    })
  }
  return doc
}

/** What must be filled before a save, as far as the tests of the pages need it. */
export function wrongFields(doc) {
  const wrong = []
  const need = (field, value) => { if (value === null || value === '') wrong.push({ field, code: 'required', text: 'Заполните это поле' }) }
  const tel = doc.telephony
  if (tel.enabled && !tel.other_telephony) {
    need('/telephony/responsible_inbound', tel.responsible_inbound)
    need('/telephony/responsible_outbound', tel.responsible_outbound)
    if (tel.click.on) need('/telephony/click/number', tel.click.number)
  }
  const half = (at, funnel) => {
    if (funnel.pipeline !== null) need(`${at}/deal_stage`, funnel.deal_stage)
    if (funnel.deal_stage) need(`${at}/pipeline`, funnel.pipeline)
  }
  half('/telephony/funnel', tel.funnel)
  tel.responsibles.forEach((row, i) => { need(`/telephony/responsibles/${i}/user`, row.user || null) })
  tel.templates.forEach((row, i) => { if (/\{\{(?!name|contact_phone_number|virtual_phone_number|app_name)/.test(row.text)) wrong.push({ field: `/telephony/templates/${i}/text`, code: 'variable', text: 'Такой переменной здесь нет' }) })
  for (const section of ['chats', 'requests']) {
    const s = doc[section]
    if (!s.enabled || (section === 'chats' && !s.create)) continue
    need(`/${section}/responsible`, s.responsible)
    if (s.first.on && !s.first.create.some((kind) => kind !== 'activity')) wrong.push({ field: `/${section}/first/create`, code: 'lead_or_deal', text: 'Выберите лид или сделку' })
    if (s.funnel_first.on && s.first.on && s.first.create.includes('deal')) need(`/${section}/funnel_first/pipeline`, s.funnel_first.pipeline)
  }
  return wrong
}
