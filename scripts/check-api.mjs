// The public types are what the committed reports say, and the version is high enough for what changed in them since the
// last release. `npm run api` (`--update`) writes the reports anew; what differs is then for the review to see.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { changesSince, releasedVersions } from './api/released.mjs'
import { extract, reports } from './api/report.mjs'
import { compareReports, compareVersions, isEnough, leastVersion } from './api/semver.mjs'
import { fail, root } from './_shared.mjs'

const update = process.argv.includes('--update')
if (update) await import('./ensure-built.mjs')
for (const report of reports) checkReport(report, extract(report))
checkVersion()

function checkReport({ file }, now) {
  const path = join(root, file)
  const committed = existsSync(path) ? readFileSync(path, 'utf8').replaceAll('\r\n', '\n') : undefined
  if (committed === now) {
    console.log(`${file}: as committed`)
  } else if (update) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, now)
    console.log(`${file}: written`)
  } else {
    const changes = committed === undefined ? '' : `\n\n${listed(compareReports(committed, now))}`
    fail(`the public types are not those of ${file}. If they are to be, \`npm run api\` and commit it.${changes}`)
  }
}

function checkVersion() {
  const released = releasedVersions()
  if (released === undefined) {
    console.log('skipped: the version against the last release, whose tag is not in this clone (`git fetch --tags`)')
    return
  }
  if (released.length === 0) {
    console.log('versions: no release yet, so no version is too low')
    return
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  // Of the version that is released already it only can be said what has to follow.
  const last = released.find((tag) => compareVersions(tag, version) <= 0)
  if (last === undefined) fail(`the version is ${version}, and ${released.at(-1)} is released already.`)
  const changes = changesSince(last, (file) => readFileSync(join(root, file), 'utf8'))
  const least = leastVersion(last, changes.level)
  if (last !== version && !isEnough(version, least)) {
    fail(`since ${last} the public types changed so that ${least} has to follow, not ${version}.\n\n${listed(changes)}`)
  }
  console.log(`versions: after ${last} has to come ${least} or higher (changes of the public types: ${changes.level})`)
}

function listed({ removed, added }) {
  return [...removed.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)].join('\n')
}
