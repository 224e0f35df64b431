// Starts ava in the runtime that runs this: ava starts the process of each spec with the same.

import v8 from 'node:v8'

// ava calls it at its end, for those who measure coverage; Bun and Deno have it only to throw.
try {
  v8.takeCoverage()
} catch {
  v8.takeCoverage = () => {}
}

await import(new URL('../../node_modules/ava/entrypoints/cli.mjs', import.meta.url).href)
