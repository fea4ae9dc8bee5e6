// Lets the kit's Vite plugin write its generated theme types (node_modules/.b24ui-nuxt), which the type checker reads.
import { resolveConfig } from 'vite'

await resolveConfig({ logLevel: 'error' }, 'build')
