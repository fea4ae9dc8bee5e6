// The unmodified @bitrix24/b24jssdk inside the sandbox portal's page: every command of the frame protocol the product may use.
/* global b24 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { appFrame, openBrowser, openStand } from './stand.mjs'

let stand, browser, view, frame

before(async () => {
  stand = await openStand()
  browser = await openBrowser()
  view = await (await browser.newContext({ viewport: { width: 1280, height: 720 } })).newPage()
})
after(async () => {
  await browser?.close()
  await stand?.close()
})

/** Calls a REST method with the SDK of the frame. */
const call = (where, method, params) => where.evaluate(async ([m, p]) => {
  const answer = await b24.actions.v2.call.make({ method: m, params: p })
  if (!answer.isSuccess) throw new Error(answer.getErrorMessages().join('; '))
  return answer.getData().result
}, [method, params ?? {}])

/** Asks until the answer is the wanted one; the last answer is the one that fails. */
async function eventually(ask, wanted) {
  const deadline = Date.now() + 10_000
  for (;;) {
    const got = await ask()
    if (got === wanted || Date.now() > deadline) return assert.equal(got, wanted)
    await new Promise((next) => { setTimeout(next, 50) })
  }
}

test('an administrator installs the application: install mode, first run, setInstall answered', async () => {
  await view.goto(`${stand.portal}/marketplace/`)
  await view.click('button[value=install]')
  frame = await appFrame(view, stand.app.base, '/install')
  const state = await frame.evaluate(() => ({ install: b24.isInstallMode, first: b24.isFirstRun, lang: b24.getLang(), placement: b24.placement.title, admin: b24.auth.isAdmin, origin: b24.getTargetOrigin() }))
  assert.deepEqual(state, { install: true, first: true, lang: 'ru', placement: 'DEFAULT', admin: true, origin: stand.portal })
  const post = stand.app.posts.at(-1)
  assert.equal(post.url.searchParams.get('DOMAIN'), new URL(stand.portal).host)
  assert.ok(post.form.get('AUTH_ID') && post.form.get('member_id'))
})

test('REST from the frame goes to the portal, over CORS', async () => {
  assert.equal((await call(frame, 'profile')).ADMIN, true)
  assert.equal((await call(frame, 'app.info')).INSTALLED, false)
  assert.equal(await call(frame, 'placement.bind', { PLACEMENT: 'LEFT_MENU', HANDLER: `${stand.app.base}/left`, TITLE: 'Left' }), true)
  assert.equal(await call(frame, 'placement.bind', { PLACEMENT: 'CRM_LEAD_DETAIL_TAB', HANDLER: `${stand.app.base}/tab`, TITLE: 'Tab' }), true)
})

test('batch by array, by object and in chunks', async () => {
  const result = await frame.evaluate(async () => {
    const named = await b24.actions.v2.batch.make({ calls: { who: ['profile', {}], leads: { method: 'crm.item.list', params: { entityTypeId: 1, filter: { '>id': 0 } } } }, options: { isHaltOnError: true } })
    const data = named.getData()
    const partial = await b24.actions.v2.batch.make({ calls: { ok: ['profile', {}], bad: ['crm.item.get', { entityTypeId: 1, id: 9999 }] }, options: { isHaltOnError: false } })
    return { success: named.isSuccess, keys: Object.keys(data), partial: partial.isSuccess, errors: partial.getErrorMessages() }
  })
  assert.equal(result.success, true)
  assert.deepEqual(result.keys.sort(), ['leads', 'who'])
  assert.equal(result.partial, false)
  assert.ok(result.errors.some((text) => text.includes('not found')), result.errors.join())
})

test('an expired token is renewed over the bridge and the call is repeated', async () => {
  await stand.control('app', { action: 'expire', client_id: 'local.conformance' })
  assert.equal((await call(frame, 'profile')).ID, '1')
})

test('installFinish: no reply, the page reloads, ONAPPINSTALL goes out', async () => {
  await frame.evaluate(() => { void b24.installFinish() })
  await view.waitForURL(/install_finished=Y/)
  frame = await appFrame(view, stand.app.base, '/app')
  assert.equal(await frame.evaluate(() => b24.isInstallMode), false)
  assert.equal((await call(frame, 'app.info')).INSTALLED, true)
  const events = (await stand.control('deliveries')).map((d) => d.event)
  assert.ok(events.includes('ONAPPINSTALL'), events.join())
})

