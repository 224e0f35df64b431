// What the tools found, against what is pinned in the repository.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../_shared.mjs'

const file = join(root, '__test__', 'tls', 'scan-result.json')

/** What is acceptable. LOW is a remark of testssl.sh about something that is not a weakness by itself. */
const ACCEPTABLE = ['OK', 'INFO', 'LOW']

/** testssl.sh ends its client before a ticket can have come, or after: resumption is tested in __test__/tls. */
const CHANCE = /^sessionresumption_/

/** Other for each run: the certificate is made anew. */
const CHANGING =
  /^(?:scanTime|HTTP_clock_skew|cert|cert_serialNumber|cert_fingerprint\w+|cert_not\w+|cert_expirationStatus)$/

/** All that is worse than low, of any tool. WARN is what a tool could not find out. */
export function weaknesses(results) {
  return Object.entries(results).flatMap(([tool, { findings }]) =>
    findings
      .filter(({ id, severity }) => !CHANCE.test(id) && !ACCEPTABLE.includes(severity))
      .map((finding) => ({ tool, ...finding })),
  )
}

/** What differs, a sentence each. */
export function differences(pinned, findings) {
  const now = toLines(findings)
  const ids = [...new Set([...Object.keys(pinned), ...Object.keys(now)])]
  return ids.flatMap((id) => {
    if (now[id] === pinned[id]) return []
    return [`${id} is ${now[id] ?? 'not mentioned'}; pinned is ${pinned[id] ?? 'nothing'}`]
  })
}

/** What is pinned: for each tool its version, and its findings as lines by what was looked at. */
export function readPinned() {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}

/** Writes what was found; what is pinned of a tool that did not run stays. */
export function writePinned(results) {
  const pinned = readPinned()
  for (const [tool, { version, findings }] of Object.entries(results)) {
    pinned[tool] = { version, findings: toLines(findings) }
  }
  writeFileSync(file, `${JSON.stringify(pinned, null, 2)}\n`)
}

function toLines(findings) {
  const lines = {}
  for (const { id, severity, text } of findings) {
    if (!CHANGING.test(id) && !CHANCE.test(id)) lines[id] = `${severity}: ${text}`
  }
  return lines
}
