// What was measured as Markdown: the targets first, then a table for each scenario.

import { showEnvironment } from './environment.mjs'
import { showRatio, showSpread, titleOf } from './figures.mjs'
import { peers } from './peers.mjs'
import { scenarios } from './scenarios.mjs'
import { judge, subject } from './targets.mjs'

export function reportMarkdown(measured, { chart } = {}) {
  const parts = ['# Measured', ...environments(measured)]
  if (chart) parts.push(`![Throughput and CPU time of each peer](${chart})`)
  const judged = judge(measured)
  if (judged.length > 0) parts.push('## Targets', targetTable(judged))
  for (const one of measured) parts.push(`## ${one.title}`, scenarioTable(one), ...remarks(one))
  return `${parts.join('\n\n')}\n`
}

export function targetTable(judged) {
  return table(
    ['scenario', 'figure', 'target', 'reached', ''],
    judged.map(({ scenario, figure, atMost, atLeast, of, to, reached, met }) => {
      const title = `${of === undefined ? '' : `${of}: `}${titleOf(figure, scenarios[scenario].unit)}`
      return [
        scenario,
        to === undefined ? title : `${title}, ratio to ${to}`,
        atMost === undefined ? `≥ ${atLeast.toFixed(2)}` : `≤ ${atMost.toFixed(2)}`,
        reached.toFixed(2),
        met ? 'PASS' : 'FAIL',
      ]
    }),
  )
}

/** A row for each peer: its figures with least and greatest, then what the subject is to it, figure by figure. */
export function scenarioTable({ scenario, results, bytesPerRequest }) {
  const present = columnsOf(scenario).filter((figure) => Object.values(results).some((result) => result[figure]))
  const compared = ['rate', 'cpu', 'javascript', 'p50', 'memory'].filter((figure) =>
    Object.values(results).some((result) => result.subjectRatio?.[figure]),
  )
  const { unit } = scenarios[scenario]
  const head = ['server', ...present.map((figure) => titleOf(figure, unit))]
  if (bytesPerRequest) head.push('MiB/s')
  head.push(...compared.map((figure) => `${subject} ÷ it: ${titleOf(figure, unit, 'short')}`))
  const rows = Object.entries(results).map(([name, result]) => {
    const row = [name, ...present.map((figure) => showSpread(figure, result[figure]))]
    if (bytesPerRequest) row.push(Math.round((result.rate.median * bytesPerRequest) / 2 ** 20).toLocaleString('en-US'))
    for (const figure of compared) row.push(name === subject ? '' : showRatio(result.subjectRatio?.[figure]))
    return row
  })
  return table(head, rows)
}

function columnsOf(scenario) {
  if (scenarios[scenario].idleConnections) return ['memory', 'resident']
  return ['rate', 'cpu', 'javascript', 'p50', 'p99', 'wire', 'growth', 'resident']
}

function environments(measured) {
  const lines = new Map()
  for (const { environment, settings, date, scenario } of measured) {
    const line = `${date.slice(0, 10)}, ${showEnvironment(environment)}. Medians of ${settings.rounds} runs of ${settings.duration} s each, in brackets the least and the greatest.`
    lines.set(line, [...(lines.get(line) ?? []), scenario])
  }
  // One line when everything was measured together; else each says what it stands for.
  if (lines.size === 1) return [...lines.keys()]
  return [...lines].map(([line, names]) => `${names.join(', ')}: ${line}`)
}

function remarks({ results, handler }) {
  const remarks = []
  for (const [name, { rounds }] of Object.entries(results)) {
    const disturbed = rounds.filter((run) => run?.foreign > disturbance).length
    if (disturbed > 0)
      remarks.push(`${name}: other processes took more than 10 % of a core during ${disturbed} of its runs.`)
    if (peers[name]?.chunked?.includes(handler))
      remarks.push(`${name} sends this body in chunks, the others with a length.`)
  }
  return remarks
}

/** Of one core; a run above it is made again, and remarked upon when that does not help. */
export const disturbance = 0.1

/** As prettier writes it: the first column to the left, the others, which have figures, to the right. */
export function table(head, rows, others = 'right') {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column].length)))
  const isLeft = (at) => at === 0 || others === 'left'
  const line = (row) =>
    `| ${row.map((cell, at) => (isLeft(at) ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join(' | ')} |`
  const rule = `| ${widths.map((width, at) => (isLeft(at) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
