// What millrace is to reach: ratios to another row of the same scenario, formed in the same rounds, or absolute figures.

import { ratio } from './figures.mjs'

export const subject = 'millrace'

/** The row in which a scenario shows the subject with another scenario's handler and load, measured in the same rounds. */
export function besideName(scenario) {
  return `${subject} ${scenario}`
}

/** `to` is the row the ratio is formed with; without it the figure itself is meant. `of` is the row meant, if not the subject's. */
export const targets = [
  { scenario: 'hello', figure: 'javascript', atMost: 0.2, to: 'uwebsockets' },
  { scenario: 'hello', figure: 'cpu', atMost: 1.0, to: 'uwebsockets' },
  { scenario: 'hello', figure: 'rate', atLeast: 1.05, to: 'uwebsockets' },
  { scenario: 'pipelined', figure: 'rate', atLeast: 1.7, to: 'uwebsockets' },
  { scenario: 'pipelined', figure: 'javascript', atMost: 0.2, to: 'uwebsockets' },
  { scenario: 'json', figure: 'javascript', atMost: 0.35, to: 'uwebsockets' },
  { scenario: 'post', figure: 'cpu', atMost: 0.95, to: 'uwebsockets' },
  { scenario: 'post', figure: 'javascript', atMost: 0.55, to: 'uwebsockets' },
  { scenario: 'latency', figure: 'p50', atMost: 1.5, to: 'uwebsockets' },
  { scenario: 'idle', figure: 'memory', atMost: 1.5 },
  { scenario: 'upload', figure: 'rate', atLeast: 1.0, to: 'uwebsockets' },
  { scenario: 'download', figure: 'rate', atLeast: 1.0, to: 'uwebsockets' },
  { scenario: 'fixed', figure: 'cpu', atMost: 0.85, to: 'uwebsockets' },
  // No JavaScript runs; what is left is the timers of an idle Node.js process.
  { scenario: 'fixed', figure: 'javascript', atMost: 0.02 },
  { scenario: 'routed', figure: 'javascript', atMost: 1.3, to: besideName('hello') },
  ...['file-10k', 'file-10m'].flatMap((scenario) => [
    { scenario, figure: 'rate', atLeast: 8, to: 'fastify' },
    { scenario, figure: 'rate', atLeast: 0.9, to: 'nginx' },
  ]),
  { scenario: 'gzip', figure: 'rate', atLeast: 3, to: 'fastify' },
  { scenario: 'gzip', figure: 'javascript', atMost: 0.2, to: 'fastify' },
  { scenario: 'stream-100m', figure: 'rate', atLeast: 1.5, to: 'node' },
  // Of all connections together, those that read nothing included: less than a single body of the 20 asked for.
  { scenario: 'stream-100m', figure: 'growth', atMost: 100 },
  { scenario: 'ws-echo', figure: 'rate', atLeast: 1.1, to: 'uwebsockets' },
  { scenario: 'ws-echo', figure: 'javascript', atMost: 0.25, to: 'uwebsockets' },
  { scenario: 'ws-echo-16', figure: 'rate', atLeast: 1.5, to: 'uwebsockets' },
  { scenario: 'ws-echo-16', figure: 'rate', atLeast: 1.0, to: 'bun' },
  { scenario: 'ws-echo-16k', figure: 'rate', atLeast: 1.0, to: 'uwebsockets' },
  ...['ws-publish', 'ws-publish-16'].flatMap((scenario) => [
    { scenario, figure: 'rate', atLeast: 1.2, to: 'uwebsockets' },
    { scenario, figure: 'javascript', atMost: 0.1, to: 'uwebsockets' },
  ]),
  { scenario: 'ws-deflate', figure: 'rate', atLeast: 1.0, to: 'uwebsockets' },
  { scenario: 'ws-deflate', figure: 'rate', atLeast: 5, to: 'ws' },
  { scenario: 'ws-idle', figure: 'memory', atMost: 2, to: 'uwebsockets' },
  ...['uwebsockets', 'bun', 'deno'].map((to) => ({ scenario: 'tls-hello', figure: 'rate', atLeast: 1.0, to })),
  { scenario: 'tls-hello', figure: 'javascript', atMost: 0.2, to: 'uwebsockets' },
  { scenario: 'tls-handshakes', figure: 'rate', atLeast: 1.5, to: 'node' },
  { scenario: 'tls-handshakes', figure: 'rate', atLeast: 1.0, to: 'uwebsockets' },
  { scenario: 'tls-file', figure: 'rate', atLeast: 0.9, to: 'nginx' },
  { scenario: 'tls-idle', figure: 'memory', atMost: 1.0, to: 'uwebsockets' },
  ...['bun', 'deno'].flatMap((to) => [
    { scenario: 'hello', figure: 'cpu', atMost: 1.0, of: `millrace-${to}`, to },
    { scenario: 'pipelined', figure: 'rate', atLeast: 4, of: `millrace-${to}`, to },
  ]),
]

/** Every target whose scenario was measured with both sides, with what was reached. */
export function judge(measured) {
  const judged = []
  for (const target of targets) {
    const { results } = measured.find(({ scenario }) => scenario === target.scenario) ?? {}
    const reached = results && reachedBy(target, results)?.median
    if (reached === undefined || Number.isNaN(reached)) continue
    const met = target.atMost === undefined ? reached >= target.atLeast : reached <= target.atMost
    judged.push({ ...target, reached, met })
  }
  return judged
}

function reachedBy({ figure, of = subject, to }, results) {
  if (to === undefined) return results[of]?.[figure]
  if (of === subject) return results[to]?.subjectRatio?.[figure]
  return results[of] && results[to] && ratio(results[of].rounds, results[to].rounds, figure)
}
