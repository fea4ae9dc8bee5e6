// Says what a page loads before its first paint (gzip), and with --modules which packages the bytes come from.
import { readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const modules = process.argv.includes('--modules')
const dist = process.env.DIST ? pathToFileURL(`${process.env.DIST}/`) : new URL('../dist/', import.meta.url)

if (modules) {
  const output = await build({ logLevel: 'error', build: { write: false } })
  for (const chunk of output.output.filter((one) => one.type === 'chunk' && one.code.length > 15_000)) {
    const sums = new Map()
    for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*node_modules)/.exec(id)?.[1] ?? 'own'
      sums.set(name, (sums.get(name) ?? 0) + renderedLength)
    }
    console.log(chunk.fileName, chunk.code.length)
    for (const [name, length] of [...sums].sort((a, b) => b[1] - a[1]).slice(0, 25)) console.log('   ', length, name)
  }
} else {
  const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'))
  const gzip = async (file) => gzipSync(await readFile(new URL(file, dist))).length
  for (const [name, page] of Object.entries(manifest).filter(([, one]) => one.isEntry)) {
    const files = new Set()
    const walk = (entry) => {
      files.add(entry.file)
      for (const css of entry.css ?? []) files.add(css)
      for (const key of entry.imports ?? []) walk(manifest[key])
    }
    walk(page)
    // The texts of one language are always loaded before the first paint.
    for (const [key, entry] of Object.entries(manifest)) if (/(locales|locale)\/ru\.(js|json)$/.test(key)) walk(entry)
    let sum = await gzip(name)
    for (const file of files) sum += await gzip(file)
    console.log(`${name}: ${(sum / 1024).toFixed(1)} KB gzip in ${String(files.size + 1)} files`)
  }
}
