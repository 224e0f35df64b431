import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { asksForWebSocket } from '../companions'
import { codedType } from '../errors'
import { Request } from '../request'
import { Response } from '../response'
import { createServer, type Server } from '../server'
import { webSocket, type WebSocketAccept, type WebSocketDefinition, type WebSocketRoute } from '../websocket-route'
import { acceptWebSocket } from '../websocket-upgrade'
import { abort, addedHeaders, answerLines, protocolsOf, refusalOf, type Refusal } from './handshake'
import { checkServer, definitionOf, type ServerOptions } from './options'
import { UpgradeRequest } from './request'
import type { UpgradeSocket } from './upgrade-socket'
import { WebSocket } from './websocket'

export interface WebSocketServerEvents<T extends typeof WebSocket = typeof WebSocket> {
  connection: [websocket: InstanceType<T>, request: UpgradeRequest, ...more: unknown[]]
  listening: []
  close: []
  error: [error: Error]
  headers: [headers: string[], request: UpgradeRequest]
  wsClientError: [error: Error, socket: UpgradeSocket, request: UpgradeRequest]
}

/** Told when a handshake is complete. */
export type UpgradeCallback<T extends typeof WebSocket = typeof WebSocket> = (
  websocket: InstanceType<T>,
  request: UpgradeRequest,
) => void

const State = { running: 0, closing: 1, closed: 2 } as const

/**
 * A WebSocket server with the surface of that of the package `ws` 8, on the core's sockets; docs/coming-from/ws.md says
 * what differs.
 */
export class WebSocketServer<T extends typeof WebSocket = typeof WebSocket> extends EventEmitter<
  WebSocketServerEvents<T>
