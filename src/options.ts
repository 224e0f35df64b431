import type { AnswerHandler } from './answer-info'
import type { Compression, CompressionCoding } from './compression'
import type { Handler } from './handler'
import type { ErrorHandler } from './report'
import type { RouteMap } from './routes'
import type { ResolvedTlsOptions, TlsOptions } from './tls/options'

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
  /**
   * `'automatic'` accepts every connection; `'manual'` accepts one for each call of `server.acceptRequest`. Default:
   * `'automatic'`.
   */
  accept?: 'automatic' | 'manual' | undefined
}

/**
 * Options of a server. Each has a default with its reason in docs/defaults.md; `server.options` shows what is in force.
 */
export interface ServerOptions<RouteKeys extends string = string> extends ListenOptions {
  /**
   * Called for each request that no route takes. May answer at once or later, return nothing or a promise. A list is
   * asked in turn: see `DECLINED`. Default: none, the core answers 404.
   */
  handler?: Handler | readonly Handler[] | undefined
  /**
   * Routes by name, as `{ 'GET /users/:id': handler, '/health': fixed({ … }) }`. Without a method a handler's route
   * takes all methods, that of an answer by the core GET and HEAD. Default: none. More can be added by `server.route`.
   */
  routes?: RouteMap<RouteKeys> | undefined
  /** Whether `/users` and `/users/` are two paths (`'strict'`) or one (`'ignore'`) to routes. Default: `'strict'`. */
  trailingSlash?: 'strict' | 'ignore' | undefined
  /**
   * Compress answers for clients that like that: true, or how. It is done on threads of its own. Files sent by
   * `sendFile` and `staticFiles` are not compressed anew each time: see their option `precompressed`. What is written to
   * an answer that goes on for long reaches the client by `response.flush()`; events (`text/event-stream`) do by
   * themselves. Default: false.
   * Danger: the length of a compressed answer can betray a secret in it, when a client can have text of its choice put
   * beside that secret (BREACH).
   */
  compression?: boolean | CompressionOptions | undefined
  /**
   * Told of each error of a handler (or of a callback given to an exchange) exactly once, and of each connection that
   * failed before its request could reach a handler. Default: handler errors are printed with their stack, connection
   * errors only counted.
   */
  onError?: ErrorHandler | undefined
  /**
   * Told once of each request when its answer is complete or it was cut: also of those that the core answers without
   * JavaScript, and of those it refuses because they break the rules. For logs, see `accessLog`, and measurements. It
   * runs when the last byte of the answer has been taken by the system. Default: none. Cost: a few microseconds for each
   * request; and while JavaScript is busy the core goes on answering by itself only until twice `limits.queuedBytes` of
   * such reports wait.
   */
  onAnswer?: AnswerHandler | undefined
  /**
   * Name or IP address to listen on. Default: `'::'`, all addresses of both IP versions (`'0.0.0.0'` where there is no
   * IPv6). Danger: with the default everybody who reaches the machine reaches the server; `'127.0.0.1'` keeps it to
   * this machine.
   */
  host?: string | undefined
  /**
   * Port, 0 to 65535. Default: 0, the system picks a free one, which `listen` gives back. Below 1024 most systems want
   * a privilege.
   */
  port?: number | undefined
  /**
   * Path of a Unix domain socket to listen on instead of host and port. Default: none. A left-over socket file that
   * nobody serves is replaced.
   */
  path?: string | undefined
  /**
   * Connections the system accepts ahead of the server. Default: 1024. Cost: some hundred bytes of kernel memory each;
   * the system has a limit of its own (net.core.somaxconn).
   */
  backlog?: number | undefined
  /**
   * Listen on IPv6 only when the host is an IPv6 address, so that another server can have the IPv4 port. Default:
   * false.
   */
  ipv6Only?: boolean | undefined
  /**
   * Bind a port that still has connections in TIME_WAIT (SO_REUSEADDR). Default: true, or a restart fails for a minute.
   */
  reuseAddress?: boolean | undefined
  /**
   * Let several processes listen on one port (SO_REUSEPORT). Default: false. Danger: a second server started by mistake
   * silently takes half of the connections.
   */
  reusePort?: boolean | undefined
  /** Send small packets at once (TCP_NODELAY). Default: true; false saves packets and can cost 40 ms of latency. */
  noDelay?: boolean | undefined
  /**
   * TCP keep-alive probes which find out that a silent client has gone: true for the system's times, or times of your
   * own. Default: false.
   */
  keepAliveProbes?: boolean | KeepAliveProbes | undefined
  /**
   * Kernel send buffer of each connection in bytes (SO_SNDBUF). Default: 0, the system's automatic size. A fixed size
   * turns the automatic off.
   */
  sendBufferSize?: number | undefined
  /**
   * Kernel receive buffer of each connection in bytes (SO_RCVBUF). Default: 0, the system's automatic size. A fixed
   * size turns the automatic off.
   */
  receiveBufferSize?: number | undefined
  /**
   * Unsent bytes below which the kernel calls a socket writable (TCP_NOTSENT_LOWAT). Default: 0, the system's. Small
   * values keep streams fresh and cost wake-ups.
   */
  sendLowWatermark?: number | undefined
  /**
   * Bytes that have to arrive before a read wakes the server (SO_RCVLOWAT). Default: 0, the system's (1). Danger: a
   * request shorter than this waits for its timeout.
   */
  receiveLowWatermark?: number | undefined
  /**
   * Seconds the kernel goes on sending after close (SO_LINGER); 0 resets at once. Default: null, the system's way,
   * which loses nothing. Danger: 0 cuts answers off.
   */
  linger?: number | null | undefined
  /**
   * Threads that accept, parse and write, shared by all servers of the process: the first server to listen decides.
   * Default: half of the cores, 1 to 4. Cost: some 100 KiB each.
   */
  ioThreads?: number | undefined
  /**
   * Take a client that has closed its sending side for one that waits for its answer: `request.signal` does not abort
   * then. Default: false, because a browser that has left looks the same, and endless streams must end. The answer can
   * still be written: with false until `timeouts.write` has passed without a byte of it, with true at any time.
   */
  allowHalfClose?: boolean | undefined
  /**
   * Speak TLS, and so HTTPS and WebSockets over it: `{ certFile, keyFile }` is enough. Keys and certificates are read by
   * `listen`. Default: none, plain HTTP.
   */
  tls?: TlsOptions | undefined
  /** What a client may ask of the server. */
  limits?: Limits | undefined
  /** How long things may take. In milliseconds; 0 turns one off. */
  timeouts?: Timeouts | undefined
}

