// What is to be published, decided before the first package is: after it there is no way back.

import { isVersion } from '../api/semver.mjs'

/** Packages that are published (`done`), packages that are not (`open`), and what speaks against going on. */
export function planOf(packages, { count, integrityOf, publishedIntegrity }) {
  const plan = { done: [], open: [], problems: [] }
  if (packages.length !== count) plan.problems.push(`there are ${packages.length} packages, not ${count}`)
  if (packages.length > 0 && packages.at(-1).platform) plan.problems.push('the main package must be the last')
  for (const entry of packages) {
    const published = publishedIntegrity(entry)
    if (integrityOf(entry) !== entry.integrity) plan.problems.push(`${entry.file} is not what was packed and tested`)
    else if (published === undefined) plan.open.push(entry)
    else if (published === entry.integrity) plan.done.push(entry)
    else plan.problems.push(`${entry.name}@${entry.version} is published with another content`)
  }
  return plan
}

/** `latest`, which `npm install millrace` takes, is for releases; a prerelease has to be asked for. */
export function distTag(version) {
  if (!isVersion(version)) throw new Error(`${version} is no version.`)
  return version.includes('-') ? 'next' : 'latest'
}
