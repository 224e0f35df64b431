import assert from 'node:assert/strict'
import { test } from 'node:test'

import { rowsOf, summarize } from '../lib/campaign.mjs'
import { figures, median, ratio, showSpread, spread } from '../lib/figures.mjs'
import { peers } from '../lib/peers.mjs'
import { reportMarkdown } from '../lib/report.mjs'
import { scenarios } from '../lib/scenarios.mjs'
import { chartSvg } from '../lib/svg.mjs'
import { judge, subject, targets } from '../lib/targets.mjs'

const environment = { cpu: 'A', cores: 2, memoryGiB: 4, kernel: '6.1', node: '20.0.0', wrk: '4.1.0', versions: {} }

test('the median of an even number of rounds lies between the middle two', () => {
  assert.equal(median([4, 1, 3]), 3)
  assert.equal(median([4, 1, 3, 2]), 2.5)
})

test('a figure a peer does not have is left out, not taken for nothing', () => {
  assert.equal(spread([undefined, undefined]), undefined)
  assert.equal(showSpread('rate', undefined), '–')
})

test('a ratio is formed round by round, so that a slow round of both sides does not show', () => {
  const own = [{ rate: 200 }, { rate: 20 }, { rate: 210 }]
  const other = [{ rate: 100 }, { rate: 10 }, { rate: 100 }]
  assert.deepEqual(ratio(own, other, 'rate'), { median: 2, least: 2, greatest: 2.1 })
})

test('a target is met at its limit and missed beyond it', () => {
  const at = (rate, cpu) => [measured('hello', { rate, cpu, javascript: 1 }, { rate: 100, cpu: 10, javascript: 10 })]
  const verdicts = (list) => Object.fromEntries(judge(list).map(({ figure, met }) => [figure, met]))
  assert.deepEqual(verdicts(at(105, 10)), { javascript: true, cpu: true, rate: true })
  assert.deepEqual(verdicts(at(104, 10.1)), { javascript: true, cpu: false, rate: false })
})

test('a target without both sides is not judged, and memory needs only one', () => {
  const alone = { scenario: 'hello', results: summarize({ millrace: [{ rate: 1 }] }) }
  assert.deepEqual(judge([alone]), [])
  const [memory] = judge([{ scenario: 'idle', results: summarize({ millrace: [{ memory: 1.2 }] }) }])
  assert.equal(memory.met, true)
})

test('each target has a reference of its own', () => {
  const results = summarize({ millrace: [{ rate: 90 }], fastify: [{ rate: 10 }], nginx: [{ rate: 120 }] })
  const judged = judge([{ scenario: 'file-10k', results }])
  assert.deepEqual(
    judged.map(({ to, reached, met }) => [to, reached, met]),
    [
      ['fastify', 9, true],
      ['nginx', 0.75, false],
    ],
  )
})

test('a scenario of the same server is a reference too, in a row of its own', () => {
  const results = summarize({ millrace: [{ javascript: 1.2 }], 'millrace hello': [{ javascript: 1 }] })
  const [{ to, reached, met }] = judge([{ scenario: 'routed', results }])
  assert.deepEqual({ to, reached, met }, { to: 'millrace hello', reached: 1.2, met: true })
})

test('a target may be of this server in another runtime', () => {
  const results = summarize({ 'millrace-bun': [{ rate: 90 }], bun: [{ rate: 20 }], millrace: [{ rate: 10 }] })
  const judged = judge([{ scenario: 'pipelined', results }])
  assert.deepEqual(
    judged.map(({ of, to, reached, met }) => [of, to, reached, met]),
    [['millrace-bun', 'bun', 4.5, true]],
  )
})

test('every target names a scenario, a figure and a row that exist', () => {
  for (const { scenario, figure, of = subject, to, atLeast, atMost } of targets) {
    assert.ok(Object.hasOwn(scenarios, scenario), scenario)
    assert.ok(Object.hasOwn(figures, figure), figure)
    assert.equal([atLeast, atMost].filter(Number.isFinite).length, 1)
    const rows = rowsOf(scenarios[scenario], Object.keys(peers)).map(({ row }) => row)
    assert.ok(rows.includes(of), scenario)
    if (to !== undefined) assert.ok(rows.includes(to), `${to} in ${scenario}`)
  }
})

test('a round measures the scenario and the one beside it right behind each other', () => {
  const rows = rowsOf(scenarios.routed, ['millrace', 'uwebsockets', 'nginx'])
  assert.deepEqual(
    rows.map(({ row, peer, played }) => [row, peer, played.handler]),
    [
      ['millrace', 'millrace', 'routed'],
      ['millrace hello', 'millrace', 'hello'],
      ['uwebsockets', 'uwebsockets', 'routed'],
    ],
  )
})

test('the report has a row for each peer and names what was missed', () => {
  const report = reportMarkdown([measured('hello', { rate: 50, cpu: 1 }, { rate: 100, cpu: 1 })])
  assert.match(report, /\| hello\s+\|\s+req\/s, ratio to uwebsockets\s*\|\s+≥ 1\.05 \|\s+0\.50 \| FAIL \|/)
  assert.match(report, /\| millrace\s+\|\s+50 \|/)
  assert.match(report, /\| uwebsockets\s+\|\s+100 \|/)
})

test('where messages are counted the report says so, and what is tiny keeps its digits', () => {
  const report = reportMarkdown([
    measured('ws-publish', { rate: 50, javascript: 0.0012 }, { rate: 100, javascript: 1 }),
  ])
  assert.match(report, /\| ws-publish \|\s+msg\/s, ratio to uwebsockets\s*\|\s+≥ 1\.20 \|\s+0\.50 \| FAIL \|/)
  assert.match(report, /JS thread µs\/msg/)
  assert.match(report, /\| millrace\s+\|\s+50 \|\s+0\.0012 \|/)
  assert.doesNotMatch(report, /\/req/)
})

test('the chart draws a bar for each peer that has the figure', () => {
  const chart = chartSvg([measured('hello', { rate: 50, cpu: 1, javascript: 0.5 }, { rate: 100, cpu: 1 })])
  assert.equal(chart.match(/<rect class="(own|other)/g).length, 5)
  assert.doesNotMatch(chart, /NaN|undefined/)
})

function measured(scenario, own, other) {
  const results = summarize({ millrace: [own], uwebsockets: [other] })
  const settings = { rounds: 1, duration: 1 }
  return { scenario, title: scenario, handler: 'hello', date: '2025-01-01T00:00:00Z', settings, environment, results }
}
