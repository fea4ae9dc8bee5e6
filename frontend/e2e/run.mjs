// Browser tests of the workplace page against the stand-in of dev/. Needs a build ("npm run build").
// Pictures go to test-results/: node e2e/run.mjs [name of one test]
import { startMock } from '../dev/server.mjs'
import { run } from './runner.mjs'
import { tests } from './workplace.mjs'

await run(tests, { start: startMock, stop: (mock) => mock.stop() })
