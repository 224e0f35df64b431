// Lays the packed packages of this system out as an installation does, away from the sources, and has this Node.js serve
// a request from them: what `npm run test:install` does at length, on every system.
//
//   --into <folder>   lays out there, for another Node.js to run `serves.mjs`

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fail, root, step } from '../_shared.mjs'
import { hostPlatform, packageName } from '../package/platforms.mjs'

const packages = join(root, 'build', 'packages')
const { values: options } = parseArgs({ options: { into: { type: 'string' } } })
const folder = options.into ? resolve(options.into) : mkdtempSync(join(tmpdir(), 'millrace-installed-'))

for (const name of ['millrace', packageName(hostPlatform() ?? fail('there is no package for this system.'))])
  unpack(name)
cpSync(join(root, 'node_modules', 'node-gyp-build'), join(folder, 'node_modules', 'node-gyp-build'), {
  recursive: true,
})
cpSync(join(root, 'scripts', 'release', 'serves.mjs'), join(folder, 'serves.mjs'))
if (!options.into) {
  const isServed = step(process.execPath, ['serves.mjs'], { cwd: folder })
  rmSync(folder, { recursive: true, force: true })
  if (!isServed) fail('the packed packages do not serve here.')
}

function unpack(name) {
  const { packages: all } = JSON.parse(readFileSync(join(packages, 'packages.json'), 'utf8'))
  const { file } = all.find((entry) => entry.name === name) ?? fail(`build/packages has no ${name}.`)
  const target = join(folder, 'node_modules', name)
  mkdirSync(target, { recursive: true })
  // Without paths that have a drive letter, which some builds of tar take for the name of a host.
  if (!step('tar', ['-xzf', file, '-C', target, '--strip-components', '1'], { cwd: packages })) fail('tar failed.')
}
