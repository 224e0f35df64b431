import type { Server } from '../server'
import { codedType, show } from '../errors'
import type { UpgradeRequest } from './request'
import { Server as MillraceServer } from '../server'
import type { WebSocketDefinition } from '../websocket-route'
import type { WebSocket } from './websocket'

/** permessage-deflate as `ws` has it. */
export interface PerMessageDeflateOptions {
  /** Whether the server compresses each message by itself. Default: false. */
  serverNoContextTakeover?: boolean | undefined
  /** Whether clients have to. Default: false. */
  clientNoContextTakeover?: boolean | undefined
  /** Size of the server's window as a power of two, 9 to 15. Default: that of `server.websocket`. */
  serverMaxWindowBits?: number | undefined
  /** Size of the window a client may use, 9 to 15. */
  clientMaxWindowBits?: number | undefined
  /** `level` is obeyed; memory is the core’s affair. */
  zlibDeflateOptions?: { level?: number | undefined; [name: string]: unknown } | undefined
  /** Has no meaning here. */
  zlibInflateOptions?: object | undefined
  /** Bytes below which messages are sent as they are. Default: 1024. */
  threshold?: number | undefined
  /** Has no meaning here: messages are compressed on the I/O threads. */
  concurrencyLimit?: number | undefined
}

/** What `verifyClient` is told. */
export interface ClientInfo {
  /** The header `origin`: the page that wants to connect, when the client is a browser. */
  readonly origin: string | undefined
  /** Whether the client came over TLS. */
  readonly secure: boolean
  /** The request of the handshake. */
  readonly req: UpgradeRequest
}

/**
 * Decides whether a handshake is accepted: by what it returns, or, when it takes a callback, by what it tells that. A
 * refused one is answered with `code` (default: 401), `message` as its body and `headers`.
 */
export type VerifyClient =
  | ((info: ClientInfo) => boolean)
  | ((
      info: ClientInfo,
      callback: (
        accept: boolean,
        code?: number,
        message?: string,
        headers?: Readonly<Record<string, string | number | readonly string[]>>,
      ) => void,
    ) => void)

/** The options of `ws` 8, with its defaults. Others are ignored, as `ws` does. */
export interface ServerOptions<T extends typeof WebSocket = typeof WebSocket> {
  /** Where to listen, on a server of its own. One and only one of `port`, `server` and `noServer` has to be given. */
  port?: number | undefined
  /** Default: all addresses. */
  host?: string | undefined
  /** Connections that may wait to be accepted. Default: that of `createServer`. */
  backlog?: number | undefined
  /** A server of millrace, whose requests for WebSockets it takes. */
  server?: Server | undefined
  /** Take none; see `handleUpgrade`. */
  noServer?: boolean | undefined
  /** The path of the WebSockets. Default: all paths. */
  path?: string | undefined
  /** Decides about handshakes. Default: all are accepted. */
  verifyClient?: VerifyClient | null | undefined
  /** Chooses one of the client's subprotocols, or none by false. Default: the first. */
  handleProtocols?: ((protocols: Set<string>, request: UpgradeRequest) => string | false) | null | undefined
  /** Whether messages may be compressed, and how. Default: false. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined
  /** Bytes of a message, decompressed; 0 for any number. Default: 104857600 (100 MiB). */
  maxPayload?: number | undefined
  /** Frames of a message; 0 for any number. Default: 131072. */
  maxFragments?: number | undefined
  /** Has no meaning here: what was received is not buffered in pieces. */
  maxBufferedChunks?: number | undefined
  /** Whether there are `clients`. Default: true. */
  clientTracking?: boolean | undefined
  /** Milliseconds that a client has to answer a Close frame. Default: 30000. */
  closeTimeout?: number | undefined
  /** Whether pings are answered. Default: true. */
  autoPong?: boolean | undefined
  /** Whether several events may come in one turn of the event loop. Default: true. */
  allowSynchronousEvents?: boolean | undefined
  /** Has no meaning here: text is always checked. */
  skipUTF8Validation?: boolean | undefined
  /** The class of the sockets: `WebSocket`, or one that extends it. */
  WebSocket?: T | undefined
}

/** Checks which server is meant. */
export function checkServer({ port, server, noServer }: ServerOptions): void {
  const given = [port !== undefined && port !== null, Boolean(server), Boolean(noServer)]
  if (given.filter(Boolean).length !== 1) {
    throw codedType(
      'ERR_INVALID_OPTION',
      'One and only one of the "port", "server", or "noServer" options must be specified',
    )
  }
  if (server && !(server instanceof MillraceServer)) {
    throw codedType(
      'ERR_INVALID_OPTION',
      `The option server has to be one made by createServer() of millrace, but it is ${show(server)}: a server of ` +
        'node:http cannot hand its connections over. Serve its handler with createServer() of millrace, or give a port of its own.',
    )
  }
}

/** The handlers' half of a definition is the server's. */
export function definitionOf(options: ServerOptions): WebSocketDefinition<unknown> {
  const { maxPayload = 100 * MIB, maxFragments = 128 * KIB, closeTimeout = 30_000, perMessageDeflate } = options
  return {
    textAs: 'buffer',
    sendPings: false,
    // What `ws` has no limit for has none here.
    limits: { message: limit(maxPayload), fragments: limit(maxFragments), backlog: Infinity },
    timeouts: { handshake: 0, idle: 0, lifetime: 0, close: closeTimeout },
    compression: compressionOf(perMessageDeflate),
  }
}

function compressionOf(given: ServerOptions['perMessageDeflate']): WebSocketDefinition['compression'] {
  if (!given) return false
  const {
    serverNoContextTakeover = false,
    clientNoContextTakeover = false,
    serverMaxWindowBits,
    clientMaxWindowBits,
    zlibDeflateOptions,
    threshold = KIB,
  } = given === true ? {} : given
  const { level } = zlibDeflateOptions ?? {}
  return {
    threshold,
    // zlib's 0 and -1 stand for none, and for its own default.
    level: level === undefined || level < 1 ? undefined : level,
    contextTakeover: { server: !serverNoContextTakeover, client: !clientNoContextTakeover },
    serverWindowBits: serverMaxWindowBits,
    clientWindowBits: clientMaxWindowBits,
  }
}

/** As `ws`: 0, or what is no 32-bit integer above it, is none. */
function limit(given: number): number {
  return (given | 0) > 0 ? given | 0 : Infinity
}

const KIB = 1024
const MIB = 1024 * KIB
