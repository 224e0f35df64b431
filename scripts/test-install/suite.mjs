// Named cases, their outcome in a line each, and the count.

import { AsyncLocalStorage } from 'node:async_hooks'

/** Thrown by a case that cannot be tried here. */
export class Skipped extends Error {}

const outcomes = { passed: 0, failed: 0, skipped: 0 }
const failures = []
const reasons = []

const group = new AsyncLocalStorage()

/** Runs cases under a name that stands before each of theirs. */
export function inGroup(name, run) {
  return group.run(name, run)
}

/** Runs tasks two at a time: most of them wait for one process each. */
export async function inLanes(tasks) {
  const queue = [...tasks]
  const work = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task()
  }
  await Promise.all([work(), work()])
}

/** Runs a case and prints its outcome; what it returns is printed behind its name. */
export async function check(title, run) {
  const name = `${group.getStore()} › ${title}`
  const began = performance.now()
  const line = (mark, note = '') => console.log(`  ${mark} ${name}${note} (${seconds(performance.now() - began)})`)
  try {
    const note = await run()
    outcomes.passed++
    line('✔', note === undefined ? '' : `: ${note}`)
  } catch (error) {
    if (error instanceof Skipped) return skip(name, error.message)
    outcomes.failed++
    failures.push({ name, error })
    line('✘')
    console.log(indented(error.message))
  }
}

function skip(name, reason) {
  outcomes.skipped++
  reasons.push(`${name}: ${reason}`)
  console.log(`  - ${name}: skipped, ${reason}`)
}

/** All outcomes at the end, failures once more; true when all is well. */
export function summary() {
  if (reasons.length > 0) console.log(`\nskipped:\n${reasons.map((reason) => `  ${reason}`).join('\n')}`)
  if (failures.length > 0) console.log('\nfailed:')
  for (const { name, error } of failures) console.log(`  ${name}\n${indented(error.message)}`)
  console.log(`\n${outcomes.passed} passed, ${outcomes.failed} failed, ${outcomes.skipped} skipped`)
  return outcomes.failed === 0
}

/** Fails a case with what was seen, unless it holds. */
export function expect(holds, seen) {
  if (!holds) throw new Error(typeof seen === 'string' ? seen : JSON.stringify(seen, null, 2))
}

export function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

function indented(text) {
  return text.replace(/^/gm, '      ')
}
