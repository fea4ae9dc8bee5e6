// Open lines on the real product: the section is switched on, and an administrator connects, moves and disconnects a channel in the portal's contact centre.

/** The connector as the sandbox portal holds it. */
async function connectorAt(portal) {
  const { connectors } = await (await fetch(`${portal}/_sandbox/state`)).json()
  return connectors.find((one) => one.id === 'omni_uis')
}

export async function openLines({ page, portal, cabinet, patience, shot, step, equal, rest }) {
  await page.goto(cabinet)
  const app = page.frameLocator('iframe').first()
  await app.getByTestId('nav-lines').click({ timeout: patience })
  await app.getByTestId('set-lines-enabled').click()
  await app.getByTestId('settings-save').click()
  await app.getByTestId('settings-save').waitFor({ state: 'detached', timeout: patience })
  const deadline = Date.now() + patience
  while (!await connectorAt(portal)) {
    if (Date.now() > deadline) throw new Error('the connector is not registered')
    await new Promise((pause) => { setTimeout(pause, 200) })
  }
  await page.goto(`${portal}/contact_center/`)
  await page.getByText('OMNI', { exact: true }).first().waitFor({ timeout: patience })
  await shot('lines-center')
  step('O1 the section on puts the connector into the contact centre')

  const open = async (line) => {
    await page.goto(`${portal}/contact_center/connector/?ID=omni_uis&LINE=${line}`)
    return page.frameLocator('iframe').first()
  }
  let frame = await open(1)
  await frame.getByTestId('channel-20').click({ timeout: patience })
  equal('SMS is offered', await frame.getByTestId('channel-27').count(), 0)
  await shot('lines-choose')
  await frame.getByTestId('line-submit').click()
  await frame.getByTestId('line-done').getByText('«WhatsApp продаж»').waitFor({ timeout: patience })
  await shot('lines-done')
  equal('lines with the connector', (await connectorAt(portal)).lines, [1])
  step('O1 Submit connects the channel, then a success page')

  frame = await open(2)
  await frame.getByTestId('channel-from-20').getByText('Основная линия').waitFor({ timeout: patience })
  await frame.getByTestId('channel-20').click()
  await frame.getByTestId('line-submit').click()
  await frame.getByTestId('line-done').waitFor({ timeout: patience })
  await rest()
  equal('lines with the connector', (await connectorAt(portal)).lines, [2])
  frame = await open(1)
  await frame.getByTestId('line-submit').waitFor({ timeout: patience })
  step('O2 the same channel on a second line leaves the first, here and at the portal')

  await page.goto(cabinet)
  await app.getByTestId('nav-chats').click({ timeout: patience })
  await app.getByTestId('channel-20').waitFor({ timeout: patience })
  equal('the channel among those of the chats', await app.getByTestId('channel-20').getAttribute('aria-checked'), 'false')
  await app.getByTestId('nav-lines').click()
  await app.getByTestId('tie-2').getByText('WhatsApp продаж').first().waitFor({ timeout: patience })
  await app.getByTestId('create-beside-lines').waitFor()
  await shot('lines-cabinet')
  step('O9 the channel has left the chats at once; the cabinet shows the lines and warns of creation beside them')

  // P6: the portal's own Disconnect, while the cabinet is open in another window.
  const window = await page.context().newPage()
  await window.goto(`${portal}/contact_center/connector/?ID=omni_uis&LINE=2`)
  await window.locator('button[value=disconnect]').click()
  await app.getByTestId('outdated').waitFor({ timeout: patience })
  await app.locator('[data-testid=tie-2][data-state=none]').waitFor({ timeout: patience })
  await shot('lines-disconnected')
  await window.close()
  equal('lines with the connector', (await connectorAt(portal)).lines ?? [], [])
  step('O1, P6 Disconnect in Bitrix24 frees the line, and the open cabinet says so')
}
