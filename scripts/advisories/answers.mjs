// What `npm audit --json` and `cargo deny` answered: findings, or the reason why there is no answer to be had.

/** What is asked about. `counts` is for what is published; the rest builds, tests and measures it, and is only told. */
export const audits = [
  { what: 'what is published', directory: '.', args: ['--omit=dev'], counts: true },
  { what: 'the tools', directory: '.', args: [] },
  { what: 'bench', directory: 'bench', args: [] },
  { what: 'the site', directory: 'site', args: [] },
  { what: 'the install tests', directory: '__test__/install', args: [] },
  { what: 'the runtimes', directory: '__test__/runtimes', args: [] },
]

const UNREACHABLE =
  /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)$/
const SERIOUS = ['high', 'critical']

/** `findings`, each with its severity and a line of text; or `skipped`, why; throws when npm itself went wrong. */
export function readAudit(stdout) {
  const answer = parse(stdout)
  if (answer.vulnerabilities) return { findings: Object.values(answer.vulnerabilities).map(toFinding) }
  // The registry, or what stands for it, was reached and has no such endpoint; a registry at home seldom has it.
  if (answer.uri && answer.message) return { skipped: answer.message }
  if (UNREACHABLE.test(answer.error?.code)) return { skipped: answer.error.summary || answer.error.code }
  throw new Error(answer.error?.summary || answer.message || 'npm audit gave neither findings nor a reason')
}

/** True for a finding that must not be published. */
export function isSerious({ severity }) {
  return SERIOUS.includes(severity)
}

/** The reason why `cargo deny check advisories` could not look; undefined when it could. */
export function denyCouldNotLook(stderr) {
  if (!/failed to fetch advisory database/.test(stderr)) return undefined
  return /^fatal: (?<reason>.*)$/m.exec(stderr)?.groups.reason ?? 'the advisory database could not be fetched'
}

function toFinding({ name, severity, range, via, fixAvailable }) {
  const titles = via.map((cause) => (typeof cause === 'string' ? `through ${cause}` : cause.title))
  const fix = fixAvailable ? '`npm audit fix` or an update helps' : 'there is no fixed version'
  return {
    severity,
    text: `${[name, range].filter(Boolean).join(' ')}: ${severity}: ${[...new Set(titles)].join('; ')} (${fix})`,
  }
}

function parse(stdout) {
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`npm audit did not answer in JSON:\n${stdout}`)
  }
}
