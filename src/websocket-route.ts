import type { Lane } from './dispatch'
import type { HeaderValue } from './fields'
import type { DECLINED, Handler } from './handler'
import type { Request } from './request'
import type { Response } from './response'
import type { ServerWebSocket } from './websocket'
import {
  resolveWebSocket,
  type OverflowPolicy,
  type WebSocketCompression,
  type WebSocketLimits,
  type WebSocketOptions,
  type WebSocketTimeouts,
} from './websocket-options'
import { WebSocketOrigins } from './websocket-origin'
import { upgradeHandler } from './websocket-upgrade'

/**
 * What a route does with WebSockets: its handlers, and its options. The handlers are called as functions, one after the
 * other for each socket; what they return has no meaning, except a promise: nobody waits for it, but when it rejects, or a
 * handler throws, the error goes to `onError` once and the socket is closed with 1011; only `close` is called after that.
 *
 * `Data` is what `upgrade` attaches to each socket, `Pattern` that of the route: it types `request.params`. Write `upgrade`
 * first, so that the type of its `data` is known to the others.
 */
export interface WebSocketDefinition<Data = undefined, Pattern extends string = string> {
  /**
   * Decides about a request whose handshake is right (RFC 6455 4.2.1; others are refused before). Answering `response`
   * refuses it, and so does a status other than 200 that was set on it; returning nothing, or what {@link WebSocketAccept}
   * describes, accepts it, at once or later. Headers set on `response` go with the answer. Throwing answers 500, as in any
   * handler. `DECLINED` leaves the request to the handler of the server. Default: every request is accepted.
   */
  upgrade?(request: Request<Pattern>, response: Response): Upgraded<Data> | Promise<Upgraded<Data>>
  /** A WebSocket has been opened: called first, once. `request` can be kept. */
  open?(socket: ServerWebSocket<Data>, request: Request<Pattern>): unknown
  /**
   * A message: a string when it is text (see {@link textAs}), a Buffer when it is binary, yours for as long as you hold it.
   */
  message?(socket: ServerWebSocket<Data>, message: string | Buffer, isBinary: boolean): unknown
  /** Instead of `message`: a piece of a message as it comes, of whatever size. Pieces of text end between characters. */
  part?(socket: ServerWebSocket<Data>, data: string | Buffer, info: MessagePart): unknown
  /** After `send` has returned `'buffered'`: most of what waited is on its way. */
  drain?(socket: ServerWebSocket<Data>): unknown
  /** Messages were dropped because the client is too slow: see {@link overflow}. */
  dropped?(socket: ServerWebSocket<Data>, what: DroppedMessages): unknown
  /**
   * A WebSocket is over: called last, once for each that was opened.
   *
   * @param code the client's, or the server's when that closed first; 1005 when there was none, 1006 when the connection
   * was cut
   * @param reason the text that came with it, or why the connection was cut
   * @param wasClean whether both sides have sent a Close frame
   */
  close?(socket: ServerWebSocket<Data>, code: number, reason: string, wasClean: boolean): unknown
  /** A Ping frame came, and has been answered. */
  ping?(socket: ServerWebSocket<Data>, data: Buffer): unknown
  /** A Pong frame came. */
  pong?(socket: ServerWebSocket<Data>, data: Buffer): unknown
  /**
   * The subprotocols that are spoken (RFC 6455 1.9): the first of the client's that is here is chosen, unless `upgrade`
   * says which. Default: none.
   */
  protocols?: readonly string[] | undefined
  /** What text messages are given as: `'string'`, or `'buffer'` for their UTF-8. Default: `'string'`. */
  textAs?: 'string' | 'buffer' | undefined
  /**
   * Compress messages for clients that offer it (permessage-deflate, RFC 7692): true, or how. Default: false. Danger: see
   * {@link MessageOptions.compress}.
   */
  compression?: boolean | WebSocketCompression | undefined
  /**
   * What becomes of messages when more than `limits.backlog` waits for a client: `'close'` cuts the connection and calls
   * `close` with 1008, `'dropNewest'` drops the message that does not fit, `'dropOldest'` makes room for it, `'latest'`
   * keeps of each topic only the latest message, and drops the oldest of the others. `dropped` is told of those. Default:
   * `'close'`.
   */
  overflow?: OverflowPolicy | undefined
  /** Ask clients that are silent for a while whether they are still there: see `timeouts.idle`. Default: true. */
  sendPings?: boolean | undefined
  /** What clients may send, and what may wait for them. */
  limits?: WebSocketLimits | undefined
  /** How long things may take. In milliseconds; 0 turns one off. */
  timeouts?: WebSocketTimeouts | undefined
}

