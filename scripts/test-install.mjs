// `npm run test:install [-- options]`: the packed packages, installed into empty folders as users install them, with no
// compiler on the PATH and no scripts, by every package manager, on every version of Node.js; imported, required,
// type-checked, bundled, served from; and what is said when the addon is missing.
//
//   --tarballs <dir>   with packages.json; without it those of `npm run package`, made when they are missing or stale
//   --only <names>     runtimes, managers, types, failures, places, bundlers, systems
//   --all              also the systems that have to be downloaded first (an old Debian, musl)
//   --assert-time      fails when the first answer takes ten seconds or longer
//
// Exits with 2 when the tools cannot be installed here.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fail } from './_shared.mjs'
import { testBundlers } from './test-install/bundlers.mjs'
import { testFailures } from './test-install/failures.mjs'
import { testManagers } from './test-install/managers.mjs'
import { findTarballs, ownPlatform, packOthers, readTarballs } from './test-install/packages.mjs'
import { testPlaces } from './test-install/places.mjs'
import { temporary } from './test-install/project.mjs'
import { startRegistry } from './test-install/registry.mjs'
import { testRuntimes } from './test-install/runtimes.mjs'
import { inGroup, inLanes, seconds, summary } from './test-install/suite.mjs'
import { testSystems } from './test-install/systems.mjs'
import { MissingTools, nodes, provideTools } from './test-install/tools.mjs'
import { testTypes } from './test-install/types.mjs'

const groups = {
  runtimes: ['Node.js', testRuntimes],
  managers: ['managers', testManagers],
  types: ['types', testTypes],
  failures: ['without the addon', testFailures],
  places: ['places', testPlaces],
  bundlers: ['bundlers', testBundlers],
  systems: ['systems', testSystems],
}

const options = readOptions()
const began = performance.now()
const tarballs = prepare()
if (!tarballs.platforms.has(ownPlatform()))
  fail(`there is no package for ${ownPlatform()}: \`npm run package\` makes it.`)

const others = join(temporary, 'packages')
mkdirSync(others)
// The stand-ins first: the last of a name is its newest version.
const registry = await startRegistry([...packOthers(others, tarballs), ...tarballs.platforms.values(), tarballs.main])
try {
  const suite = { ...options, registry, tarballs, version: tarballs.version, nodes: nodes() }
  const run = (name) => inGroup(groups[name][0], () => groups[name][1](suite))
  // Alone, as it tells how long an installation takes.
  if (options.only.includes('runtimes')) await run('runtimes')
  await inLanes(options.only.filter((name) => name !== 'runtimes').map((name) => () => run(name)))
} finally {
  await registry.close()
  rmSync(temporary, { recursive: true, force: true })
}
console.log(`\nin ${seconds(performance.now() - began)}`)
process.exitCode = summary() ? 0 : 1

function prepare() {
  try {
    provideTools()
    return readTarballs(findTarballs(options.tarballs))
  } catch (error) {
    if (!(error instanceof MissingTools)) throw error
    console.error(`\nmillrace: ${error.message}\n`)
    return process.exit(2)
  }
}

function readOptions() {
  const flag = { type: 'boolean' }
  const string = { type: 'string' }
  try {
    const { values } = parseArgs({ options: { tarballs: string, only: string, all: flag, 'assert-time': flag } })
    const only = values.only?.split(',') ?? Object.keys(groups)
    for (const name of only) if (!(name in groups)) fail(`--only: there are ${Object.keys(groups).join(', ')}`)
    return { tarballs: values.tarballs, only, all: values.all ?? false, limit: values['assert-time'] ? 10_000 : 60_000 }
  } catch (error) {
    return fail(error.message)
  }
}
