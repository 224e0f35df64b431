// Publishes what lies in build/packages, in the order of its packages.json: the platforms' packages first, so that the
// main one never asks for what is not there. A release that broke off can be run again: what is published already, with
// the same content, is passed over.
//
//   --dry-run   asks and says what it would do
//   --by-hand   without provenance, which only the workflow can give: for the first version of a package, which npm wants
//               to know before it trusts a workflow

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fail, root, step } from '../_shared.mjs'
import { platforms } from '../package/platforms.mjs'
import { distTag, planOf } from './plan.mjs'

const { values: options } = parseArgs({ options: { 'dry-run': { type: 'boolean' }, 'by-hand': { type: 'boolean' } } })
const folder = join(root, 'build', 'packages')
const { version, packages } = JSON.parse(readFileSync(join(folder, 'packages.json'), 'utf8'))

const plan = planOf(packages, { count: platforms.length + 1, integrityOf, publishedIntegrity })
if (plan.problems.length > 0) fail(plan.problems.join('\n'))
for (const { name } of plan.done) console.log(`${name}@${version} is published already`)
for (const { file } of plan.open) publish(join(folder, file))

// The provenance says which commit and which run of the workflow made the package; npm shows and verifies it.
function publish(path) {
  const args = ['publish', path, '--access', 'public', '--tag', distTag(version), '--ignore-scripts']
  if (options['dry-run']) args.push('--dry-run')
  else if (!options['by-hand']) args.push('--provenance')
  if (!step('npm', args)) fail('publishing broke off; when the reason is dealt with, run it again.')
}

function integrityOf({ file }) {
  return `sha512-${createHash('sha512')
    .update(readFileSync(join(folder, file)))
    .digest('base64')}`
}

// undefined for a version that is not published. What is no answer at all must not be taken for that.
function publishedIntegrity({ name }) {
  const args = ['view', `${name}@${version}`, 'dist.integrity', '--json']
  const { status, stdout, stderr, error } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' })
  if (error) return fail(`npm could not be started: ${error.message}`)
  const answer = stdout.trim() === '' ? undefined : JSON.parse(stdout)
  if (typeof answer === 'string') return answer
  // Without an answer npm has ended well when the package is there in other versions only.
  if ((answer === undefined && status === 0) || answer?.error?.code === 'E404') return undefined
  return fail(`the registry did not say whether ${name}@${version} is published.\n\n${stderr}`)
}
