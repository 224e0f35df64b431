// What of the results is shown in the documentation: small charts, and the tables between the marks of a page.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { showEnvironment } from './environment.mjs'
import { figures, showSpread, titleOf } from './figures.mjs'
import { altText, panelsSvg } from './panels.mjs'
import { projectRoot } from './peers.mjs'
import { table } from './report.mjs'
import { scenarios } from './scenarios.mjs'
import { subject } from './targets.mjs'

const results = join(projectRoot, 'bench', 'results', 'linux-x64-node20.json')
const pages = ['docs/benchmarks.md', 'docs/guides/performance.md'].map((name) => join(projectRoot, name))
const folder = join(projectRoot, 'docs', 'charts')

/** Each chart with its panels, from top to bottom. */
export const charts = {
  'at-a-glance': {
    title: 'JSON, from a path and two headers',
    panels: [
      { scenario: 'json', figure: 'rate', title: 'Requests a second on one core: more is better' },
      { scenario: 'json', figure: 'javascript', title: 'µs of the JavaScript thread for each: less is better' },
    ],
  },
  hello: {
    title: 'Hello, World! to 64 connections',
    note: 'Requests a second: more is better.',
    panels: [
      { scenario: 'hello', figure: 'rate', title: 'one after the other on each connection' },
      { scenario: 'pipelined', figure: 'rate', title: '16 requests a write (pipelined)' },
    ],
  },
  json: {
    title: 'JSON',
    note: 'Requests a second: more is better.',
    panels: [
      { scenario: 'json', figure: 'rate', title: 'answered, from a path and two headers' },
      { scenario: 'post', figure: 'rate', title: '1 KiB parsed and answered' },
    ],
  },
  cpu: {
    title: 'Processor time for a request',
    note: 'In µs: less is better.',
    panels: [
      { scenario: 'pipelined', figure: 'cpu', title: 'Hello, World!, pipelined' },
      { scenario: 'json', figure: 'cpu', title: 'JSON, answered' },
      { scenario: 'post', figure: 'cpu', title: 'JSON, parsed and answered' },
    ],
  },
  busy: {
    title: 'Handlers with 20 µs of work of their own',
    note: 'Requests a second: more is better.',
    panels: [
      { scenario: 'busy-unpinned', figure: 'rate', title: 'on two cores, which the load shares' },
      { scenario: 'busy', figure: 'rate', title: 'on one core' },
    ],
  },
  files: {
    title: 'Files out of a directory',
    note: 'Files a second: more is better.',
    panels: [
      { scenario: 'file-10k', figure: 'rate', title: '10 KiB' },
      { scenario: 'file-10m', figure: 'rate', title: '10 MiB' },
    ],
  },
  bodies: {
    title: 'Larger bodies',
    note: 'Bodies a second: more is better.',
    panels: [
      { scenario: 'upload', figure: 'rate', title: '1 MiB received in pieces' },
      { scenario: 'download', figure: 'rate', title: '1 MiB sent in pieces' },
      { scenario: 'stream-100m', figure: 'rate', title: '100 MiB from an async generator' },
      { scenario: 'gzip', figure: 'rate', title: '20 KiB of JSON, made and compressed' },
    ],
  },
  websockets: {
    title: 'WebSockets',
    note: 'Messages a second: more is better.',
    panels: [
      { scenario: 'ws-echo', figure: 'rate', title: '64 bytes sent back' },
      { scenario: 'ws-echo-16', figure: 'rate', title: '64 bytes sent back, 16 in flight' },
      { scenario: 'ws-echo-16k', figure: 'rate', title: '16 KiB sent back' },
      { scenario: 'ws-publish', figure: 'rate', title: '64 bytes published to 1,000 sockets' },
      { scenario: 'ws-deflate', figure: 'rate', title: '1 KiB sent back, compressed both ways' },
    ],
  },
  tls: {
    title: 'TLS 1.3',
    note: 'More is better.',
    panels: [
      { scenario: 'tls-hello', figure: 'rate', title: 'Hello, World!: requests a second' },
      { scenario: 'tls-handshakes', figure: 'rate', title: 'full handshakes a second' },
      { scenario: 'tls-file', figure: 'rate', title: 'files of 10 MiB a second' },
    ],
  },
  idle: {
    title: 'Memory of a connection that waits',
    note: 'In KiB: less is better.',
    panels: [
      { scenario: 'idle', figure: 'memory', title: 'HTTP' },
      { scenario: 'ws-idle', figure: 'memory', title: 'WebSocket' },
      { scenario: 'tls-idle', figure: 'memory', title: 'HTTP over TLS' },
    ],
  },
}

/** Every file that follows from the results, with the content it has to have. */
export function published() {
  const { measured } = JSON.parse(readFileSync(results, 'utf8'))
  const byName = new Map(measured.map((one) => [one.scenario, one]))
  const drawn = Object.entries(charts).map(([name, chart]) => [name, { ...chart, panels: known(chart.panels, byName) }])
  return [
    ...drawn.map(([name, chart]) => ({ file: join(folder, `${name}.svg`), content: panelsSvg(chart, byName) })),
    ...pages.map((file) => ({ file, content: fill(readFileSync(file, 'utf8'), new Map(drawn), measured) })),
  ]
}

