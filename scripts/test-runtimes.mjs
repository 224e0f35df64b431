// `npm run test:runtimes [-- options] [-- specs…]`: the specs in other runtimes, and other versions of Node.js, with the
// same addon. ava itself runs in them, and so do the clients of the specs.
//
//   --runtime <names>   of bun, deno, node22, node24, newest; all of them without it
//   --quick             the suites over sockets only, in Bun and Deno: a minute
//
// Specs are named as they are compiled: build/test/http1/refused.spec.js. What does not pass in a runtime is in
// __test__/runtimes/expected.mjs with the reason; anything else that fails, and anything there that passes, fails the
// run. Exits with 2 when the runtimes cannot be installed here.

import { rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { expected, left, leftIn } from '../__test__/runtimes/expected.mjs'
import { copyOverTls } from './_over-tls.mjs'
import { fail, filesBelow, root, step, stepWithOutput, tool } from './_shared.mjs'
import { judge, readTap, rowsOf } from './test-runtimes/judge.mjs'
import { names, provide } from './test-runtimes/runtimes.mjs'

const folder = join(root, 'build', 'test')
const quickly = ['http1', 'answers', 'parity', 'websockets', 'ws']

const { wanted, quick, given } = readOptions()
const runtimes = provide(wanted)
if (runtimes === null) {
  console.error('\nmillrace: the runtimes in __test__/runtimes cannot be installed here.\n')
  process.exit(2)
}
const env = { ...process.env, ...compile(), FORCE_COLOR: '0' }

const told = []
const failures = []
for (const runtime of runtimes) {
  const specs = chosen(runtime.name)
  if (specs.length === 0) fail('there is no such spec.')
  const tests = await run(runtime, specs)
  const wrong = judge(tests.list, expected, runtime.name, specs, folder)
  if (!tests.complete) wrong.push(`ava ended before its end:\n${tests.errors}`)
  failures.push(...wrong.map((text) => `${runtime.name}: ${text}`))
  told.push({ runtime, counts: countsOf(tests.list, runtime.name), wrong })
}
if (failures.length > 0) console.log(`\nfailed:\n${failures.join('\n')}`)
console.log()
for (const { runtime, counts, wrong } of told) {
  const { passed, expectedly, skipped } = counts
  const others = `${expectedly} fail as expected, ${skipped} skipped, ${wrong.length} wrong`
  console.log(`${runtime.name.padEnd(8)}${runtime.version.padEnd(10)}${passed} passed, ${others}`)
}
process.exitCode = failures.length === 0 ? 0 : 1

async function run({ program, args, name, version }, specs) {
  console.log(`\n${name} ${version}`)
  const script = join('scripts', 'test-runtimes', 'ava.mjs')
  const files = specs.map((spec) => relative(root, spec))
  const { output, errors } = await stepWithOutput(program, [...args, script, '--tap', ...files], {
    // A runtime that takes certificates from a file has a name of its own for it.
    env: { ...env, DENO_CERT: env.NODE_EXTRA_CA_CERTS },
  })
  // The plan comes last, and says how many there were.
  const plan = /^1\.\.(\d+)$/m.exec(output)
  const list = readTap(output, specs, folder)
  return { list, complete: plan !== null && Number(plan[1]) === list.length && list.length > 0, errors }
}

function countsOf(tests, name) {
  const rows = rowsOf(expected, name)
  return {
    passed: tests.filter(({ outcome }) => outcome === 'passed').length,
    expectedly: tests.filter(({ title, outcome }) => outcome === 'failed' && rows.of(title)).length,
    skipped: tests.filter(({ outcome }) => outcome === 'skipped').length,
  }
}

function compile() {
  if (!step(process.execPath, [join('scripts', 'ensure-built.mjs')])) fail('nothing to test: the build failed.')
  rmSync(folder, { recursive: true, force: true })
  if (!step(tool('tsc'), ['-p', '__test__/tsconfig.json', '--noCheck'])) fail('the specs do not compile.')
  return copyOverTls()
}

function chosen(runtime) {
  const without = Object.keys({ ...left, ...leftIn[runtime] })
  if (given.length > 0) return given.map((spec) => resolve(root, spec))
  const all = filesBelow(join('build', 'test'), (name) => name.endsWith('.spec.js'))
  return all.filter((spec) => {
    const place = relative(folder, spec)
    if (without.some((prefix) => place.startsWith(prefix))) return false
    return !quick || quickly.some((suite) => place.startsWith(`${suite}/`))
  })
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runtime: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } },
  })
  const chosen = values.runtime?.flatMap((list) => list.split(',')) ?? (values.quick ? ['bun', 'deno'] : names)
  for (const name of chosen) {
    if (!names.includes(name)) fail(`there is no runtime ${name}; there are ${names.join(', ')}.`)
  }
  return { wanted: chosen, quick: values.quick, given: positionals }
}
