// The figures a run has, how they are shown, and the statistics over rounds.

/** `lower` says that less is better; `short` heads a column of ratios. */
export const figures = {
  rate: { title: 'req/s', short: 'req/s', format: perSecond },
  cpu: { title: 'CPU µs/req', short: 'CPU', lower: true, format: micros },
  javascript: { title: 'JS thread µs/req', short: 'JS', lower: true, format: micros },
  p50: { title: 'p50 µs', short: 'p50', lower: true, format: thousands },
  p99: { title: 'p99 µs', short: 'p99', lower: true, format: thousands },
  wire: { title: 'bytes an answer', short: 'bytes', lower: true, format: thousands },
  growth: { title: 'peak growth MiB', short: 'growth', lower: true, format: fixed(1) },
  memory: { title: 'KiB a connection', short: 'KiB', lower: true, format: fixed(2) },
  resident: { title: 'resident MiB', short: 'MiB', lower: true, format: fixed(1) },
}

/** Where something else than requests is counted, `unit` says what; `key` may ask for the short title. */
export function titleOf(figure, unit = 'req', key = 'title') {
  return figures[figure][key].replace('req', unit)
}

/** Median, least and greatest of the rounds; undefined when the peer has no such figure. */
export function spread(values) {
  const numbers = values.filter((value) => value !== undefined && Number.isFinite(value))
  if (numbers.length === 0) return undefined
  return { median: median(numbers), least: Math.min(...numbers), greatest: Math.max(...numbers) }
}

/** The ratio of two peers round by round, then its spread: what disturbs a round disturbs both of its sides. */
export function ratio(rounds, otherRounds, figure) {
  return spread(rounds.map((run, at) => run?.[figure] / otherRounds[at]?.[figure]))
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function showSpread(figure, value) {
  if (value === undefined) return '–'
  const { format } = figures[figure]
  const middle = format(value.median)
  return value.least === value.greatest ? middle : `${middle} (${format(value.least)}–${format(value.greatest)})`
}

export function showRatio(value) {
  return value === undefined ? '–' : value.median.toFixed(2)
}

/** Of 100 MiB each there are few a second. */
function perSecond(value) {
  return value < 20 ? value.toFixed(1) : thousands(value)
}

/** What is published to many costs each a small part of the work. */
function micros(value) {
  return value.toFixed(value < 0.1 ? 4 : 2)
}

function thousands(value) {
  return Math.round(value).toLocaleString('en-US')
}

function fixed(digits) {
  return (value) => value.toFixed(digits)
}
