import { availableParallelism } from 'node:os'
import type { NativeListenOptions } from './binding'
import { codedRange, codedType, show } from './errors'
import type { ListenOptions, ResolvedOptions, ServerOptions } from './options'
import type { Handler } from './server'

const KIB = 1024
const MIB = 1024 * KIB
const MAX_TIME = 2 ** 31 - 1
const MAX_SIZE = 2 ** 31 - 1

/** One option: its kind, what is allowed, its default, and its name in the core where it has one. */
interface Rule {
  kind: 'integer' | 'boolean' | 'string' | 'function' | 'other'
  initial: unknown
  min?: number
  max?: number
  core?: string
  /** Null stands for the system's way. */
  nullable?: boolean
  /** 0 stands for the system's way. */
  optional?: boolean
}

const integer = (initial: number, min: number, max: number, core: string): Rule => ({
  kind: 'integer',
  initial,
  min,
  max,
  core,
})
/** A number that may be Infinity. */
const limit = (initial: number, min: number, core: string): Rule => ({
  kind: 'integer',
  initial,
  min,
  max: Infinity,
  core,
})
/** A number whose 0 stands for the system's own choice, and is not passed on. */
const systems = (core: string): Rule => ({ ...integer(0, 0, MAX_SIZE, core), optional: true })
const flag = (initial: boolean, core: string): Rule => ({ kind: 'boolean', initial, core })

/** The rules of all options; docs/defaults.md has a row for each, and a test holds the two together. */
export const RULES = {
  top: {
    handler: { kind: 'function', initial: undefined },
    onError: { kind: 'function', initial: undefined },
    host: { kind: 'string', initial: undefined },
    port: { kind: 'integer', initial: 0, min: 0, max: 65535 },
    path: { kind: 'string', initial: undefined },
    backlog: integer(1024, 1, 65535, 'backlog'),
    ipv6Only: flag(false, 'ipv6Only'),
    reuseAddress: flag(true, 'reuseAddress'),
    reusePort: flag(false, 'reusePort'),
    noDelay: flag(true, 'noDelay'),
    keepAliveProbes: { kind: 'other', initial: false },
    sendBufferSize: systems('sendBufferSize'),
    receiveBufferSize: systems('receiveBufferSize'),
    sendLowWatermark: systems('sendLowWatermark'),
    receiveLowWatermark: systems('receiveLowWatermark'),
    linger: { ...integer(0, 0, 65535, 'linger'), initial: null, nullable: true },
    ioThreads: integer(Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2))), 1, 64, 'ioThreads'),
    allowHalfClose: flag(false, 'allowHalfClose'),
    limits: { kind: 'other', initial: undefined },
    timeouts: { kind: 'other', initial: undefined },
  },
  limits: {
    headerBytes: integer(16 * KIB, 256, 16 * MIB, 'maxHeaderBytes'),
    headerCount: integer(100, 1, 65535, 'maxHeaderCount'),
    targetBytes: integer(8 * KIB, 16, 16 * MIB, 'maxTargetBytes'),
    bodyBytes: limit(8 * MIB, 0, 'maxBodyBytes'),
    requestsPerConnection: limit(Infinity, 1, 'maxRequestsPerConnection'),
    pipelinedRequests: integer(64, 1, 65535, 'maxPipelinedRequests'),
    connections: limit(Infinity, 1, 'maxConnections'),
    queuedBytes: limit(64 * MIB, 64 * KIB, 'maxQueuedBytes'),
    bodyWindow: integer(MIB, 4 * KIB, 256 * MIB, 'bodyWindow'),
    drainBytes: limit(256 * KIB, 0, 'drainBytes'),
    writeBuffer: { kind: 'integer', initial: 256 * KIB, min: KIB, max: 1024 * MIB },
  },
  timeouts: {
    headers: integer(15_000, 0, MAX_TIME, 'headersTimeout'),
    body: integer(30_000, 0, MAX_TIME, 'bodyTimeout'),
    minBodyRate: integer(240, 0, MAX_SIZE, 'minBodyRate'),
    idle: integer(75_000, 0, MAX_TIME, 'idleTimeout'),
    handler: integer(0, 0, MAX_TIME, 'handlerTimeout'),
    write: integer(30_000, 0, MAX_TIME, 'writeTimeout'),
    linger: integer(2_000, 0, MAX_TIME, 'lingerTimeout'),
  },
  keepAliveProbes: {
    delay: integer(60_000, 1_000, MAX_TIME, 'keepAliveDelay'),
    interval: integer(10_000, 1_000, MAX_TIME, 'keepAliveInterval'),
    count: integer(6, 1, 127, 'keepAliveCount'),
  },
} as const satisfies Record<string, Record<string, Rule>>

/** Checks every option and fills in the defaults. Throws ERR_INVALID_OPTION for the first that is wrong. */
export function resolveOptions(given: ServerOptions | Handler | undefined, fallback: Handler): ResolvedOptions {
  const options: unknown = typeof given === 'function' ? { handler: given } : (given ?? {})
  const top = group('', options, RULES.top)
  const limits = group('limits.', top['limits'] ?? {}, RULES.limits)
  const timeouts = group('timeouts.', top['timeouts'] ?? {}, RULES.timeouts)
  if ((limits['targetBytes'] as number) > (limits['headerBytes'] as number)) {
    throw invalid(
      'limits.targetBytes',
      limits['targetBytes'],
      `at most limits.headerBytes (${String(limits['headerBytes'])})`,
    )
  }
  checkPlace(top)
  return Object.freeze({
    ...top,
    handler: top['handler'] ?? fallback,
    keepAliveProbes: probes(top['keepAliveProbes']),
    limits: Object.freeze(limits),
    timeouts: Object.freeze(timeouts),
  }) as unknown as ResolvedOptions
}

