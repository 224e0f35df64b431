// What is committed but generated must be what a build generates: the addon's types.
// And both entries of the package must export the same names.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fail, root, step } from './_shared.mjs'

const generated = 'binding.d.cts'

// Whatever builds the addon writes it along.
if (!step(process.execPath, [join('scripts', 'ensure-built.mjs')])) fail('the build failed.')
checkCommitted()
await checkEntries()
console.log('generated files: as committed')

// Against the index, so that a change that is staged with its generated half passes before it is committed.
function checkCommitted() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (git('ls-files', '--error-unmatch', generated).status !== 0) fail(`${generated} must be committed.`)
  const { status, stdout } = git('diff', '--exit-code', '--', generated)
  if (status !== 0) fail(`a build changes ${generated}; commit it with what changed it.\n\n${stdout}`)
}

async function checkEntries() {
  await checkEntry('index', [])
  await checkEntry('ws/index', ['default'])
}

async function checkEntry(name, more) {
  const file = (ending) => join(root, 'dist', `${name}${ending}`)
  const required = Object.keys(createRequire(file('.js'))(file('.js')))
  const imported = Object.keys(await import(pathToFileURL(file('.mjs')).href))
  const types = readFileSync(file('.d.mts'), 'utf8')
  const wanted = [...required, ...more].sort().join()
  if (wanted !== imported.sort().join()) fail(`${name}: require sees ${required}\nand import sees ${imported}.`)
  if (!types.startsWith("export * from './index.js'\n"))
    fail(`dist/${name}.d.mts must export all that dist/${name}.d.ts does.`)
}
