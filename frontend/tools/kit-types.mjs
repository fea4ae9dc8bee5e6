// Writes src/types/kit.d.ts: the types of all components of the kit, which the build finds by their names.
import { readdir, writeFile } from 'node:fs/promises'

const kit = new URL('../node_modules/@bitrix24/b24ui-nuxt/dist/runtime/components/', import.meta.url)
const names = (await readdir(kit)).filter((name) => name.endsWith('.vue')).map((name) => name.slice(0, -4)).sort()
const lines = names.map((name) => `    B24${name}: (typeof import('@bitrix24/b24ui-nuxt/components/${name}.vue'))['default']`)
await writeFile(
  new URL('../src/types/kit.d.ts', import.meta.url),
  `// Made by "npm run kit-types" from the installed kit. Do not edit.\nexport {}\n\ndeclare module 'vue' {\n  export interface GlobalComponents {\n${lines.join('\n')}\n  }\n}\n`,
)