/** Checks what was given to `listen` and takes the rest from the server's options. */
export function resolvePlace(given: unknown, options: ResolvedOptions): ListenOptions {
  if (given === undefined) return { host: options.host, port: options.port, path: options.path }
  const { host, port, path } = RULES.top
  const wanted: unknown = typeof given === 'number' ? { port: given } : given
  const place = group('', wanted, { host, port, path }) as ListenOptions
  checkPlace(place as Record<string, unknown>)
  const own = wanted as ListenOptions
  if (own.path !== undefined) return { path: own.path }
  if (own.host === undefined && own.port === undefined && options.path !== undefined) return { path: options.path }
  return { host: own.host ?? options.host, port: own.port ?? options.port }
}

/** The options in the core's names. */
export function nativeOptions(options: ResolvedOptions): NativeListenOptions {
  const native: NativeListenOptions = {}
  const take = (rules: Readonly<Record<string, Rule>>, values: object): void => {
    for (const [name, rule] of Object.entries(rules)) {
      const value = (values as Record<string, unknown>)[name]
      if (rule.core === undefined || value == null || (value === 0 && rule.optional === true)) continue
      native[rule.core] = value as number | boolean
    }
  }
  take(RULES.top, options)
  take(RULES.limits, options.limits)
  take(RULES.timeouts, options.timeouts)
  if (options.keepAliveProbes !== false) take(RULES.keepAliveProbes, options.keepAliveProbes)
  // Nobody wants to hear of them otherwise, and an attacker could send them by the thousand.
  native['reportConnectionErrors'] = options.onError !== undefined
  // Wakes the writer while a quarter is still under way, so that the socket does not run dry.
  native['writeBufferHigh'] = options.limits.writeBuffer
  native['writeBufferLow'] = Math.floor(options.limits.writeBuffer / 4)
  return native
}

function group(prefix: string, given: unknown, rules: Readonly<Record<string, Rule>>): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const name = prefix === '' ? 'options' : prefix.slice(0, -1)
    throw invalid(name, given, 'an object with named options')
  }
  const values = given as Record<string, unknown>
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(rules, name)) throw unknown(prefix, name, Object.keys(rules))
  }
  const result: Record<string, unknown> = {}
  for (const [name, rule] of Object.entries(rules)) {
    const value = values[name]
    if (value !== undefined) check(prefix + name, value, rule)
    result[name] = value === undefined ? rule.initial : value
  }
  return result
}

function check(name: string, value: unknown, rule: Rule): void {
  if (value === null && rule.nullable === true) return
  switch (rule.kind) {
    case 'integer': {
      const allowed = range(rule)
      if (typeof value !== 'number') throw invalid(name, value, allowed)
      if ((!Number.isInteger(value) && value !== Infinity) || value < rule.min! || value > rule.max!)
        throw outOfRange(name, value, allowed)
      return
    }
    case 'boolean':
      if (typeof value !== 'boolean') throw invalid(name, value, 'true or false')
      return
    case 'string':
      if (typeof value !== 'string' || value === '' || value.includes('\0')) {
        throw invalid(name, value, 'a text that is not empty')
      }
      return
    case 'function':
      if (typeof value !== 'function') throw invalid(name, value, 'a function')
      return
    case 'other':
  }
}

function range({ min, max, nullable }: Rule): string {
  const numbers = max === Infinity ? `a whole number from ${min}, or Infinity` : `a whole number from ${min} to ${max}`
  return nullable === true ? `${numbers}, or null` : numbers
}

function checkPlace(values: Record<string, unknown>): void {
  if (values['path'] === undefined) return
  if (values['host'] !== undefined || (values['port'] ?? 0) !== 0) {
    throw invalid(
      'path',
      values['path'],
      'a path without host and port: a server listens either on a Unix domain socket or on an address',
    )
  }
}

function probes(given: unknown): ResolvedOptions['keepAliveProbes'] {
  if (given === false) return false
  if (given !== true && (typeof given !== 'object' || given === null)) {
    throw invalid('keepAliveProbes', given, 'true, false, or an object with delay, interval and count')
  }
  const values = group('keepAliveProbes.', given === true ? {} : given, RULES.keepAliveProbes)
  return Object.freeze(values) as unknown as ResolvedOptions['keepAliveProbes']
}

function invalid(name: string, value: unknown, allowed: string): Error {
  return codedType('ERR_INVALID_OPTION', `The option ${name} has to be ${allowed}, but it is ${show(value)}.`)
}

function outOfRange(name: string, value: unknown, allowed: string): Error {
  return codedRange('ERR_INVALID_OPTION', `The option ${name} has to be ${allowed}, but it is ${show(value)}.`)
}

function unknown(prefix: string, name: string, known: readonly string[]): Error {
  const near = known.map((other) => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
  near.sort((a, b) => a.distance - b.distance)
  const elsewhere = (['limits', 'timeouts'] as const).find(
    (place) => prefix !== `${place}.` && Object.hasOwn(RULES[place], name),
  )
  const best = near[0]
  let hint = ''
  if (elsewhere !== undefined) hint = ` Did you mean ${elsewhere}.${name}?`
  else if (best !== undefined && best.distance <= Math.max(2, name.length / 3))
    hint = ` Did you mean ${prefix}${best.other}?`
  return codedType('ERR_INVALID_OPTION', `There is no option ${prefix}${name}.${hint} Known are: ${known.join(', ')}.`)
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(change, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
