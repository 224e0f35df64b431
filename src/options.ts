import { availableParallelism } from 'node:os'
import type { NativeListenOptions } from './binding'
import { codedRange, codedType, show } from './errors'
import type { Handler, ErrorHandler } from './server'

/**
 * Where to listen. What is left out is taken from the server's options.
 */
export interface ListenOptions {
  /** See {@link ServerOptions.host}. */
  host?: string | undefined
  /** See {@link ServerOptions.port}. */
  port?: number | undefined
  /** See {@link ServerOptions.path}. */
  path?: string | undefined
}

/** Options of a server. Each has a default with its reason in docs/defaults.md; `server.options` shows what is in force. */
export interface ServerOptions extends ListenOptions {
  /** Called for each request. May answer at once or later, return nothing or a promise. Default: answers 404. */
  handler?: Handler | undefined
  /**
   * Told of each error of a handler (or of a callback given to an exchange) exactly once, and of each connection that failed before its request could reach
   * a handler. Default: handler errors are printed with their stack, connection errors only counted.
   */
  onError?: ErrorHandler | undefined
  /**
   * Name or IP address to listen on. Default: `'::'`, all addresses of both IP versions (`'0.0.0.0'` where there is no IPv6).
   * Danger: with the default everybody who reaches the machine reaches the server; `'127.0.0.1'` keeps it to this machine.
   */
  host?: string | undefined
  /** Port, 0 to 65535. Default: 0, the system picks a free one, which `listen` gives back. Below 1024 most systems want a privilege. */
  port?: number | undefined
  /** Path of a Unix domain socket to listen on instead of host and port. Default: none. A left-over socket file that nobody serves is replaced. */
  path?: string | undefined
  /** Connections the system accepts ahead of the server. Default: 1024. Cost: some hundred bytes of kernel memory each; the system has a limit of its own (net.core.somaxconn). */
  backlog?: number | undefined
  /** Listen on IPv6 only when the host is an IPv6 address, so that another server can have the IPv4 port. Default: false. */
  ipv6Only?: boolean | undefined
  /** Bind a port that still has connections in TIME_WAIT (SO_REUSEADDR). Default: true, or a restart fails for a minute. */
  reuseAddress?: boolean | undefined
  /** Let several processes listen on one port (SO_REUSEPORT). Default: false. Danger: a second server started by mistake silently takes half of the connections. */
  reusePort?: boolean | undefined
  /** Send small packets at once (TCP_NODELAY). Default: true; false saves packets and can cost 40 ms of latency. */
  noDelay?: boolean | undefined
  /** TCP keep-alive probes which find out that a silent client has gone: true for the system's times, or times of your own. Default: false. */
  keepAliveProbes?: boolean | KeepAliveProbes | undefined
  /** Kernel send buffer of each connection in bytes (SO_SNDBUF). Default: 0, the system's automatic size. A fixed size turns the automatic off. */
  sendBufferSize?: number | undefined
  /** Kernel receive buffer of each connection in bytes (SO_RCVBUF). Default: 0, the system's automatic size. A fixed size turns the automatic off. */
  receiveBufferSize?: number | undefined
  /** Unsent bytes below which the kernel calls a socket writable (TCP_NOTSENT_LOWAT). Default: 0, the system's. Small values keep streams fresh and cost wake-ups. */
  sendLowWatermark?: number | undefined
  /** Bytes that have to arrive before a read wakes the server (SO_RCVLOWAT). Default: 0, the system's (1). Danger: a request shorter than this waits for its timeout. */
  receiveLowWatermark?: number | undefined
  /** Seconds the kernel goes on sending after close (SO_LINGER); 0 resets at once. Default: null, the system's way, which loses nothing. Danger: 0 cuts answers off. */
  linger?: number | null | undefined
  /** Threads that accept, parse and write, shared by all servers of the process: the first server to listen decides. Default: half of the cores, 1 to 4. Cost: some 100 KiB each. */
  ioThreads?: number | undefined
  /**
   * Take a client that has closed its sending side for one that waits for its answer: `request.signal` does not abort then. Default: false, because a browser
   * that has left looks the same, and endless streams must end. Either way the answer can still be written.
   */
  allowHalfClose?: boolean | undefined
  /** What a client may ask of the server. */
  limits?: Limits | undefined
  /** How long things may take. In milliseconds; 0 turns one off. */
  timeouts?: Timeouts | undefined
}

