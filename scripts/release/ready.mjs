// The first step of a release, before an hour of machines is spent: the tag is of the version that package.json says, the
// changelog has a section for it, and that tag is a commit of the branch main. Without a tag, as in a rehearsal, it looks
// at the version alone. Prints what goes into the release's notes.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root } from '../_shared.mjs'
import { sectionOf } from './changelog.mjs'

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const tag = process.env.GITHUB_REF_TYPE === 'tag' ? process.env.GITHUB_REF_NAME : undefined
const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
const notes = await sectionOf(changelog, version)

if (tag !== undefined) {
  if (tag !== `v${version}`) fail(`the tag is ${tag}, and package.json says version ${version}.`)
  if (notes === undefined) fail(`CHANGELOG.md has no section for ${version}; \`npm run release\` makes it.`)
  if (!isOfMain()) fail(`${tag} is not on the branch main, from which alone releases are made.`)
}
console.log(notes ?? `(CHANGELOG.md has no section for ${version})`)

function isOfMain() {
  return spawnSync('git', ['merge-base', '--is-ancestor', 'HEAD', 'origin/main'], { cwd: root }).status === 0
}
