// What is published, as a stranger's tools see it: packs the main package, has publint look at its package.json and
// files, and attw at its types, for every way in which TypeScript resolves a module. No rule of either is left out.
// The platforms' packages have neither types nor entries.
//
//   node scripts/check-packed.mjs [tarball]    what lies there, instead of packing what was built

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root, step, tool } from './_shared.mjs'
import { pack } from './package/pack.mjs'
import { stageMain } from './package/stage.mjs'

const tarball = process.argv[2] ?? packMain()
const publint = step(tool('publint'), [tarball, '--strict'])
// With the types in the package alone: what @types has of that name is somebody else's, and asking takes a network.
const attw = step(tool('attw'), [tarball, '--profile', 'strict', '--no-definitely-typed', '--no-emoji', '--no-color'])
if (!publint || !attw) fail('the package as it would be published is not in order; the reasons are above.')
console.log('package: publint and attw have nothing to say')

function packMain() {
  const directory = join(root, 'build', 'check')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  stageMain(join(directory, 'stage'))
  const { entry, problems } = pack(join(directory, 'stage'), directory)
  if (problems.length > 0) fail(problems.join('\n'))
  return join(directory, entry.file)
}
