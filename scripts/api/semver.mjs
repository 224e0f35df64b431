// Which version the difference between two reports of the public types asks for.

/**
 * What differs between two reports: what is gone or other than it was is `breaking`, what only came is an `addition`.
 * Lines are compared, each with the declaration it is in. So a new case of a union breaks (who lists the cases has to
 * think again), and a new member that an object has to have looks like an addition: that is left to those who review.
 */
export function compareReports(before, after) {
  const was = linesOf(before)
  const is = linesOf(after)
  const removed = [...was].filter((line) => !is.has(line))
  const added = [...is].filter((line) => !was.has(line))
  return { level: removed.length > 0 ? 'breaking' : added.length > 0 ? 'addition' : 'none', removed, added }
}

/** The lowest version after `released` that may bring such a change; before 1.0 the minor number stands for the major. */
export function leastVersion(released, level) {
  const [major, minor, patch] = numbers(released)
  if (level === 'breaking' && major > 0) return `${major + 1}.0.0`
  if ((level === 'breaking' && major === 0) || (level === 'addition' && major > 0)) return `${major}.${minor + 1}.0`
  return `${major}.${minor}.${patch + 1}`
}

/** Negative, zero or positive as `a` comes before `b`, is it, or comes after; a prerelease comes before its release. */
export function compareVersions(a, b) {
  const [left, right] = [numbers(a), numbers(b)]
  const at = left.findIndex((number, index) => number !== right[index])
  if (at >= 0) return left[at] - right[at]
  return comparePrereleases(prerelease(a), prerelease(b))
}

/** True for what npm takes as a version, without the `v` of a tag. */
export function isVersion(text) {
  return /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?$/.test(text)
}

/** True when `version` is enough for a change that asks for `least`; 1.0.0-rc.1 is for what 1.0.0 is enough for. */
export function isEnough(version, least) {
  return compareVersions(version.split('-')[0], least) >= 0
}

// A line of code with the headers of what it is in, so that `close(): void;` of one class is not that of another.
function linesOf(report) {
  const lines = new Set()
  const within = []
  for (const line of codeOf(report)) {
    const depth = (line.length - line.trimStart().length) / 4
    const text = line.trim()
    if (text === '' || text.startsWith('//') || text.startsWith('import ') || /^[})\];,]+$/.test(text)) continue
    within.length = Math.min(within.length, Math.floor(depth))
    lines.add([...within, text].join(' '))
    within.push(text)
  }
  return lines
}

function codeOf(report) {
  const code = /```ts\n(?<code>[\s\S]*?)```/.exec(report)?.groups.code
  if (code === undefined) throw new Error('This is not a report of API Extractor.')
  return code.split('\n')
}

function numbers(version) {
  return version.split('-')[0].split('.').map(Number)
}

function prerelease(version) {
  const at = version.indexOf('-')
  return at < 0 ? [] : version.slice(at + 1).split('.')
}

// Semantic Versioning 2.0.0, section 11: numbers by their value and before words, the shorter first.
function comparePrereleases(a, b) {
  if (a.length === 0 || b.length === 0) return b.length - a.length
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [left, right] = [a[index], b[index]]
    if (left === right) continue
    if (left === undefined) return -1
    if (right === undefined) return 1
    const [leftIsNumber, rightIsNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)]
    if (leftIsNumber && rightIsNumber) return Number(left) - Number(right)
    if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1
    return left < right ? -1 : 1
  }
  return 0
}
