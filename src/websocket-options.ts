import type { NativeWebSocketSettings } from './binding'
import { group, invalid, type Rules } from './rules'
import { Overflow } from './socket-records'

const KIB = 1024
const MIB = 1024 * KIB
const MAX_TIME = 2 ** 31 - 1

/** What becomes of messages that a client does not take: see `WebSocketDefinition.overflow`. */
export type OverflowPolicy = keyof typeof Overflow

/** What the clients of a route may send, and what may wait for them. */
export interface WebSocketLimits {
  /**
   * Bytes of a message, decompressed; above: closed with 1009. Default: 16777216 (16 MiB). Cost: a message is collected
   * in memory, unless the definition has `part`.
   */
  message?: number | undefined
  /** Bytes of a frame's payload; above: closed with 1009. Default: the limit of a message. */
  frame?: number | undefined
  /** Frames of a message; above: closed with 1008. Default: 131072. An empty one costs its counting only. */
  fragments?: number | undefined
  /**
   * Bytes that may wait for a client that does not take them; above, `overflow` says what happens. A message counts for
   * 64 bytes at least, about what keeping it takes; one that is sent while nothing waits is taken whatever its size.
   * Default: 1048576 (1 MiB). Cost: about twice that much memory per slow client.
   */
  backlog?: number | undefined
}

/** How long things may take, in milliseconds; 0 turns one off. */
export interface WebSocketTimeouts {
  /** From a request's headers to the end of `upgrade`; after: 503. Default: 10000. */
  handshake?: number | undefined
  /**
   * How long a client may be silent; after: closed with 1006. With `sendPings` it is asked by a Ping frame before, which
   * every client answers by itself. Default: 120000.
   */
  idle?: number | undefined
  /** How long a client has to answer a Close frame (RFC 6455 7.1.1); after: cut. Default: 5000. */
  close?: number | undefined
  /** How long a WebSocket may live; after: closed with 1001, and the client connects anew. Default: 0, for ever. */
  lifetime?: number | undefined
}

/** How messages are compressed (permessage-deflate, RFC 7692), for clients that offer it. */
export interface WebSocketCompression {
  /** Bytes below which a message is sent as it is, as are those above 1 MiB, which would hold up others. Default: 1024. */
  threshold?: number | undefined
  /** How hard to try, 1 to 9. Default: 1. */
  level?: number | undefined
  /**
   * Whether messages may refer to earlier ones (RFC 7692 7.1.1): true, or for each side. Messages that resemble each other
   * get much smaller. Default: false, which keeps nothing for a socket. Cost of true: up to a window for each side of each
   * socket; a server's window of more than 12 bits costs 380 KB.
   */
  contextTakeover?: boolean | { server?: boolean | undefined; client?: boolean | undefined } | undefined
  /** Size of the server's window as a power of two, 9 to 15. Default: 15, or 12 (4 KiB) with `contextTakeover`. */
  serverWindowBits?: number | undefined
  /** Size of the window a client may use, 9 to 15, where it can be told so. Default: 15, or 12 with `contextTakeover`. */
  clientWindowBits?: number | undefined
}

/** The rules of a definition; docs/defaults.md has a row for each that is no handler. */
export const WEBSOCKET_RULES = {
  top: {
    upgrade: { kind: 'function', initial: undefined },
    open: { kind: 'function', initial: undefined },
    message: { kind: 'function', initial: undefined },
    part: { kind: 'function', initial: undefined },
    drain: { kind: 'function', initial: undefined },
    dropped: { kind: 'function', initial: undefined },
    close: { kind: 'function', initial: undefined },
    ping: { kind: 'function', initial: undefined },
    pong: { kind: 'function', initial: undefined },
    protocols: { kind: 'other', initial: undefined },
    textAs: { kind: 'choice', initial: 'string', choices: ['string', 'buffer'] },
    compression: { kind: 'other', initial: false },
    overflow: { kind: 'choice', initial: 'close', choices: Object.keys(Overflow) },
    sendPings: { kind: 'boolean', initial: true },
    limits: { kind: 'other', initial: undefined },
    timeouts: { kind: 'other', initial: undefined },
  },
  limits: {
    message: { kind: 'integer', initial: 16 * MIB, min: 1, max: Infinity },
    frame: { kind: 'integer', initial: undefined, min: 1, max: Infinity },
    fragments: { kind: 'integer', initial: 128 * KIB, min: 1, max: Infinity },
    backlog: { kind: 'integer', initial: MIB, min: 0, max: Infinity },
  },
  timeouts: {
    handshake: { kind: 'integer', initial: 10_000, min: 0, max: MAX_TIME },
    idle: { kind: 'integer', initial: 120_000, min: 0, max: MAX_TIME },
    close: { kind: 'integer', initial: 5_000, min: 0, max: MAX_TIME },
    lifetime: { kind: 'integer', initial: 0, min: 0, max: MAX_TIME },
  },
  compression: {
    threshold: { kind: 'integer', initial: 1024, min: 0, max: 2 ** 31 - 1 },
    level: { kind: 'integer', initial: 1, min: 1, max: 9 },
    contextTakeover: { kind: 'other', initial: false },
    serverWindowBits: { kind: 'integer', initial: undefined, min: 9, max: 15 },
    clientWindowBits: { kind: 'integer', initial: undefined, min: 9, max: 15 },
  },
} as const satisfies Record<string, Rules>

