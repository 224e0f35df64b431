// What the suite said, against what is pinned in the repository: a map from case to its result, as one word or two.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../_shared.mjs'

const file = join(root, '__test__', 'autobahn', 'result.json')

/** What may be pinned. NON-STRICT: allowed by RFC 6455, but not what the suite asks for; INFORMATIONAL: nothing is asked for. */
const acceptable = ['OK', 'NON-STRICT', 'INFORMATIONAL']

/** How the suite judges a case, `OK`, or `NON-STRICT, closing OK` where it judges the end of the connection otherwise. */
export function judgement({ behavior, behaviorClose }) {
  return behavior === behaviorClose ? behavior : `${behavior}, closing ${behaviorClose}`
}

/** Whether a judgement is one that can be pinned. */
export function isAcceptable(judged) {
  return judged.split(', closing ').every((word) => acceptable.includes(word))
}

/** The pinned judgements of the cases that one of the patterns names: a map from case to judgement. */
export function readPinned(patterns = ['*']) {
  if (!existsSync(file)) return new Map()
  const wanted = patterns.map((pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`))
  const pinned = new Map()
  for (const [group, judgements] of Object.entries(JSON.parse(readFileSync(file, 'utf8')).results)) {
    for (const [judged, numbers] of Object.entries(judgements)) {
      for (const number of numbersOf(numbers)) pinned.set(`${group}.${number}`, judged)
    }
  }
  return new Map([...pinned].filter(([id]) => wanted.some((pattern) => pattern.test(id))))
}

/** What differs, one sentence a case; nothing when all is as pinned. */
export function differences(pinned, judged) {
  const cases = [...new Set([...pinned.keys(), ...judged.keys()])].sort(byNumbers)
  return cases.flatMap((id) => {
    if (!judged.has(id)) return [{ id, what: 'was not run, or did not end' }]
    if (!pinned.has(id)) return [{ id, what: `is ${judged.get(id)}, and nothing is pinned` }]
    const is = judged.get(id)
    return is === pinned.get(id) && isAcceptable(is) ? [] : [{ id, what: `is ${is}, pinned is ${pinned.get(id)}` }]
  })
}

/** Writes the judgements, a line a subgroup: `"6.4": { "NON-STRICT, closing OK": "1-2", "OK": "3-4" }`. */
export function writePinned(suite, judged) {
  const groups = new Map()
  for (const id of [...judged.keys()].sort(byNumbers)) {
    const [, group, number] = /^(.+)\.(\d+)$/.exec(id)
    const judgements = groups.get(group) ?? groups.set(group, new Map()).get(group)
    judgements.set(judged.get(id), [...(judgements.get(judged.get(id)) ?? []), +number])
  }
  const lines = [...groups].map(([group, judgements]) => {
    const ranges = [...judgements].map(([is, numbers]) => `${JSON.stringify(is)}: "${rangesOf(numbers)}"`)
    return `    "${group}": { ${ranges.join(', ')} }`
  })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(
    file,
    `{\n  "suite": "${suite}",\n  "cases": ${judged.size},\n  "results": {\n${lines.join(',\n')}\n  }\n}\n`,
  )
}

/** Cases in the order of their numbers: 2.9 before 2.10 before 10.1.1. */
export function byNumbers(one, other) {
  return one.localeCompare(other, 'en', { numeric: true })
}

// [1, 2, 3, 5] to '1-3,5', and back.
function rangesOf(numbers) {
  const ranges = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last && last[1] === number - 1) last[1] = number
    else ranges.push([number, number])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

function numbersOf(ranges) {
  return ranges.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
