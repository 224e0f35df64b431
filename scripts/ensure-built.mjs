// Builds what is missing or older than its sources; says nothing when there is nothing to do. With `--js` the addon is
// left as it is.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fail, filesBelow, newest, root, step } from './_shared.mjs'

const build = join('scripts', 'build.mjs')
const addonIsStale = !process.argv.includes('--js') && newest(addonSources()) > newest(addons())
const facadeIsStale = newest(facadeSources()) > newest([join(root, 'dist', 'index.mjs')])

const parts = [...(addonIsStale ? ['--native'] : []), ...(facadeIsStale ? ['--js'] : [])]
if (parts.length > 0 && !step(process.execPath, [build, ...(parts.length === 1 ? parts : [])])) {
  fail('the build failed.')
}

function addonSources() {
  return [
    ...filesBelow('crates', (name) => name.endsWith('.rs') || name === 'Cargo.toml'),
    join(root, 'Cargo.toml'),
    join(root, 'Cargo.lock'),
  ]
}

// Named for this platform: a work tree may be shared between systems.
function addons() {
  const prefix = `millrace.${process.platform}-${process.arch}`
  const found = readdirSync(root).filter((name) => name.startsWith(prefix) && name.endsWith('.node'))
  return found.map((name) => join(root, name))
}

function facadeSources() {
  return [...filesBelow('src'), join(root, 'tsconfig.json'), join(root, 'tsconfig.base.json'), join(root, build)]
}
