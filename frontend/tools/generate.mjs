// Writes src/api/schema.gen.ts from the server's OpenAPI document. With --check it only says whether the file is up to date.
import { readFile, writeFile } from 'node:fs/promises'
import openapiTS, { astToString } from 'openapi-typescript'

const source = new URL('../../server/web/api/openapi.yaml', import.meta.url)
const target = new URL('../src/api/schema.gen.ts', import.meta.url)

const text = `// Made by "npm run generate" from server/web/api/openapi.yaml. Do not edit.\n${astToString(await openapiTS(source))}`
if (process.argv.includes('--check')) {
  const have = await readFile(target, 'utf8').catch(() => '')
  if (have !== text) {
    console.error('src/api/schema.gen.ts is out of date: run "npm run generate" in frontend/ and commit the result')
    process.exit(1)
  }
} else {
  await writeFile(target, text)
}