/** How answers are compressed. */
export interface CompressionOptions {
  /**
   * The codings to be used, best first: what a client likes better goes before. Default: `['zstd', 'br', 'gzip']`.
   */
  codings?: readonly CompressionCoding[] | undefined
  /** Bytes below which an answer of known length is sent as it is. Default: 1024: it fits into one packet anyway. */
  threshold?: number | undefined
  /**
   * Compress all answers of the right type, but for those that say no (`response.compress = false`, or the route's
   * `compression: false`). Default: true. With false only those that say yes.
   */
  automatic?: boolean | undefined
  /**
   * The content types worth it: a list, or a function that is given the value of `content-type`. Default: text, JSON,
   * XML, JavaScript, WebAssembly and a few others (`docs/defaults.md`).
   */
  types?: readonly string[] | ((contentType: string) => boolean) | undefined
  /** How hard to try. More costs time on the core's working threads and memory. */
  levels?: CompressionLevels | undefined
}

/** How hard to compress. */
export interface CompressionLevels {
  /** 1 to 9. Default: 3. */
  gzip?: number | undefined
  /** 0 to 11. Default: 2. */
  br?: number | undefined
  /** 1 to 19. Default: 3. */
  zstd?: number | undefined
}

/** Options of one route. */
export interface RouteOptions {
  /** The limits that differ from the server's. */
  limits?: { bodyBytes?: number | undefined } | undefined
  /** The timeouts that differ from the server's. */
  timeouts?: Pick<Timeouts, 'handler' | 'body' | 'minBodyRate' | 'write'> | undefined
  /** Whether answers are compressed when they say nothing themselves, as `compression.automatic` does for all. */
  compression?: boolean | undefined
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
  /**
   * Bytes of request line and headers together; above: 431. Default: 16384. Cost: a slow client can hold so much memory
   * per connection.
   */
  headerBytes?: number | undefined
  /** Header lines of a request; above: 431. Default: 100. */
  headerCount?: number | undefined
  /** Bytes of the request target; above: 414. Default: 8192. Has to fit into headerBytes. */
  targetBytes?: number | undefined
  /**
   * Bytes of a request body; above: 413. 0 refuses every body. Default: 8388608 (8 MiB). Danger: `bytes()`, `text()`
   * and `json()` hold all of it in memory.
   */
  bodyBytes?: number | undefined
  /**
   * Requests of one connection, the last answer then closes it. Default: Infinity. A limit spreads clients anew over
   * several servers.
   */
  requestsPerConnection?: number | undefined
  /**
   * Requests of one connection that are worked on at once; then it is not read on. Default: 64. Cost: that many
   * handlers for one client.
   */
  pipelinedRequests?: number | undefined
  /**
   * Connections at once; one more is answered 503 and closed. Default: Infinity, as many as the system gives
   * descriptors.
   */
  connections?: number | undefined
  /**
   * File descriptors kept free for what is connected: with fewer left no connection is accepted, `onError` is told
   * (ERR_DESCRIPTORS_LOW) and accepting goes on by itself. Default: 64, at most half of what the system allows.
   */
  reservedDescriptors?: number | undefined
  /**
   * Bytes of requests that wait for JavaScript, over all connections; then reading stops. Default: 67108864 (64 MiB).
   */
  queuedBytes?: number | undefined
  /**
   * Bytes of a request body read ahead of the handler. Default: 1048576 (1 MiB). Cost: that much memory per upload;
   * small windows slow uploads down.
   */
  bodyWindow?: number | undefined
  /**
   * Bytes of an unread request body that are read and dropped to keep the connection; with more to come it is closed
   * after the answer. Default: 262144 (256 KiB).
   */
  drainBytes?: number | undefined
  /**
   * Bytes of a response on their way after which `write` returns false, and of a connection's answers after which no
   * further pipelined request of it is looked at. Default: 262144 (256 KiB). Cost: that much memory per slow client.
   */
  writeBuffer?: number | undefined
  /**
   * Handshakes of TLS under way at once; with one more, the one that has taken longest is cut. Default: 4096. Cost: some
   * 6 KiB each.
   */
  handshakes?: number | undefined
}

