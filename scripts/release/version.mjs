// What `npm run release -- <version>`, which is `npm version` with its scripts, runs before it sets the version in
// package.json (with `--check`) and after: the version has to be high enough, then every other place gets it, and the
// changelog its section. npm commits and tags what is staged here.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changesSince, releasedVersions } from '../api/released.mjs'
import { compareVersions, isEnough, isVersion, leastVersion } from '../api/semver.mjs'
import { fail, root } from '../_shared.mjs'
import { platforms } from '../package/platforms.mjs'
import { releaseChangelog, tellsOfBreaking } from './changelog.mjs'
import { setCrateVersion, setLockVersion, setPackageVersion } from './versions.mjs'

const from = process.env.npm_old_version
const to = process.env.npm_new_version
if (!from || !to) fail('this is run by `npm run release -- <version>`.')

try {
  if (process.argv.includes('--check')) checkVersion()
  else await setVersion()
} catch (error) {
  fail(error.message)
}

function checkVersion() {
  if (!isVersion(to)) fail(`${to} is no version of Semantic Versioning as npm takes it.`)
  const released = releasedVersions()
  if (released === undefined)
    fail('the tags of earlier releases are not in this clone (`git fetch --tags --unshallow`).')
  const last = released[0]
  if (last === undefined) {
    console.log(`${to} is the first release`)
    return
  }
  if (compareVersions(to, last) <= 0) fail(`${last} is released already, so ${to} is too low.`)
  const { level } = changesSince(last, read)
  const least = leastVersion(last, level)
  if (!isEnough(to, least))
    fail(`the public types changed since ${last} (${level}), so ${least} is the lowest version.`)
  if (level === 'breaking' && !tellsOfBreaking(read('CHANGELOG.md'))) {
    fail('something public was changed or removed, and CHANGELOG.md has neither under Unreleased.')
  }
}

async function setVersion() {
  const locks = ['Cargo.lock', 'fuzz/Cargo.lock']
  const manifests = platforms.map(({ name }) => `npm/${name}/package.json`)
  write('Cargo.toml', setCrateVersion(read('Cargo.toml'), to))
  for (const path of locks) write(path, setLockVersion(read(path), from, to))
  for (const path of manifests) write(path, setPackageVersion(read(path), to))
  write('CHANGELOG.md', await releaseChangelog(read('CHANGELOG.md'), to, new Date()))
  const changed = ['Cargo.toml', ...locks, 'CHANGELOG.md', ...manifests]
  // npm hands `false` on as an empty word.
  if (process.env.npm_config_git_tag_version === '') return
  if (spawnSync('git', ['add', '--', ...changed], { cwd: root, stdio: 'inherit' }).status !== 0) {
    fail('git could not stage what changed.')
  }
}

function read(path) {
  return readFileSync(join(root, path), 'utf8')
}

function write(path, text) {
  writeFileSync(join(root, path), text)
}
