// `npm run autobahn [-- options]`: the Autobahn test suite's fuzzingclient against an echo with the default limits,
// compared with the result that is pinned in __test__/autobahn/result.json.
//
//   --fast             groups 1 to 7 and 10: seconds instead of minutes
//   --cases 9.*,12.1.1 these cases
//   --update           pins what came out, unless a case failed
//   --url ws://…       against a server that runs already; nothing is built
//   --jobs 2           so many fuzzingclients side by side
//
// Exits with 1 when a case is missing, failed or not what is pinned; with 2 when the suite cannot be run here.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { byNumbers, differences, isAcceptable, judgement, readPinned, writePinned } from './autobahn/result.mjs'
import { MissingSuite, caseCount, findSuite, reports, runCases, suite } from './autobahn/suite.mjs'
import { fail, root } from './_shared.mjs'

/** What one fuzzingclient is given at a time. Group 6 waits eight seconds by itself; a subgroup of 12 or 13 computes. */
const quick = [['6.*'], ['1.*', '2.*', '3.*', '4.*', '5.*', '7.*', '10.*']]
const long = [...subgroups(13, 7), ...subgroups(12, 5), ['9.*']]

const options = readOptions()
// The clients end with this process only when it ends by itself.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const found = findSuiteOrLeave()
const server = options.url ? { url: options.url } : await startServer()
const began = Date.now()
const results = await runAll(server.url)
server.child?.kill()

report(results)
const judged = new Map([...results].map(([id, result]) => [id, judgement(result)]))
if (options.update) update(judged)
else compare(judged)

function readOptions() {
  const string = { type: 'string' }
  const flag = { type: 'boolean' }
  try {
    const { values } = parseArgs({ options: { fast: flag, cases: string, update: flag, url: string, jobs: string } })
    const patterns = values.cases?.split(',') ?? (values.fast ? quick.flat() : ['*'])
    return { ...values, patterns, jobs: +(values.jobs ?? Math.min(2, availableParallelism())) }
  } catch (error) {
    return fail(error.message)
  }
}

function findSuiteOrLeave() {
  try {
    return findSuite()
  } catch (error) {
    if (!(error instanceof MissingSuite)) throw error
    console.error(`\nmillrace: ${error.message}\n`)
    return process.exit(2)
  }
}

async function startServer() {
  await import('./ensure-built.mjs')
  const child = fork(join(root, 'scripts', 'autobahn', 'server.mjs'))
  child.once('exit', (code, signal) => {
    if (!child.killed) fail(`the server ended while the suite ran (${signal ?? `code ${code}`}).`)
  })
  const [url] = await once(child, 'message')
  return { child, url }
}

// The cases know nothing of each other, so several clients share a queue, the long batches first.
async function runAll(url) {
  const queue = options.cases
    ? options.patterns.map((pattern) => [pattern])
    : options.fast
      ? [...quick]
      : [...long, ...quick]
  const all = new Map()
  let begun = 0
  const counter = setInterval(() => console.log(`${seconds(Date.now() - began)}: ${begun} cases begun`), 30_000)
  const work = async () => {
    for (let patterns = queue.shift(); patterns; patterns = queue.shift()) {
      const target = options.url ?? new URL(patterns[0].startsWith('13') ? '/dedicated' : '/', url).href
      const some = await runCases(found, target, patterns, () => begun++)
      for (const [id, result] of some) all.set(id, result)
    }
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
  clearInterval(counter)
  return all
}

function report(results) {
  const groups = new Map()
  for (const [id, { behavior, duration }] of [...results].sort(([one], [other]) => byNumbers(one, other))) {
    const name = id.split('.')[0]
    const group = groups.get(name) ?? groups.set(name, { cases: 0, duration: 0, counts: {} }).get(name)
    group.cases++
    group.duration += duration
    group.counts[behavior] = (group.counts[behavior] ?? 0) + 1
  }
  console.log(`\n${suite}: ${results.size} cases in ${seconds(Date.now() - began)}`)
  for (const [name, { cases, duration, counts }] of groups) {
    const words = Object.entries(counts).map(([behavior, count]) => `${count} ${behavior}`)
    const columns = [`group ${name}`.padEnd(10), `${cases}`.padStart(4), seconds(duration).padStart(9), '   ']
    console.log(columns.join('') + words.join(', '))
  }
}

function compare(judged) {
  const found = differences(readPinned(options.patterns), judged)
  for (const { id, what } of found) explain(id, what)
  if (found.length > 0)
    fail(`not as pinned: ${found.length} of ${judged.size} cases. Pages to look at are in ${place(reports)}.`)
  console.log('\nall as pinned')
}

function update(judged) {
  const failed = [...judged].filter(([, is]) => !isAcceptable(is))
  for (const [id, is] of failed) explain(id, `is ${is}`)
  if (failed.length > 0) fail(`nothing was pinned: ${failed.length} of ${judged.size} cases failed.`)
  if (!options.cases && !options.fast && judged.size !== caseCount)
    fail(`nothing was pinned: ${judged.size} of ${caseCount} cases ended.`)
  writePinned(suite, new Map([...readPinned(), ...judged]))
  console.log('\npinned')
}

// The suite's own words, and where it keeps every byte that went either way.
function explain(id, what) {
  console.log(`\n${id} ${what}`)
  const path = results.get(id)?.report
  if (!path) return
  const { description, result, resultClose } = JSON.parse(readFileSync(path, 'utf8'))
  console.log(`  ${plain(description)}\n  ${plain(result)}\n  ${plain(resultClose)}\n  ${place(path)}`)
}

function subgroups(group, count) {
  return Array.from({ length: count }, (_, index) => [`${group}.${index + 1}.*`])
}

function plain(html) {
  return html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')
}

function place(path) {
  return relative(root, path)
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`
}
