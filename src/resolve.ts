import { availableParallelism } from 'node:os'
import { COMPRESSION_RULES, resolveCompression } from './compression'
import { chainOf, type Handler } from './handler'
import type { ListenOptions, ResolvedOptions, ServerOptions } from './options'
import { group, invalid, type Rule, type Rules } from './rules'
import { resolveTls, TLS_NAMES } from './tls/resolve'

const KIB = 1024
const MIB = 1024 * KIB
const MAX_TIME = 2 ** 31 - 1
const MAX_SIZE = 2 ** 31 - 1

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
    handler: { kind: 'other', initial: undefined },
    routes: { kind: 'other', initial: undefined },
    trailingSlash: { kind: 'choice', initial: 'strict', choices: ['strict', 'ignore'] },
    compression: { kind: 'other', initial: false },
    accept: { kind: 'choice', initial: 'automatic', choices: ['automatic', 'manual'] },
    onError: { kind: 'function', initial: undefined },
    onAnswer: { kind: 'function', initial: undefined },
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
    tls: { kind: 'other', initial: undefined },
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
    reservedDescriptors: integer(64, 0, MAX_SIZE, 'reservedDescriptors'),
    queuedBytes: limit(64 * MIB, 64 * KIB, 'maxQueuedBytes'),
    bodyWindow: integer(MIB, 4 * KIB, 256 * MIB, 'bodyWindow'),
    drainBytes: limit(256 * KIB, 0, 'drainBytes'),
    writeBuffer: { kind: 'integer', initial: 256 * KIB, min: KIB, max: 1024 * MIB },
    handshakes: limit(4096, 1, 'maxHandshakes'),
  },
  timeouts: {
    headers: integer(15_000, 0, MAX_TIME, 'headersTimeout'),
    body: integer(30_000, 0, MAX_TIME, 'bodyTimeout'),
    minBodyRate: integer(240, 0, MAX_SIZE, 'minBodyRate'),
    idle: integer(75_000, 0, MAX_TIME, 'idleTimeout'),
    handler: integer(0, 0, MAX_TIME, 'handlerTimeout'),
    write: integer(30_000, 0, MAX_TIME, 'writeTimeout'),
    linger: integer(2_000, 0, MAX_TIME, 'lingerTimeout'),
    handshake: integer(10_000, 0, MAX_TIME, 'handshakeTimeout'),
  },
  keepAliveProbes: {
    delay: integer(60_000, 1_000, MAX_TIME, 'keepAliveDelay'),
    interval: integer(10_000, 1_000, MAX_TIME, 'keepAliveInterval'),
    count: integer(6, 1, 127, 'keepAliveCount'),
  },
} as const satisfies Record<string, Rules>

/** Where an unknown name may be meant. */
const ELSEWHERE: Readonly<Record<string, Rules>> = {
  limits: RULES.limits,
  timeouts: RULES.timeouts,
  compression: COMPRESSION_RULES,
  tls: TLS_NAMES,
}

/** Checks every option and fills in the defaults. Throws ERR_INVALID_OPTION for the first that is wrong. */
export function resolveOptions(given: ServerOptions | Handler | undefined): ResolvedOptions {
  const options: unknown = typeof given === 'function' ? { handler: given } : (given ?? {})
  const top = group('', options, RULES.top, ELSEWHERE)
  const limits = group('limits.', top['limits'] ?? {}, RULES.limits, ELSEWHERE)
  const timeouts = group('timeouts.', top['timeouts'] ?? {}, RULES.timeouts, ELSEWHERE)
  if ((limits['targetBytes'] as number) > (limits['headerBytes'] as number)) {
    throw invalid(
      'limits.targetBytes',
      limits['targetBytes'],
      `at most limits.headerBytes (${String(limits['headerBytes'])})`,
    )
  }
  checkPlace(top)
  if (top['handler'] !== undefined) chainOf('handler', top['handler'])
  return Object.freeze({
    ...top,
    compression: resolveCompression(top['compression']),
    keepAliveProbes: probes(top['keepAliveProbes']),
    tls: resolveTls(top['tls']),
    limits: Object.freeze(limits),
    timeouts: Object.freeze(timeouts),
  }) as unknown as ResolvedOptions
}

/** Checks what was given to `listen` and takes the rest from the server's options. */
export function resolvePlace(given: unknown, options: ResolvedOptions): ListenOptions {
  if (given === undefined) given = {}
  const { host, port, path } = RULES.top
  const wanted: unknown = typeof given === 'number' ? { port: given } : given
  const place = group('', wanted, { host, port, path, accept: RULES.top.accept }) as ListenOptions
  checkPlace(place as Record<string, unknown>)
  const own = wanted as ListenOptions
  const accept = own.accept ?? options.accept
  if (own.path !== undefined) return { path: own.path, accept }
  if (own.host === undefined && own.port === undefined && options.path !== undefined) {
    return { path: options.path, accept }
  }
  return { host: own.host ?? options.host, port: own.port ?? options.port, accept }
}

/** The options in the core's names; with the place they are all that it takes to listen. */
export function nativeOptions(
  options: ResolvedOptions,
  pullAccept: boolean,
): Record<string, number | boolean | string> {
  const native: Record<string, number | boolean | string> = {}
  const take = (rules: Rules, values: object): void => {
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
  native['pullAccept'] = pullAccept
  // Whoever accepts by hand may give each connection a handler.
  native['notFoundInCore'] = options.handler === undefined && !pullAccept
  native['compressionCodings'] = options.compression === null ? '' : options.compression.codings.join(',')
  if (options.compression !== null) {
    const { gzip, br, zstd } = options.compression.levels
    native['gzipLevel'] = gzip
    native['brotliLevel'] = br
    native['zstdLevel'] = zstd
  }
  // Nobody wants to hear of them otherwise, and an attacker could send them by the thousand.
  native['reportConnectionErrors'] = options.onError !== undefined
  native['reportAnswers'] = options.onAnswer !== undefined
  // Wakes the writer while a quarter is still under way, so that the socket does not run dry.
  native['writeBufferHigh'] = options.limits.writeBuffer
  native['writeBufferLow'] = Math.floor(options.limits.writeBuffer / 4)
  return native
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
