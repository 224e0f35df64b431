// The packages must fit together: one version everywhere, manifests that say what the platform's addon is, and an addon
// that exports nothing but what Node.js calls.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './_shared.mjs'
import { readAddon } from './package/addon.mjs'
import { problemsOfExports } from './package/checks.mjs'
import {
  problemsOfPlatformManifest,
  problemsOfVersions,
  versionOfCrates,
  versionsInLock,
} from './package/manifests.mjs'
import { addonName, hostPlatform, platforms } from './package/platforms.mjs'

const { version, napi } = json('package.json')
const lock = json('package-lock.json')
const problems = [
  ...problemsOfVersions(version, [
    ['package-lock.json', lock.version],
    ['package-lock.json, for the root,', lock.packages[''].version],
    ['Cargo.toml', versionOfCrates(text('Cargo.toml'))],
    ...versionsInLock(text('Cargo.lock')),
  ]),
  ...platforms.flatMap((platform) =>
    problemsOfPlatformManifest(json('npm', platform.name, 'package.json'), platform, version),
  ),
  ...problemsOfTargets(),
  ...problemsOfOwnAddon(),
]
for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'packages: fit together' : `packages: ${problems.length} do not fit`)
process.exitCode = problems.length === 0 ? 0 : 1

// napi writes the loader for the targets of its own list.
function problemsOfTargets() {
  const ours = platforms.map(({ target }) => target).sort()
  return napi.targets.toSorted().join() === ours.join()
    ? []
    : ['package.json: "napi.targets" must be those of scripts/package/platforms.mjs']
}

function problemsOfOwnAddon() {
  const platform = hostPlatform()
  const file = platform && join(root, addonName(platform))
  if (!file || !existsSync(file)) return []
  const { exports } = readAddon(readFileSync(file))
  return exports ? problemsOfExports(exports).map((sentence) => `${addonName(platform)} ${sentence}`) : []
}

function json(...path) {
  return JSON.parse(text(...path))
}

function text(...path) {
  return readFileSync(join(root, ...path), 'utf8')
}
