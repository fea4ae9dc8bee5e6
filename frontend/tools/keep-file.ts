import { writeFileSync } from 'node:fs'
import type { Plugin } from 'vite'

/** Puts back the empty file that lets Go embed the folder before anything was built; the build empties the folder. */
export function keepFile(path: string): Plugin {
  return {
    name: 'omni:keep-file',
    apply: 'build',
    closeBundle() {
      writeFileSync(path, '')
    },
  }
}
