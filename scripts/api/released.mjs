// What the tags of this repository say about releases, and what their public types were.

import { spawnSync } from 'node:child_process'
import { root } from '../_shared.mjs'
import { reports } from './report.mjs'
import { compareReports, compareVersions, isVersion } from './semver.mjs'

/** The versions released before this commit, the newest first; undefined in a clone that has not got the history. */
export function releasedVersions(directory = root) {
  const tags = git(directory, 'tag', '--merged', 'HEAD', '--list', 'v*')
  if (tags === undefined) return undefined
  const versions = tags
    .split('\n')
    .map((tag) => tag.slice(1))
    .filter(isVersion)
  if (versions.length === 0 && git(directory, 'rev-parse', '--is-shallow-repository')?.trim() !== 'false') {
    return undefined
  }
  return versions.sort((a, b) => compareVersions(b, a))
}

/** What changed in the committed reports since a version: the worst of their levels, and the lines of all. */
export function changesSince(version, read, directory = root) {
  const order = ['none', 'addition', 'breaking']
  const all = { level: 'none', removed: [], added: [] }
  for (const { file } of reports) {
    const before = git(directory, 'show', `v${version}:${file}`)
    // The report is younger than that release: there is nothing it could be compared with.
    if (before === undefined) continue
    const { level, removed, added } = compareReports(before, read(file))
    if (order.indexOf(level) > order.indexOf(all.level)) all.level = level
    all.removed.push(...removed)
    all.added.push(...added)
  }
  return all
}

function git(directory, ...args) {
  const { status, stdout } = spawnSync('git', args, { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 26 })
  return status === 0 ? stdout : undefined
}