/** How long things may take, in milliseconds; 0 turns one off. */
export interface Timeouts {
  /**
   * From the first byte of a request to the end of its headers, after: 408; and from a connection's begin to its first
   * byte, after: closed. Default: 15000. Danger when 0: attackers hold connections for ever.
   */
  headers?: number | undefined
  /** Longest pause in a request body while the server is ready to read it; after: 408. Default: 30000. */
  body?: number | undefined
  /**
   * Bytes a second a request body has to bring on average once `body` has passed since its begin; below: 408. Default:
   * 240. 0, or `body: 0`, turns it off.
   */
  minBodyRate?: number | undefined
  /**
   * How long a connection without a request is kept. Default: 75000, longer than the load balancers before it keep
   * theirs.
   */
  idle?: number | undefined
  /**
   * From a request's headers to the first byte of its answer; after: 503, and the handler's `request.signal` aborts.
   * Default: 0, off.
   */
  handler?: number | undefined
  /**
   * Longest time a client may take no byte of an answer that waits for it. Default: 30000. Quiet streams do not count:
   * only bytes that wait do.
   */
  write?: number | undefined
  /**
   * How long a connection to be closed is still read, so that the client gets to see the last answer. Default: 2000.
   */
  linger?: number | undefined
  /** From the begin of a connection to the end of its handshake of TLS; after: closed. Default: 10000. */
  handshake?: number | undefined
}

/** The options of a server with every default filled in. */
export interface ResolvedOptions {
  readonly handler: Handler | readonly Handler[] | undefined
  readonly routes: RouteMap | undefined
  readonly trailingSlash: 'strict' | 'ignore'
  /** Null when the server does not compress. */
  readonly compression: Compression | null
  readonly accept: 'automatic' | 'manual'
  readonly onError: ErrorHandler | undefined
  readonly onAnswer: AnswerHandler | undefined
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
  /** Null when the server does not speak TLS. */
  readonly tls: ResolvedTlsOptions | null
  readonly limits: { readonly [Name in keyof Limits]-?: number }
  readonly timeouts: { readonly [Name in keyof Timeouts]-?: number }
}
