// The unmodified @bitrix24/b24jssdk in server mode against the sandbox portal: OAuth, calls, batches, lists, refusals, limits.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { B24OAuth } from '@bitrix24/b24jssdk'
import { openStand } from './stand.mjs'

let stand, b24
const renewed = []

before(async () => {
  stand = await openStand()
  await stand.control('app', { action: 'install', client_id: 'local.conformance' })
  await stand.control('app', { action: 'finish', client_id: 'local.conformance', user: 1 })
  b24 = await connect()
})
after(() => stand?.close())

/** The authorization of a person by the full protocol, from the authorize page to the pair of tokens. */
async function connect() {
  const step = await fetch(`${stand.portal}/oauth/authorize/?client_id=local.conformance&state=s1`, { redirect: 'manual' })
  assert.equal(step.status, 302)
  const back = new URL(step.headers.get('location')).searchParams
  assert.equal(back.get('state'), 's1')
  const query = new URLSearchParams({ grant_type: 'authorization_code', client_id: 'local.conformance', client_secret: 'sandbox', code: back.get('code') })
  const pair = await (await fetch(`${stand.oauth}/oauth/token/?${query}`)).json()
  const client = new B24OAuth({
    applicationToken: '', userId: 1, memberId: pair.member_id, accessToken: pair.access_token, refreshToken: pair.refresh_token, expires: Math.floor(Date.now() / 1000) + pair.expires_in,
    expiresIn: pair.expires_in, scope: pair.scope, domain: back.get('domain'), clientEndpoint: pair.client_endpoint, serverEndpoint: pair.server_endpoint, status: pair.status,
  }, { clientId: 'local.conformance', clientSecret: 'sandbox' })
  client.offClientSideWarning()
  client.setCallbackRefreshAuth(({ b24OAuthParams }) => { renewed.push(b24OAuthParams.refreshToken); return Promise.resolve() })
  return client
}

const call = async (method, params = {}) => {
  const answer = await b24.actions.v2.call.make({ method, params })
  if (!answer.isSuccess) throw new Error(answer.getErrorMessages().join('; '))
  return answer.getData()
}

test('a call with its time block', async () => {
  const data = await call('profile')
  assert.equal(data.result.ADMIN, true)
  assert.ok(data.time.operating_reset_at > 0)
})

test('adding, reading and listing', async () => {
  const ids = []
  for (let i = 0; i < 3; i++) {
    const { result } = await call('crm.item.add', { entityTypeId: 3, fields: { name: `Client ${i}`, fm: [{ typeId: 'PHONE', valueType: 'WORK', value: `+7 900 000-01-0${i}` }] } })
    ids.push(result.item.id)
  }
  const { result } = await call('crm.duplicate.findbycomm', { type: 'PHONE', values: ['89000000101'] })
  assert.deepEqual(result, { CONTACT: [ids[1]] })
  assert.deepEqual((await call('crm.duplicate.findbycomm', { type: 'PHONE', values: ['89000000999'] })).result, [])
  const list = await b24.actions.v2.callList.make({ method: 'crm.item.list', params: { entityTypeId: 3, filter: { '@id': ids }, select: ['id', 'name'] }, idKey: 'id', customKeyForResult: 'items' })
  assert.equal(list.isSuccess, true, list.getErrorMessages().join())
  assert.deepEqual(list.getData().map((row) => row.id), ids)
})

test('a batch with a reference to an earlier result', async () => {
  const answer = await b24.actions.v2.batch.make({
    calls: [['crm.item.add', { entityTypeId: 3, fields: { name: 'Chained' } }], ['crm.item.add', { entityTypeId: 2, fields: { title: 'Deal', contactIds: ['$result[0][item][id]'] } }]],
    options: { isHaltOnError: true, returnAjaxResult: true },
  })
  assert.equal(answer.isSuccess, true, answer.getErrorMessages().join())
  const rows = answer.getData()
  const [contact, deal] = rows.map((row) => row.getData().result.item)
  assert.equal(deal.contactId, contact.id)
})

test('refusals carry the documented code', async () => {
  await assert.rejects(b24.actions.v2.call.make({ method: 'crm.item.get', params: { entityTypeId: 1, id: 9999 } }), { code: 'NOT_FOUND', status: 400 })
})

test('an expired token is renewed once and the call is repeated', async () => {
  await stand.control('app', { action: 'expire', client_id: 'local.conformance' })
  assert.equal((await call('profile')).result.ID, '1')
  assert.equal(renewed.length, 1)
})

test('QUERY_LIMIT_EXCEEDED is waited out', async () => {
  await stand.control('faults', { kind: 'limit', method: 'server.time', count: 1 })
  assert.ok((await call('server.time')).result)
})

test('nothing was done against the documentation', async () => {
  assert.deepEqual(await stand.control('violations'), [])
})
