// The benchmark's command: `npm run bench -- [options]` at the repository root, or `node bench/run.mjs [options]`.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { checkScenario, measureScenario } from './lib/campaign.mjs'
import { describeEnvironment, showEnvironment } from './lib/environment.mjs'
import { UsageError, readOptions, usage } from './lib/options.mjs'
import { benchRoot, peers } from './lib/peers.mjs'
import { PreparationError, prepare } from './lib/prepare.mjs'
import { reportMarkdown, scenarioTable, targetTable } from './lib/report.mjs'
import { scenarios } from './lib/scenarios.mjs'
import { chartSvg } from './lib/svg.mjs'
import { judge } from './lib/targets.mjs'

try {
  await main(readOptions(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof UsageError || error instanceof PreparationError)) throw error
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error.message)
  process.exitCode = 2
}

async function main(options) {
  if (options.help) return console.log(usage)
  if (options.list) return console.log(listing())

  const names = prepare(options.peers, options)
  if (options.verify) return verifyAll(names, options)
  const environment = describeEnvironment(names, options)
  console.log(`${showEnvironment(environment)}\n`)

  const measured = []
  for (const name of options.scenarios) {
    const scenario = scenarios[name]
    const { results } = await measureScenario(name, scenario, names, options, { progress, warn })
    progress('')
    const { title, handler, bytesPerRequest } = scenario
    const { rounds, duration, warmup } = options
    const date = new Date().toISOString()
    const one = {
      scenario: name,
      title,
      handler,
      bytesPerRequest,
      date,
      settings: { rounds, duration, warmup },
      environment,
      results,
    }
    if (Object.keys(results).length === 0) continue
    measured.push(one)
    console.log(`${title}\n\n${scenarioTable(one)}\n`)
    // After every scenario, so that a run cut short keeps what it has.
    write(measured, options)
  }

  const judged = judge(measured)
  if (judged.length > 0) console.log(`Targets\n\n${targetTable(judged)}`)
}

async function verifyAll(names, options) {
  for (const name of options.scenarios) {
    const right = await checkScenario(name, scenarios[name], names, options, { progress, warn })
    progress('')
    console.log(`${name}: ${right.join(', ') || 'nobody'}`)
  }
}

function warn(message) {
  process.exitCode = 1
  progress('')
  console.error(message)
}

function write(measured, { json, save }) {
  if (json) writeFileSync(json, asJson(measured))
  if (!save) return
  const folder = join(benchRoot, 'results')
  mkdirSync(folder, { recursive: true })
  const path = (extension) => join(folder, `${save}.${extension}`)
  const all = merge(earlier(path('json')), measured)
  writeFileSync(path('json'), asJson(all))
  writeFileSync(path('svg'), chartSvg(all))
  writeFileSync(path('md'), reportMarkdown(all, { chart: `${save}.svg` }))
}

function earlier(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).measured
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

/** What was measured now takes the place of what was measured before; the order is that of the scenarios. */
function merge(before, now) {
  const byName = new Map([...before, ...now].map((one) => [one.scenario, one]))
  return Object.keys(scenarios).flatMap((name) => byName.get(name) ?? [])
}

function asJson(measured) {
  return `${JSON.stringify({ measured, targets: judge(measured) }, null, 1)}\n`
}

function listing() {
  const lines = ['Scenarios', ...Object.values(scenarios).map(({ title }) => `  ${title}`), '', 'Peers']
  for (const [name, { about }] of Object.entries(peers)) lines.push(`  ${name}: ${about}`)
  return lines.join('\n')
}

/** One line that says what is going on, on a terminal only. */
function progress(message) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${message}`)
}