const ELSEWHERE: Readonly<Record<string, Rules>> = {
  limits: WEBSOCKET_RULES.limits,
  timeouts: WEBSOCKET_RULES.timeouts,
  compression: WEBSOCKET_RULES.compression,
}

/** What a definition says besides its handlers, checked. */
export interface WebSocketOptions {
  readonly protocols: readonly string[]
  readonly textAsBuffer: boolean
  /** Milliseconds; 0 for none. */
  readonly handshake: number
  /** What the core is to know. */
  readonly native: NativeWebSocketSettings
}

/** Checks a definition and fills in the defaults. Throws ERR_INVALID_OPTION for the first thing that is wrong. */
export function resolveWebSocket(given: unknown): WebSocketOptions {
  const top = group('', given, WEBSOCKET_RULES.top, ELSEWHERE)
  const limits = numbers('limits.', top['limits'], WEBSOCKET_RULES.limits)
  const timeouts = numbers('timeouts.', top['timeouts'], WEBSOCKET_RULES.timeouts)
  if (top['message'] !== undefined && top['part'] !== undefined) {
    throw invalid('part', top['part'], 'left out when there is `message`: messages come either whole or in parts')
  }
  const compression = compressionOf(top['compression'])
  return {
    protocols: protocolsOf(top['protocols']),
    textAsBuffer: top['textAs'] === 'buffer',
    handshake: timeouts['handshake']!,
    native: {
      messageBytes: limits['message']!,
      frameBytes: limits['frame'] ?? limits['message']!,
      fragments: limits['fragments']!,
      backlogBytes: limits['backlog']!,
      overflow: Overflow[top['overflow'] as OverflowPolicy],
      idle: timeouts['idle']!,
      sendPings: top['sendPings'] as boolean,
      lifetime: timeouts['lifetime']!,
      close: timeouts['close']!,
      streaming: top['part'] !== undefined,
      reportPings: top['ping'] !== undefined,
      reportPongs: top['pong'] !== undefined,
      ...(compression === null ? {} : { compression }),
    },
  }
}

/** RFC 9110 5.6.2, which RFC 6455 4.1 wants of a subprotocol's name. */
export const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

function protocolsOf(given: unknown): readonly string[] {
  if (given === undefined) return []
  if (!Array.isArray(given) || !given.every((name) => typeof name === 'string' && PROTOCOL.test(name))) {
    throw invalid('protocols', given, "a list of names such as ['chat.v2', 'chat']")
  }
  return [...(given as string[])]
}

function compressionOf(given: unknown): NonNullable<NativeWebSocketSettings['compression']> | null {
  if (given === false) return null
  if (given !== true && (typeof given !== 'object' || given === null)) {
    throw invalid('compression', given, 'true, false, or an object with threshold, level, contextTakeover and others')
  }
  const values = group('compression.', given === true ? {} : given, WEBSOCKET_RULES.compression)
  const [server, client] = takeover(values['contextTakeover'])
  return {
    threshold: values['threshold'] as number,
    level: values['level'] as number,
    serverContextTakeover: server,
    clientContextTakeover: client,
    serverWindowBits: windowBits(values['serverWindowBits'], server),
    clientWindowBits: windowBits(values['clientWindowBits'], client),
  }
}

/** What is kept for each socket is small unless somebody asks for more. */
function windowBits(given: unknown, isKept: boolean): number {
  return (given as number | undefined) ?? (isKept ? 12 : 15)
}

function takeover(given: unknown): [server: boolean, client: boolean] {
  if (typeof given === 'boolean') return [given, given]
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid('compression.contextTakeover', given, 'true, false, or an object with server and client')
  }
  const sides = group('compression.contextTakeover.', given, TAKEOVER)
  return [sides['server'] as boolean, sides['client'] as boolean]
}

const TAKEOVER = {
  server: { kind: 'boolean', initial: false },
  client: { kind: 'boolean', initial: false },
} as const satisfies Rules

function numbers(prefix: string, given: unknown, rules: Rules): Record<string, number | undefined> {
  return group(prefix, given ?? {}, rules, ELSEWHERE) as Record<string, number | undefined>
}