/** Times of TCP keep-alive probes. */
export interface KeepAliveProbes {
  /** Milliseconds of silence before the first probe. Default: 60000. The system rounds to seconds. */
  delay?: number | undefined
  /** Milliseconds between probes. Default: 10000. */
  interval?: number | undefined
  /** Probes without an answer after which the connection counts as lost. Default: 6. */
  count?: number | undefined
}

/** What a client may ask of the server. */
export interface Limits {
  /** Bytes of request line and headers together; above: 431. Default: 16384. Cost: a slow client can hold so much memory per connection. */
  headerBytes?: number | undefined
  /** Header lines of a request; above: 431. Default: 100. */
  headerCount?: number | undefined
  /** Bytes of the request target; above: 414. Default: 8192. Has to fit into headerBytes. */
  targetBytes?: number | undefined
  /** Bytes of a request body; above: 413. 0 refuses every body. Default: 8388608 (8 MiB). Danger: `bytes()`, `text()` and `json()` hold all of it in memory. */
  bodyBytes?: number | undefined
  /** Requests of one connection, the last answer then closes it. Default: Infinity. A limit spreads clients anew over several servers. */
  requestsPerConnection?: number | undefined
  /** Requests of one connection that are worked on at once; then it is not read on. Default: 64. Cost: that many handlers for one client. */
  pipelinedRequests?: number | undefined
  /** Connections at once; one more is answered 503 and closed. Default: Infinity, as many as the system gives descriptors. */
  connections?: number | undefined
  /** Bytes of requests that wait for JavaScript, over all connections; then reading stops. Default: 67108864 (64 MiB). */
  queuedBytes?: number | undefined
  /** Bytes of a request body read ahead of the handler. Default: 1048576 (1 MiB). Cost: that much memory per upload; small windows slow uploads down. */
  bodyWindow?: number | undefined
  /** Bytes of an unread request body that are read and dropped to keep the connection; with more to come it is closed after the answer. Default: 262144 (256 KiB). */
  drainBytes?: number | undefined
  /** Bytes of a response on their way after which `write` returns false. Default: 262144 (256 KiB). Cost: that much memory per slow client. */
  writeBuffer?: number | undefined
}

/** How long things may take, in milliseconds; 0 turns one off. */
export interface Timeouts {
  /** From the first byte of a request to the end of its headers, after: 408; and from a connection's begin to its first byte, after: closed. Default: 15000. Danger when 0: attackers hold connections for ever. */
  headers?: number | undefined
  /** Longest pause in a request body while the server is ready to read it; after: 408. Default: 30000. */
  body?: number | undefined
  /** Bytes a second a request body has to bring on average once `body` has passed since its begin; below: 408. Default: 240. 0, or `body: 0`, turns it off. */
  minBodyRate?: number | undefined
  /** How long a connection without a request is kept. Default: 75000, longer than the load balancers before it keep theirs. */
  idle?: number | undefined
  /** From a request's headers to the first byte of its answer; after: 503, and the handler's `request.signal` aborts. Default: 0, off. */
  handler?: number | undefined
  /** Longest time a client may take no byte of an answer that waits for it. Default: 30000. Quiet streams do not count: only bytes that wait do. */
  write?: number | undefined
  /** How long a connection to be closed is still read, so that the client gets to see the last answer. Default: 2000. */
  linger?: number | undefined
}

/** The options of a server with every default filled in. */
export interface ResolvedOptions {
  readonly handler: Handler
  readonly onError: ErrorHandler | undefined
  readonly host: string | undefined
  readonly port: number
  readonly path: string | undefined
  readonly backlog: number
  readonly ipv6Only: boolean
  readonly reuseAddress: boolean
  readonly reusePort: boolean
  readonly noDelay: boolean
  readonly keepAliveProbes: false | { readonly delay: number; readonly interval: number; readonly count: number }
  readonly sendBufferSize: number
  readonly receiveBufferSize: number
  readonly sendLowWatermark: number
  readonly receiveLowWatermark: number
  readonly linger: number | null
  readonly ioThreads: number
  readonly allowHalfClose: boolean
  readonly limits: { readonly [Name in keyof Limits]-?: number }
  readonly timeouts: { readonly [Name in keyof Timeouts]-?: number }
}

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