/** What `upgrade` returns: how the request is accepted, or nothing, or the response that it has answered, or `DECLINED`. */
export type Upgraded<Data = undefined> = WebSocketAccept<Data> | Response | typeof DECLINED | void

/** How a WebSocket is accepted. */
export interface WebSocketAccept<Data = undefined> {
  /** One of the subprotocols that the client has offered; `''` for none. Default: as `protocols` says. */
  protocol?: string | undefined
  /** Go with the answer, as those set on `response`. */
  headers?: Readonly<Record<string, HeaderValue>> | undefined
  /** Attached to the socket. */
  data?: Data
}

/** Which piece of a message it is. */
export interface MessagePart {
  /** Whether the message is a binary one; else it is text. */
  readonly isBinary: boolean
  /** Whether the message begins with this piece. */
  readonly isFirst: boolean
  /** Whether the message ends with this piece; true as well as `isFirst` when it is the only one. */
  readonly isLast: boolean
}

/** What was dropped since this was last told. */
export interface DroppedMessages {
  /** How many. */
  readonly messages: number
  /** The bytes of their payloads. */
  readonly bytes: number
}

/**
 * Makes a target for a route of GET, by which clients open WebSockets (RFC 6455): a value of the option `routes`, or for
 * `server.route`. What is no WebSocket handshake is refused: 426 when a browser just looks.
 *
 * @throws ERR_INVALID_OPTION naming what is wrong
 */
export function webSocket<Data = undefined, Pattern extends string = string>(
  definition: WebSocketDefinition<Data, Pattern>,
): WebSocketRoute<Pattern> {
  return new WebSocketRoute<Pattern>(definition as WebSocketDefinition<unknown, Pattern>)
}

/** A route's WebSockets: see {@link webSocket}. It can be the target of several routes. */
export class WebSocketRoute<Pattern extends string = string> {
  /** What it was made of. */
  readonly definition: Readonly<WebSocketDefinition<unknown, Pattern>>
  /** @internal */ readonly _handlers: WebSocketHandlers
  /** @internal */ readonly _options: WebSocketOptions
  /** @internal What runs `upgrade`. */ readonly _handler: Handler
  /** @internal */ readonly _origins = new WebSocketOrigins()
  private settings = -1

  /** @internal */
  constructor(definition: WebSocketDefinition<unknown, Pattern>) {
    const options = resolveWebSocket(definition)
    this.definition = Object.freeze({ ...definition })
    this._options = options
    this._handlers = handlersOf(this.definition as WebSocketDefinition<unknown>)
    this._handler = upgradeHandler(this as WebSocketRoute)
  }

  /** @internal The number by which the core knows its options. */
  _settings(lane: Lane): number {
    // One lane a thread, and this object belongs to one thread.
    if (this.settings < 0) this.settings = lane.core.addWebSocketSettings(this._options.native)
    return this.settings
  }
}

type Definition = WebSocketDefinition<unknown>

/** The handlers, null where there is none: looked up for each record. */
export interface WebSocketHandlers {
  readonly upgrade: NonNullable<Definition['upgrade']> | null
  readonly open: NonNullable<Definition['open']> | null
  readonly message: NonNullable<Definition['message']> | null
  readonly part: NonNullable<Definition['part']> | null
  readonly drain: NonNullable<Definition['drain']> | null
  readonly dropped: NonNullable<Definition['dropped']> | null
  readonly close: NonNullable<Definition['close']> | null
  readonly ping: NonNullable<Definition['ping']> | null
  readonly pong: NonNullable<Definition['pong']> | null
}

function handlersOf(definition: Readonly<Definition>): WebSocketHandlers {
  const { upgrade, open, message, part, drain, dropped, close, ping, pong } = definition
  return {
    upgrade: upgrade ?? null,
    open: open ?? null,
    message: message ?? null,
    part: part ?? null,
    drain: drain ?? null,
    dropped: dropped ?? null,
    close: close ?? null,
    ping: ping ?? null,
    pong: pong ?? null,
  }
}
