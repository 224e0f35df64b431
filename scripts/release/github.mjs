// Makes the release on GitHub for the tag that the workflow runs for: the changelog's section, and what somebody needs
// who looks into a crash or at a supply chain. Takes GitHub's command line, `gh`, and GH_TOKEN.

import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fail, filesBelow, root, step } from '../_shared.mjs'
import { sectionOf } from './changelog.mjs'

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const notes = await sectionOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)
if (notes === undefined) fail(`CHANGELOG.md has no section for ${version}.`)

const files = [
  ...filesBelow('build/packages', (name) => name.endsWith('.tgz')),
  ...filesBelow('build/sbom', (name) => name.endsWith('.cdx.json')),
  ...archivesOfSymbols(),
]
const args = ['release', 'create', `v${version}`, '--verify-tag', '--title', version, '--notes', notes]
if (version.includes('-')) args.push('--prerelease')
if (!step('gh', [...args, ...files])) fail('GitHub did not take the release.')

// One archive a platform: on macOS symbols are a folder.
function archivesOfSymbols() {
  const folder = join(root, 'build', 'symbols')
  for (const file of filesBelow('build/symbols', (name) => name.endsWith('.tar.gz'))) rmSync(file)
  return readdirSync(folder).map((platform) => {
    const archive = join(folder, `millrace-${version}-${platform}-symbols.tar.gz`)
    if (!step('tar', ['-czf', archive, '-C', folder, platform])) fail('the symbols could not be packed.')
    return archive
  })
}
