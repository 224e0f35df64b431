// The tools that a release needs and a desk does not: named at one version, in one place. The workflow installs them by
// `node scripts/release/tools.mjs`, which is what a person does as well.

import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fail, root, step } from '../_shared.mjs'

const pinned = {
  'cargo-about': { version: '0.9.3', features: ['--features', 'cli'] },
  'cargo-cyclonedx': { version: '0.5.9', features: [] },
}
const folder = join(root, 'target', 'tools')

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) installTools()

/** The environment in which cargo finds this tool; ends the script with exit code 2 when it is not installed. */
export function environmentOf(name) {
  const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` }
  const { version } = pinned[name]
  const { stdout } = spawnSync(name, [name.replace('cargo-', ''), '--version'], { encoding: 'utf8', env })
  if (stdout?.trim().endsWith(version)) return env
  const found = stdout?.trim() ? `, and this is ${stdout.trim()}` : ''
  console.error(
    `\nmillrace: this needs ${name} ${version}${found}. \`node scripts/release/tools.mjs\` installs it below target/tools.\n`,
  )
  return process.exit(2)
}

// Optimised a little and without the rest: cargo-about compares texts and is slow without, and both run once.
function installTools() {
  const env = {
    ...process.env,
    CARGO_PROFILE_RELEASE_OPT_LEVEL: '2',
    CARGO_PROFILE_RELEASE_LTO: 'off',
    CARGO_PROFILE_RELEASE_DEBUG: '0',
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
  }
  for (const [name, { version, features }] of Object.entries(pinned)) {
    const args = ['install', '--quiet', '--locked', `${name}@${version}`, ...features, '--root', folder]
    if (!step('cargo', [...args, '--target-dir', join(folder, 'build')], { env })) fail(`${name} was not installed.`)
  }
}