function known(panels, byName) {
  return panels.filter(({ scenario }) => byName.has(scenario))
}

/** The page with what belongs between its marks, `<!-- chart: hello -->` to `<!-- end -->` for example. */
export function fill(text, drawn, measured) {
  const byName = new Map(measured.map((one) => [one.scenario, one]))
  const makers = {
    chart: (name) => `![${altText(drawn.get(name), byName)}](charts/${name}.svg)`,
    figures: (name) => figureTable(byName.get(name)),
    machine: () => machine(measured),
    worse: () => worseTable(measured),
    costs: () => costTable(byName),
  }
  return text.replaceAll(/(<!-- (\w+)(?:: ([\w-]+))? -->\n)[^]*?(<!-- end -->)/g, (_, mark, kind, name, end) => {
    return `${mark}\n${makers[kind](name)}\n\n${end}`
  })
}

/** Medians, of the main figure with least and greatest. */
function figureTable({ scenario, results }) {
  const { unit, idleConnections } = scenarios[scenario]
  const wanted = idleConnections ? ['memory', 'resident'] : ['rate', 'cpu', 'javascript', 'p50', 'p99']
  const present = wanted.filter((figure) => Object.values(results).some((result) => result[figure]))
  const rows = Object.entries(results).map(([name, result]) => [
    name,
    ...present.map((figure, at) => (at === 0 ? showSpread(figure, result[figure]) : median(figure, result[figure]))),
  ])
  return table(['server', ...present.map((figure) => titleOf(figure, unit))], rows)
}

function median(figure, value) {
  return value === undefined ? '–' : figures[figure].format(value.median)
}

/** What a request costs the subject, by what is done for it. */
function costTable(byName) {
  const rows = Object.entries(COSTS).flatMap(([scenario, title]) => {
    const { cpu, javascript } = byName.get(scenario)?.results[subject] ?? {}
    return cpu ? [[title, javascript.median.toFixed(2), cpu.median.toFixed(2)]] : []
  })
  return table(['what', 'JavaScript thread, µs', 'all threads, µs'], rows)
}

const COSTS = {
  hello: 'a short text, one request after the other',
  pipelined: 'the same, 16 requests in one piece',
  json: 'the path and two headers read, JSON answered',
  routed: 'one of 500 routes, two parameters read',
  post: '1 KiB of JSON read and parsed',
  gzip: '20 KiB of JSON made, and compressed',
  fixed: 'a fixed answer',
  'file-10k': 'a file of 10 KiB',
  'ws-echo': 'a WebSocket message sent back',
  'ws-echo-16': 'the same, 16 in flight on each socket',
}

/** All figures of other servers that are better than the subject's by more than noise makes, with the subject's own. */
function worseTable(measured) {
  const compared = ['rate', 'cpu', 'p50', 'memory']
  const rows = measured.flatMap(({ scenario, results }) =>
    Object.entries(results)
      .filter(([name]) => !name.startsWith(subject) && name !== 'floor')
      .map(([name, result]) => [
        scenario,
        name,
        ...compared.map((figure) =>
          isWorse(figure, result, results[subject]) ? against(figure, result, results[subject]) : '',
        ),
      ])
      .filter((row) => row.slice(2).some((cell) => cell !== '')),
  )
  return table(['scenario', 'server', 'a second', 'CPU µs', 'p50 µs', 'KiB a connection'], rows)
}

/** By the ratio of the rounds and by the medians, which need not agree. */
function isWorse(figure, result, own) {
  const ratio = result.subjectRatio?.[figure]?.median
  if (ratio === undefined) return false
  const shown = own[figure].median / result[figure].median
  return [ratio, shown].every((one) => (figures[figure].lower ? one : 1 / one) > 1.03)
}

function against(figure, result, own) {
  return `${median(figure, result[figure])} against ${median(figure, own[figure])}`
}

function machine(measured) {
  const lines = new Map()
  for (const { environment, settings, date, scenario } of measured) {
    const line = `${showEnvironment({ ...environment, versions: {} })}; ${date.slice(0, 10)}; ${settings.rounds} runs of ${settings.duration} s each`
    lines.set(line, [...(lines.get(line) ?? []), scenario])
  }
  const versions = Object.assign({}, ...measured.map(({ environment }) => environment.versions))
  const servers = Object.entries(versions).filter(([name, version]) => name !== 'node' && version !== '')
  return table(
    ['measured', 'on'],
    [
      ...[...lines].map(([line, names]) => [lines.size === 1 ? 'everything' : names.join(', '), line]),
      ['servers', servers.map(([name, version]) => `${name} ${version}`).join(', ')],
    ],
    'left',
  )
}
