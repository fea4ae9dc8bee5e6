// Browser tests of the settings pages of the cabinet against their stand-in of dev/. Needs a build ("npm run build").
// Pictures go to test-results/: node e2e/settings.mjs [part of a test's name]
import { startCabinetMock } from '../dev/cabinet.mjs'
import { run } from './runner.mjs'
import { tests as page } from './settings/page.mjs'
import { tests as talk } from './settings/talk.mjs'
import { tests as telephony } from './settings/telephony.mjs'

const timeout = Number(process.env.OMNI_E2E_TIMEOUT ?? 15_000)
await run({ ...telephony, ...talk, ...page }, { start: startCabinetMock, stop: (mock) => mock.close(), timeout })
