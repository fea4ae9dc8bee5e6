// Open lines of the stand-in: which channel each carries, and the changes of it.

/** Three lines, one with a channel; SMS is not offered, as at the server. */
export function linesOf(channels) {
  const line = (id, name, active, channel = null) => ({ id, name, active, gone: false, channel, state: channel === null ? 'none' : 'on', trouble: null, chosen_by: channel === null ? null : 'Анна Примерова' })
  return {
    channels, slow: false, refuse: null,
    items: [line(1, 'Открытая линия «Продажи»', true, 20), line(3, 'Открытая линия «Поддержка»', true), line(4, 'Старая линия', false)],
  }
}

function view(world, line) {
  const channel = world.lines.channels.find((one) => one.id === line.channel)
  return { ...line, channel_name: channel?.name ?? null, channel_type: channel?.type ?? null }
}

function list(world) {
  const on = (id) => world.lines.items.find((line) => line.channel === id)?.id ?? null
  const channels = world.lines.channels.filter((one) => one.type !== 'sms' && one.active).map((one) => ({ ...one, line: on(one.id), line_portal: on(one.id) === null ? null : 1 }))
  return { items: world.lines.items.map((line) => view(world, line)), next: null, connector: 'omni_uis', channels, enabled: world.off !== true, portal: world.off === true ? null : 1 }
}

function put(world, emit, problem, id, body) {
  const line = world.lines.items.find((one) => one.id === id)
  if (!line) throw problem(404, 'line_not_found', 'Такой открытой линии на портале нет')
  if (world.off) throw problem(409, 'lines_off', 'Раздел «Открытые линии» выключен')
  if (world.lines.refuse) {
    Object.assign(line, { state: 'failed', trouble: { code: 'line', text: world.lines.refuse } })
    throw problem(502, 'line_refused', `Битрикс24 не подключил канал: ${world.lines.refuse}. Линия осталась как была`)
  }
  if (world.lines.slow) { // the portal has not answered within the time people wait
    Object.assign(line, { state: 'connecting', trouble: null })
    world.lines.confirm = () => finish(world, emit, line, body)
    return view(world, line)
  }
  finish(world, emit, line, body)
  return view(world, line)
}

/** The portal has confirmed: the latest choice wins. */
function finish(world, emit, line, body) {
  for (const other of world.lines.items) {
    if (other !== line && other.channel === body.channel) {
      Object.assign(other, { channel: null, state: 'none' })
      emit('line.changed', { portal: 1, line: other.id, channel: null, changed: true, id: body.id })
    }
  }
  Object.assign(line, { channel: body.channel, state: 'on', trouble: null })
  emit('line.changed', { portal: 1, line: line.id, channel: body.channel, changed: true, id: body.id })
}

function release(world, emit, id, choice) {
  const line = world.lines.items.find((one) => one.id === id)
  Object.assign(line, { channel: null, state: 'none', trouble: null })
  emit('line.changed', { portal: 1, line: id, channel: null, changed: true, id: choice })
}

export function lineRoutes(world, emit, problem) {
  return [
    ['GET', /^\/lines$/, () => list(world)],
    ['PUT', /^\/lines\/(\d+)$/, ([id], body) => put(world, emit, problem, Number(id), body)],
    ['DELETE', /^\/lines\/(\d+)$/, ([id], _, request) => release(world, emit, Number(id), new URL(request.url, 'http://x').searchParams.get('id'))],
  ]
}