test('options, title, size', async () => {
  await frame.evaluate(async () => {
    await b24.options.appSet('color', 'blue')
    await b24.options.userSet('size', 'big')
    await b24.parent.setTitle('A new title')
    await b24.parent.resizeWindow(900, 640)
  })
  // The SDK stops waiting for these after 900 ms, whether the portal has stored them or not.
  await eventually(() => call(frame, 'app.option.get', { option: 'color' }), 'blue')
  await eventually(() => call(frame, 'user.option.get', { option: 'size' }), 'big')
  assert.equal(await view.locator('h1').first().textContent(), 'A new title')
  assert.equal(await view.locator('.appframe iframe').first().evaluate((el) => el.style.height), '640px')
})

test('openApplication opens our page in a slider with its parameters, closing it answers', async () => {
  const closed = frame.evaluate(() => b24.slider.openSliderAppPage({ chat: '42', bx24_width: 600 }))
  const slider = await (await view.locator('.slider iframe').elementHandle()).contentFrame()
  const inner = await appFrame(view, stand.app.base, '/app', slider)
  const { title, options, slid } = await inner.evaluate(() => ({ title: b24.placement.title, options: b24.placement.options, slid: b24.placement.isSliderMode }))
  assert.equal(title, 'DEFAULT')
  assert.equal(options.chat, '42')
  assert.equal(slid, true)
  await inner.evaluate(() => { void b24.slider.closeSliderAppPage() }).catch(() => undefined) // the frame may be gone before it has answered
  await closed
  assert.equal(await view.locator('.slider').count(), 0)
})

test('openPath opens a page of the portal, refuses others', async () => {
  const open = frame.evaluate(() => b24.slider.openPath(b24.slider.getUrl('/crm/lead/details/1/'), 950))
  await view.locator('.slider .shut').click()
  assert.equal((await open).isClose, true)
  await assert.rejects(frame.evaluate(() => b24.slider.openPath(b24.slider.getUrl('/bitrix/admin/'))))
})

test('selectUser and selectCRM', async () => {
  const user = frame.evaluate(() => b24.dialog.selectUser())
  await view.locator('.modal label').nth(1).click()
  await view.locator('.modal .primary').click()
  assert.equal((await user).id, '2')
  const crm = frame.evaluate(() => b24.dialog.selectCRM({ entityType: ['deal'], multiple: true }))
  await view.locator('.modal label').first().click()
  await view.locator('.modal .primary').click()
  assert.equal((await crm).deal[0].id, 'D_1')
})

test('the left menu placement and the tab of a lead, as an ordinary employee', async () => {
  await view.goto(`${stand.portal}/?as=2`)
  await view.click('.left a[data-menu^=placement]')
  let placed = await appFrame(view, stand.app.base, '/left')
  assert.deepEqual(await placed.evaluate(() => [b24.placement.title, b24.auth.isAdmin]), ['LEFT_MENU', false])

  await view.goto(`${stand.portal}/crm/lead/details/1/`)
  await view.click('.tabs a:has-text("Tab")')
  placed = await appFrame(view, stand.app.base, '/tab')
  assert.equal(await placed.evaluate(() => b24.placement.options.ID), '1')
  const known = await placed.evaluate(() => b24.placement.getInterface())
  assert.deepEqual(known.command, ['reloadData'])
  await placed.evaluate(() => b24.placement.call('reloadData', {}))
})

test('an event of the placement reaches its callback after the SDK has stopped waiting for an answer', async () => {
  const placed = await appFrame(view, stand.app.base, '/tab')
  await placed.evaluate(async () => {
    globalThis.heard = []
    await b24.placement.bindEvent('CallCard::EntityChanged', (data) => { globalThis.heard.push(data) })
  })
  await view.evaluate(() => { for (const f of Object.values(globalThis.PortalFrames)) f.fire('CallCard::EntityChanged', { PHONE_NUMBER: '79000000001' }, 'second') })
  await placed.waitForFunction(() => globalThis.heard.length === 1)
  assert.deepEqual(await placed.evaluate(() => globalThis.heard), [{ PHONE_NUMBER: '79000000001' }])
})

test('nothing was done against the documentation', async () => {
  assert.deepEqual(await stand.control('violations'), [])
})
