// Packs the folders that were laid out, looks at what came out, and lists it.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root } from '../_shared.mjs'
import { problemsOfAddon } from './checks.mjs'
import { addonName } from './platforms.mjs'
import { readTarball } from './tarball.mjs'

/** Packs the package in `folder` into `destination`; gives its entry in the list, with what is wrong with it. */
export function pack(folder, destination, platform) {
  const file = npmPack(folder, destination)
  const bytes = readFileSync(join(destination, file))
  const files = readTarball(bytes)
  const { name, version } = JSON.parse(files.get('package.json').bytes.toString('utf8'))
  const entry = {
    name,
    version,
    file,
    ...(platform ? { platform: platform.name, target: platform.target } : {}),
    packed: bytes.length,
    unpacked: [...files.values()].reduce((sum, { bytes: content }) => sum + content.length, 0),
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
  }
  return { entry, problems: platform ? problemsOfPackedAddon(files, platform) : [] }
}

/** Writes `packages.json` beside the packed packages: what there is, in the order in which it is to be published. */
export function writeList(destination, version, entries) {
  // The main package last: whoever installs it at that moment finds the others.
  const packages = [...entries].sort((one, other) => +('platform' in other) - +('platform' in one))
  writeFileSync(join(destination, 'packages.json'), `${JSON.stringify({ version, packages }, null, 2)}\n`)
}

/** The table for a person. */
export function tableOf(entries) {
  const rows = entries.map(({ name, packed, unpacked }) => [name, megabytes(packed), megabytes(unpacked)])
  const all = [['package', 'packed', 'unpacked'], ...rows]
  const width = Math.max(...all.map(([name]) => name.length))
  return all
    .map(([name, ...sizes]) => [name.padEnd(width), ...sizes.map((size) => size.padStart(9))].join('  '))
    .join('\n')
}

function problemsOfPackedAddon(files, platform) {
  const addon = files.get(addonName(platform))
  return addon ? problemsOfAddon(addon.bytes, platform) : [`${addonName(platform)} is not in its package`]
}

function npmPack(folder, destination) {
  const args = ['pack', folder, '--ignore-scripts', '--silent', '--pack-destination', destination]
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) fail(`npm could not pack ${folder}:\n${stderr}`)
  return stdout.trim().split('\n').at(-1)
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`
}
