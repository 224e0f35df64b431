// What millrace is to reach, as ratios to uWebSockets.js in the same run; memory is an absolute figure.

export const reference = 'uwebsockets'
export const subject = 'millrace'

export const targets = [
  { scenario: 'hello', figure: 'javascript', atMost: 0.2 },
  { scenario: 'hello', figure: 'cpu', atMost: 1.0 },
  { scenario: 'hello', figure: 'rate', atLeast: 1.05 },
  { scenario: 'pipelined', figure: 'rate', atLeast: 1.7 },
  { scenario: 'pipelined', figure: 'javascript', atMost: 0.2 },
  { scenario: 'json', figure: 'javascript', atMost: 0.35 },
  { scenario: 'post', figure: 'cpu', atMost: 0.95 },
  { scenario: 'post', figure: 'javascript', atMost: 0.55 },
  { scenario: 'latency', figure: 'p50', atMost: 1.5 },
  { scenario: 'idle', figure: 'memory', atMost: 1.5, absolute: true },
  { scenario: 'upload', figure: 'rate', atLeast: 1.0 },
  { scenario: 'download', figure: 'rate', atLeast: 1.0 },
]

/** Every target whose scenario was measured with both sides, with what was reached. */
export function judge(measured) {
  const judged = []
  for (const target of targets) {
    const { results } = measured.find(({ scenario }) => scenario === target.scenario) ?? {}
    const own = results?.[subject]?.[target.figure]
    const reached = target.absolute ? own?.median : results?.[reference]?.subjectRatio?.[target.figure]?.median
    if (reached === undefined || Number.isNaN(reached)) continue
    const met = target.atMost === undefined ? reached >= target.atLeast : reached <= target.atMost
    judged.push({ ...target, reached, met })
  }
  return judged
}