> {
  /** The options it was made with. */
  readonly options: ServerOptions<T>
  /** The open WebSockets; missing with `clientTracking: false`. */
  declare readonly clients: Set<InstanceType<T>>
  private state: number = State.running
  private server: Server | null = null
  private detach: (() => void) | null = null
  private readonly route: WebSocketRoute
  /** How many are open, tracked or not. */
  private open = 0

  /**
   * @param callback told when it listens, with the option `port`
   * @throws ERR_INVALID_OPTION
   */
  constructor(options: ServerOptions<T> = {}, callback?: () => void) {
    super()
    checkServer(options as ServerOptions)
    this.options = { clientTracking: true, ...options }
    if (this.options.clientTracking === true) Object.assign(this, { clients: new Set() })
    this.route = webSocket(this.definition())
    // Of this package alone: a server that does not answer pings is of no use to any other program.
    if (this.options.autoPong === false) Object.assign(this.route._options.native, { answerPings: false })
    if (options.server) this.share(options.server)
    else if (!options.noServer) this.listen(callback)
  }

  /**
   * Where it listens, as `server.address()` of node:http; null before it does.
   *
   * @throws with `noServer`
   */
  address(): { address: string; family: string; port: number } | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode')
    const where = this.server?.address ?? null
    if (where === null) return null
    const { address, family, port, path } = where
    return path ?? { address, family, port }
  }

  /**
   * Opens no more WebSockets, and emits `close` when those that are open have ended: none is closed by this. A server of
   * its own stays on its port until then, and answers 503.
   *
   * @param callback told of the end; with an error when it had closed before
   */
  close(callback?: (error?: Error) => void): void {
    if (this.state === State.closed) {
      if (callback !== undefined) this.once('close', () => callback(new Error('The server is not running')))
      process.nextTick(() => this.emitClose())
      return
    }
    if (callback !== undefined) this.once('close', callback)
    if (this.state === State.closing) return
    this.state = State.closing
    this.detach?.()
    if (!this.isOwn) this.server = null
    // Without `clients`, and with a server of another's, it is over at once.
    if (this.open === 0 || (!this.isOwn && this.options.clientTracking !== true)) this.finish()
  }

  /** Whether a handshake is for this server. To be overridden; by default `path` decides. */
  shouldHandle(request: Pick<UpgradeRequest, 'url'>): boolean {
    const { path } = this.options
    return !path || request.url.replace(/\?.*/s, '') === path
  }

  /**
   * Answers a handshake: opens a WebSocket, or refuses. With `noServer`, call it from a handler of millrace.
   *
   * @param request the request of a handler
   * @param response its response, which must not have been answered
   * @param _head has no meaning here
   * @param callback told when the WebSocket is open, usually to emit `connection`
   * @throws ERR_INVALID_ARGUMENT for the request or the socket of node:http
   */
  handleUpgrade(
    request: Request | UpgradeRequest,
    response: Response,
    _head: Uint8Array | null | undefined,
    callback: UpgradeCallback<T>,
  ): void {
    const incoming = request instanceof Request ? new UpgradeRequest(request, response) : request
    if (!(incoming instanceof UpgradeRequest) || !(response instanceof Response)) {
      throw codedType(
        'ERR_INVALID_ARGUMENT',
        'handleUpgrade() takes the request and the response of a handler of millrace: the connections of a server of ' +
          'node:http cannot be handed over. Serve with createServer() of millrace.',
      )
    }
    const refusal = refusalOf(incoming)
    if (refusal !== null) return this.refuse(incoming, response, refusal)
    if (!this.shouldHandle(incoming)) return abort(response, 400)
    const protocols = protocolsOf(incoming)
    if (protocols === null) {
      return this.refuse(incoming, response, { status: 400, message: 'Invalid Sec-WebSocket-Protocol header' })
    }
    this.verify(incoming, response, () => this.accept(incoming, response, protocols, callback))
  }

  private get isOwn(): boolean {
    return !this.options.noServer && !this.options.server
  }

  private listen(callback: (() => void) | undefined): void {
    const { port, host, backlog } = this.options
    if (callback !== undefined) this.once('listening', callback)
    const server = createServer({
      handler: (request, response) => this.answer(request, response),
      backlog: backlog ?? undefined,
    })
    this.server = server
    server.listen({ port: Number(port), host: host ?? undefined }).then(
      // Not inside the promise: a listener that throws is an uncaught exception, as with `ws`.
      () => process.nextTick(() => this.emit('listening')),
      (error: Error) => process.nextTick(() => this.emit('error', error)),
    )
  }

  private share(server: Server): void {
    this.server = server
    this.detach = server._attach({
      wants: (request) => this.shouldHandle(request),
      take: (request, response) => this.take(request, response),
      listening: () => this.emit('listening'),
    })
  }

  /** A request to the server of its own. */
  private answer(request: Request, response: Response): void {
    if (this.state !== State.running) return abort(response, 503)
    if (asksForWebSocket(request)) return this.take(request, response)
    response.status = 426
    response.setHeader('content-type', 'text/plain')
    response.end('Upgrade Required')
  }

  private take(request: Request, response: Response): void {
    this.handleUpgrade(new UpgradeRequest(request, response), response, null, (websocket, incoming) =>
      this.emit('connection', websocket, incoming),
    )
  }

  private refuse(request: UpgradeRequest, response: Response, { status, message, headers }: Refusal): void {
    if (this.listenerCount('wsClientError') === 0) return abort(response, status, message, headers)
    this.emit('wsClientError', new Error(message), request.socket, request)
  }

  private verify(request: UpgradeRequest, response: Response, accept: () => void): void {
    const { verifyClient } = this.options
    if (!verifyClient) return accept()
    const origin = request.headers['sec-websocket-version'] === '8' ? 'sec-websocket-origin' : 'origin'
    const info = { origin: request.headers[origin] as string | undefined, secure: request.request.secure, req: request }
    if (verifyClient.length === 2) {
      verifyClient(info, (isAccepted, code, message, headers) => {
        if (isAccepted) accept()
        else abort(response, code || 401, message, headers)
      })
    } else if ((verifyClient as (given: typeof info) => boolean)(info)) accept()
    else abort(response, 401)
  }

  private accept(
    request: UpgradeRequest,
    response: Response,
    protocols: Set<string>,
    callback: UpgradeCallback<T>,
  ): void {
    if (this.state !== State.running) return abort(response, 503)
    if (response.error !== null || request._isDestroyed) return
    const { handleProtocols, WebSocket: Socket = WebSocket } = this.options
    const websocket = new Socket(null, undefined, this.options as ServerOptions) as InstanceType<T>
    const [first = ''] = protocols
    const protocol = protocols.size === 0 || !handleProtocols ? first : handleProtocols(protocols, request) || ''
    const lines = answerLines(acceptValue(request.headers['sec-websocket-key']!), protocol)
    this.emit('headers', lines, request)
    const ended = response.finished
    const accept: WebSocketAccept<WebSocket> = { protocol, headers: addedHeaders(lines), data: websocket }
    acceptWebSocket(this.route, request.request, response, accept)
    const isCompressed = this.options.perMessageDeflate && OFFERS_DEFLATE.test(offersOf(request))
    const extensions = isCompressed ? 'permessage-deflate' : ''
    // A client that goes before it is answered has no other end.
    ended.catch(() => websocket._closed(ABNORMAL, '', false))
    request._opened(websocket)
    websocket._open({ request, protocol, extensions, isPaused: false })
    this.count(websocket)
    callback(websocket, request)
  }

  /** Counted before anybody else listens, so that it has gone from `clients` when they are told. */
  private count(websocket: InstanceType<T>): void {
    this.open++
    if (this.options.clientTracking === true) this.clients.add(websocket)
    websocket.on('close', () => {
      this.open--
      if (this.options.clientTracking === true) this.clients.delete(websocket)
      if (this.open === 0 && this.state === State.closing) this.finish()
    })
  }

  private finish(): void {
    const { server } = this
    this.server = null
    if (server === null) process.nextTick(() => this.emitClose())
    else void server.close().then(() => process.nextTick(() => this.emitClose()))
  }

  private emitClose(): void {
    this.state = State.closed
    this.emit('close')
  }

  /** What the core's sockets do: `data` of each is what its handshake has left. */
  private definition(): WebSocketDefinition {
    const definition: WebSocketDefinition<WebSocket> = {
      ...(definitionOf(this.options as ServerOptions) as WebSocketDefinition<WebSocket>),
      open: (socket) => socket.data._attach(socket as never),
      message: (socket, data, isBinary) => socket.data._received(data as Buffer, isBinary),
      ping: (socket, data) => socket.data._heartbeat('ping', data),
      pong: (socket, data) => socket.data._heartbeat('pong', data),
      close: (socket, code, reason, wasClean) => socket.data._closed(code, reason, wasClean),
    }
    return definition as unknown as WebSocketDefinition
  }
}

const ABNORMAL = 1006
const OFFERS_DEFLATE = /(?:^|,)\s*permessage-deflate\s*(?:[;,]|$)/

function offersOf({ headers }: UpgradeRequest): string {
  return headers['sec-websocket-extensions'] ?? ''
}

/** RFC 6455 4.2.2. The core computes its own; this one is for listeners of `headers`. */
function acceptValue(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}
