// Known vulnerabilities, as the npm registry and the RustSec database tell of them. What is published must have none of
// high severity or worse, and the addon's crates none at all; of the tools they are listed. Where an answer cannot be
// had, that is said, and is a failure with `--release` alone: what has not been asked is not published.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { audits, denyCouldNotLook, isSerious, readAudit } from './advisories/answers.mjs'
import { locked, root } from './_shared.mjs'

const mustAnswer = process.argv.includes('--release')
let skips = 0
const problems = [...(await auditPackages()), ...auditCrates()]
for (const problem of problems) console.error(problem)
const verdict = skips > 0 ? 'none that counts among what could be asked about' : 'none that counts'
console.log(problems.length === 0 ? `advisories: ${verdict}` : `advisories: ${problems.length} to be dealt with`)
process.exitCode = problems.length > 0 || (mustAnswer && skips > 0) ? 1 : 0

async function auditPackages() {
  const present = audits.filter(({ directory }) => existsSync(join(root, directory, 'package-lock.json')))
  const answers = await Promise.all(present.map(async (audit) => ({ ...audit, ...readAudit(await npmAudit(audit)) })))
  for (const { what, skipped } of answers) if (skipped) skip(what, skipped)
  const found = answers.flatMap(({ what, counts, findings = [] }) =>
    findings.map((finding) => ({ text: `${what}: ${finding.text}`, fails: counts && isSerious(finding) })),
  )
  for (const { text, fails } of found) if (!fails) console.log(text)
  return found.filter(({ fails }) => fails).map(({ text }) => text)
}

// Exits with 1 for findings as well as for failures; what it printed tells which.
function npmAudit({ directory, args }) {
  const all = ['audit', '--json', '--package-lock-only', '--fetch-retries=0', ...args]
  const options = { cwd: join(root, directory), maxBuffer: 1 << 26, shell: process.platform === 'win32' }
  return new Promise((resolve) => execFile('npm', all, options, (_error, stdout) => resolve(stdout)))
}

function auditCrates() {
  const args = ['deny', ...locked, 'check', 'advisories']
  const { status, stderr } = spawnSync('cargo', args, { cwd: root, encoding: 'utf8' })
  if (status === 0) return []
  if (/no such (?:sub)?command/.test(stderr)) {
    skip('the crates', '`cargo install --locked cargo-deny` adds what looks at them')
    return []
  }
  const reason = denyCouldNotLook(stderr)
  if (reason === undefined) return [`the crates: ${stderr}`]
  skip('the crates', reason)
  return []
}

function skip(what, reason) {
  console.log(`skipped: advisories about ${what}: ${reason}`)
  skips += 1
}
