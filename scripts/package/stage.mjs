// Lays out what is packed: one folder a package, with what is published and nothing else.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../_shared.mjs'
import { mainManifest, platformManifest } from './manifests.mjs'
import { addonName } from './platforms.mjs'

const licences = 'THIRD-PARTY-LICENSES.md'

/** The licences of what is linked into the addons, as scripts/release/licenses.mjs writes them. */
export const licenceTexts = join(root, 'build', 'licenses', licences)

/** The manifest of the main package as it is committed. */
export function readMainManifest() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

/** Lays out a platform's package with this addon in `folder`. */
export function stagePlatform(platform, addon, folder, repository) {
  mkdirSync(folder, { recursive: true })
  const from = join(root, 'npm', platform.name)
  const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  const more = existsSync(licenceTexts) ? [licences] : []
  writeManifest(folder, platformManifest(manifest, platform, repository, more))
  if (more.length > 0) cpSync(licenceTexts, join(folder, licences))
  cpSync(join(from, 'README.md'), join(folder, 'README.md'))
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  cpSync(addon, join(folder, addonName(platform)))
}

/** Lays out the main package in `folder`. */
export function stageMain(folder, repository) {
  mkdirSync(folder, { recursive: true })
  const manifest = readMainManifest()
  writeManifest(folder, mainManifest(manifest, repository))
  for (const name of ['README.md', 'LICENSE', ...manifest.files]) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
}

function writeManifest(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}
