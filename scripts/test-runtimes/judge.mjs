// What a run of ava has found, held against what is expected of its runtime.

import { dirname, relative, sep } from 'node:path'

const SEPARATOR = ' › '

/** Each test of a report in TAP: its title in full, what became of it, and what was said of it. */
export function readTap(output, specs, folder) {
  const before = prefixOf(specs, folder)
  const tests = []
  let last
  for (const line of output.split('\n')) {
    const found = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO)\b.*)?$/.exec(line)
    if (found === null) {
      last?.told.push(line)
      continue
    }
    const outcome = found[3] === undefined ? (found[1] === undefined ? 'passed' : 'failed') : 'skipped'
    tests.push((last = { title: [...before, found[2]].join(SEPARATOR), outcome, told: [] }))
  }
  return tests
}

/**
 * What is not as it should be, a sentence each. A test that fails has to be in the table for the runtime; one that is
 * there has to fail, unless the table says that it depends on time; and what is there has to exist.
 */
export function judge(tests, expected, runtime, specs, folder) {
  const rows = rowsOf(expected, runtime)
  const seen = new Set()
  const wrong = []
  for (const { title, outcome, told } of tests) {
    const row = rows.of(title)
    if (row !== undefined) seen.add(row.test)
    if (outcome === 'failed' && row === undefined) wrong.push([title, ...told].join('\n').trimEnd())
    if (outcome === 'passed' && row !== undefined && !row.sometimes) {
      wrong.push(`${title}\n  passes, but __test__/runtimes/expected.mjs says that it fails in ${runtime}`)
    }
  }
  const ran = specs.map((spec) => prefixOf([spec], folder).join(SEPARATOR))
  for (const title of rows.titles) {
    if (!seen.has(title) && ran.some((prefix) => title.startsWith(prefix + SEPARATOR))) {
      wrong.push(`${title}\n  is in __test__/runtimes/expected.mjs, but did not run`)
    }
  }
  return wrong
}

/** The rows of the table that are for a runtime. A test over TLS has the row of the one without. */
export function rowsOf(expected, runtime) {
  const rows = new Map(expected.filter(({ in: names }) => names.includes(runtime)).map((row) => [row.test, row]))
  return { titles: [...rows.keys()], of: (title) => rows.get(title) ?? rows.get(title.replace(/^over-tls › /, '')) }
}

/** What ava leaves out of the titles, as all its specs have it in common. */
function prefixOf(specs, folder) {
  const inFolder = specs.map((spec) => relative(folder, spec))
  if (inFolder.length === 1) return inFolder[0].replace(/\.spec\.js$/, '').split(sep)
  const [first, ...rest] = inFolder.map((spec) => parts(dirname(spec)))
  let common = 0
  while (common < first.length && rest.every((other) => other[common] === first[common])) common++
  return first.slice(0, common)
}

function parts(directory) {
  return directory === '.' ? [] : directory.split(sep)
}
