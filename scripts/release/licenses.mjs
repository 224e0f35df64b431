// Writes the licences of the crates that are linked into the addon into build/licenses/THIRD-PARTY-LICENSES.md, which
// goes into each platform's package: they allow that by the condition that their texts go along. cargo-about collects
// them by scripts/release/about.toml, whose list of licences is that of deny.toml.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fail, root, step } from '../_shared.mjs'
import { problemsOfLicences, tidy } from './licence-texts.mjs'
import { environmentOf } from './tools.mjs'

const folder = join(root, 'build', 'licenses')
const output = join(folder, 'THIRD-PARTY-LICENSES.md')

const env = environmentOf('cargo-about')
mkdirSync(folder, { recursive: true })
const config = ['--config', 'scripts/release/about.toml', '--manifest-path', 'crates/millrace-node/Cargo.toml']
const args = ['about', 'generate', ...config, '--locked', '--fail', '--output-file', output]
// Without the network: the texts are those in the crates, not what a service has about them.
if (!step('cargo', [...args, '--offline', 'scripts/release/licenses.template'], { env })) {
  fail('cargo-about could not collect the licences; the reason is above. (`cargo fetch --locked` gets the crates.)')
}
const text = tidy(readFileSync(output, 'utf8'))
writeFileSync(output, text)
const problems = problemsOfLicences(text)
if (problems.length > 0) fail(`${relative(root, output)} must not be published:\n${problems.join('\n')}`)
console.log(`${relative(root, output)}: ${Math.round(text.length / 1024)} KiB`)
