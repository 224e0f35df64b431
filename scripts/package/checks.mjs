// What an addon must be before it is published. Each check gives sentences; an empty list means all is well.

import { readFileSync } from 'node:fs'
import { readAddon } from './addon.mjs'
import { addonName, glibcFloor } from './platforms.mjs'

/** What Node.js calls in an addon; an addon that exports more could take the place of another's function. */
const entryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']

/** The most that an addon may weigh, in bytes, by platform; with the reason for the figures. */
export const { bytes: budgets } = JSON.parse(readFileSync(new URL('budgets.json', import.meta.url), 'utf8'))

/** What is wrong with these bytes as the addon of a platform. */
export function problemsOfAddon(bytes, platform) {
  const name = addonName(platform)
  const problems = []
  const expect = (holds, sentence) => holds || problems.push(`${name} ${sentence}`)

  const addon = readAddon(bytes)
  expect(addon.format === platform.format, `is of the format ${addon.format}, and must be ${platform.format}`)
  expect(addon.machine === platform.machine, `is for ${addon.machine}, and must be for ${platform.machine}`)
  const budget = budgets[platform.name]
  expect(
    bytes.length <= budget,
    `has ${bytes.length} bytes, and its budget is ${budget}: find out what has grown, or give a reason to raise it`,
  )
  if (addon.exports) problems.push(...problemsOfExports(addon.exports).map((sentence) => `${name} ${sentence}`))
  if (addon.format === 'elf') problems.push(...problemsOfElf(addon, platform).map((sentence) => `${name} ${sentence}`))
  if (addon.format === 'mach-o') {
    const { minimumOs } = platform
    expect(
      addon.minimumOs && isWithinFloor(addon.minimumOs, minimumOs),
      `asks for macOS ${addon.minimumOs}, and must load with ${minimumOs}`,
    )
  }
  return problems
}

/** What is wrong with the names an addon exports. */
export function problemsOfExports(names) {
  const problems = names.filter((name) => !entryPoints.includes(name)).map((name) => `exports ${name}`)
  if (!names.includes(entryPoints[0])) problems.push(`does not export ${entryPoints[0]}`)
  return problems
}

/** Whether this version, `2.14`, is not newer than the floor; `2.9` is older than `2.17`. */
export function isWithinFloor(version, floor = glibcFloor) {
  const [one, other] = [version, floor].map((text) => text.split('.').map(Number))
  const at = other.findIndex((part, index) => part !== (one[index] ?? 0))
  return at < 0 ? one.length <= other.length : (one[at] ?? 0) < other[at]
}

function problemsOfElf(addon, platform) {
  const problems = []
  for (const library of addon.needed) {
    if (!platform.needs.includes(library)) problems.push(`needs ${library}, which not every system has`)
  }
  for (const { library, version } of addon.versions) {
    if (platform.libc === 'musl') {
      problems.push(`needs ${version} of ${library}, and musl knows no versions`)
    } else if (!version.startsWith('GLIBC_')) {
      problems.push(`needs ${version} of ${library}, which is not of glibc`)
    } else if (!isWithinFloor(version.slice('GLIBC_'.length))) {
      problems.push(`needs ${version} of ${library}, and must load with glibc ${glibcFloor}`)
    }
  }
  if (addon.hasPackedRelocations)
    problems.push('has packed relocations, which glibc 2.36 and musl 1.2.4 were the first to know')
  if (!addon.stripped) problems.push('is not stripped')
  if (!addon.buildId) problems.push('has no build id, so that nobody could tell which symbols are its own')
  if (!addon.debugLink) problems.push('does not name the file of its debug information')
  return problems
}
