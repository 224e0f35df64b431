// `npm test [-- --rust | --js [specs…]]`: builds what is stale, runs every test, counts them.
// What failed is told once more before the counts, which are the last line.
// `npm test -- --js build/test/request.spec.js` runs one spec, and build/test/over-tls/http1/refused.spec.js one over TLS.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { failuresOfAva, failuresOfCargo, lastWords, summary } from './_failures.mjs'
import { copyOverTls, loopbackOverTls } from './_over-tls.mjs'
import { fail, locked, root, step, stepWithOutput, tool } from './_shared.mjs'

const args = process.argv.slice(2)
const specs = args.filter((argument) => !argument.startsWith('--'))
const suites = [
  ...(args.includes('--js') ? [] : [cargoTest, loopbackTest]),
  ...(args.includes('--rust') ? [] : [avaTest]),
]

const total = { passed: 0, failed: 0, skipped: 0 }
const failures = []
if (suites.includes(cargoTest) && suites.includes(avaTest)) await buildAtOnce()
for (const suite of suites) {
  const counts = await suite()
  for (const key of Object.keys(total)) total[key] += counts[key]
}
if (total.passed === 0 && total.failed === 0) {
  console.error('no test ran')
  total.failed = 1
}
if (failures.length > 0) console.log(`\n${summary(failures)}`)
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`)
process.exitCode = total.failed === 0 ? 0 : 1

// The addon's last step has one thread, that of the tests has many: both at once take little longer than one. Each step
// below does again what failed here, and tells of it.
async function buildAtOnce() {
  await Promise.all([
    stepWithOutput('cargo', ['test', '--workspace', '--no-run', ...locked]),
    stepWithOutput(process.execPath, [join('scripts', 'ensure-built.mjs')]),
  ])
}

async function cargoTest() {
  return cargo(['test', '--workspace', '--no-fail-fast', ...locked])
}

async function loopbackTest() {
  const [command, ...rest] = loopbackOverTls.args
  return cargo([command, ...locked, ...rest], { ...process.env, ...loopbackOverTls.env })
}

async function cargo(args, env = process.env) {
  const { ok, output, errors } = await stepWithOutput('cargo', args, { env })
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const line of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    counts.passed += +line[1]
    counts.failed += +line[2]
    counts.skipped += +line[3]
  }
  if (counts.failed > 0) failures.push(failuresOfCargo(output))
  return failedAnyhow(ok, counts, () => lastWords('cargo test', output, errors))
}

async function avaTest() {
  if (!step(process.execPath, [join('scripts', 'ensure-built.mjs')])) fail('nothing to test: the build failed.')

  // From scratch, so that a spec that was deleted or renamed does not go on running. Types are for `npm run check`.
  rmSync(join(root, 'build', 'test'), { recursive: true, force: true })
  if (!step(tool('tsc'), ['-p', '__test__/tsconfig.json', '--noCheck'])) return { passed: 0, failed: 1, skipped: 0 }

  const { ok, output, errors } = await stepWithOutput(tool('ava'), specs, {
    env: { ...process.env, ...copyOverTls(), FORCE_COLOR: '0' },
  })
  // ava's closing lines leave out what passed when something failed, so passed tests are counted one by one.
  const sum = (pattern) => [...output.matchAll(pattern)].reduce((all, match) => all + +match[1], 0)
  const counts = {
    passed: [...output.matchAll(/^ {2}[✔√] /gm)].length,
    failed: sum(/^ {2}(\d+) (?:tests? failed|uncaught exceptions?|unhandled rejections?)$/gm),
    skipped: sum(/^ {2}(\d+) tests? (?:skipped|todo)$/gm),
  }
  if (counts.failed > 0) failures.push(failuresOfAva(output))
  return failedAnyhow(ok, counts, () => lastWords('ava', output, errors))
}

// A runner that failed without a failed test (it did not compile, timed out, crashed) counts as one failure.
function failedAnyhow(ok, counts, told) {
  if (ok || counts.failed > 0) return counts
  failures.push(told())
  return { ...counts, failed: 1 }
}
