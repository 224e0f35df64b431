import { Flag, LARGE_PAYLOAD } from './outbound'
import { pieceOf, type Chunk } from './chunk'
import type { Lane, ServerSink } from './dispatch'
import { codedRange, codedType, show, type CodedError } from './errors'
import type { FileRange } from './file-range'
import { formatIPv4 } from './inbound'
import {
  Control,
  MessageFlag,
  Overflow,
  SOCKET_RECORD_OVERHEAD,
  writeControl,
  writeOverflow,
  writeSend,
  writeTopic,
} from './socket-records'
import type { TlsInfo } from './tls/info'
import { checkSubscription } from './topics'
import { publish } from './publish'
import { Queue } from './queue'
import { OutgoingMessage } from './websocket-message'
import type { OverflowPolicy } from './websocket-options'
import type { WebSocketOrigin } from './websocket-origin'
import { Outgoing } from './websocket-outgoing'
import type { MessagePart, WebSocketRoute } from './websocket-route'

/** A message: text (sent as UTF-8), an ArrayBuffer, or any view of one. */
export type WebSocketMessage = Exclude<Chunk, FileRange>

/** How one message is sent. */
export interface MessageOptions {
  /**
   * Whether it is a binary message; else it is text, and bytes have to be UTF-8 then, or the client closes the
   * connection. Default: false for a string, true for bytes.
   */
  binary?: boolean | undefined
  /**
   * Whether it may be compressed, where the route compresses, the client has agreed and the message is long enough.
   * Default: true. Danger: the length of a compressed message can betray a secret that stands beside text of an
   * attacker's choice.
   */
  compress?: boolean | undefined
}

/** How one message is written: see {@link ServerWebSocket.write}. */
export interface WriteOptions extends MessageOptions {
  /** The most payload bytes of a frame: a longer message goes in several (RFC 6455 5.4). Default: 0, one frame. */
  fragment?: number | undefined
}

/**
 * What became of a message given to `send`: `'sent'` when it is on its way, `'buffered'` when it waits behind more than
 * `limits.writeBuffer` of the server because the client is slower than the program (`drain` is called when it has caught
 * up), `'closed'` when there is nobody to send it to any more.
 */
export type SendResult = 'sent' | 'buffered' | 'closed'

// Constants of this module's own, which V8 folds into machine code.
const OPEN = 1
const CLOSING = 2
const CLOSED = 3
const BINARY = MessageFlag.binary
const COMPRESS = MessageFlag.compress
const WANT_DRAIN = Flag.wantDrain
const LARGE = Flag.large
const OVERHEAD = SOCKET_RECORD_OVERHEAD

const READY_STATE = 3
/** A drain record has been asked for and has not come yet. */
const ASKED = 4
/** `send` has said 'buffered', so that somebody waits for `drain`. */
const TOLD = 8
const PAUSED = 16
/** `terminate` was called, or a handler has failed: what the client sends is nobody's. */
const DEAF = 32
/** Came over TLS. */
const SECURE = 64
const PORT_SHIFT = 8

/** RFC 6455 5.5: payloads of control frames are short. */
const CONTROL_BYTES = 125
/** A reason shares that with the code. */
const REASON_BYTES = 123

/** What came while the socket was paused: a message, a part of one, or the end, whose reason is its data. */
export interface Kept {
  readonly data: string | Buffer
  /** Null for the end. */
  readonly part: MessagePart | null
  /** Of the end. */
  readonly code: number
  readonly wasClean: boolean
}

/**
 * One WebSocket (RFC 6455), as handlers of its route get it. It can be used for as long as you hold it: on one that is
 * closed, calls return `false` or `'closed'`, promises reject with ERR_WEBSOCKET_CLOSED, and nothing else happens.
 * Misuse, such as a reason that is too long, throws an error with a code.
 *
 * `Data` is the type of what `upgrade` has attached to it.
 */
export class ServerWebSocket<Data = undefined> {
  /** {@link readyState} before `open`; no handler gets to see it. */
  static readonly CONNECTING = 0
  /** {@link readyState} of a WebSocket that messages go through. */
  static readonly OPEN = 1
  /** {@link readyState} after `close` or `terminate`, until the end. */
  static readonly CLOSING = 2
  /** {@link readyState} when it is over. */
  static readonly CLOSED = 3

  /** What `upgrade` has attached; undefined when it has attached nothing. Yours to change. */
  data: Data
  /** @internal */ readonly _origin: WebSocketOrigin
  /** @internal */ readonly _connection: number
  /** @internal */ readonly _generation: number
  /** @internal Bytes of payloads handed over so far, modulo 2^32: a small integer for V8. */ _sent: number
  /** @internal Bytes handed over since the core has last said how many wait, and those that waited. */ _unsent: number
  /** The client's address: of IPv4 as a number. */
  private readonly address: string | number | undefined
  /** {@link readyState} in the lowest bits, then flags, then the client's port: most sockets wait, and are small. */
  private state: number
  /** What few sockets have. */
  private aside: Aside | null

  /** @internal */
  constructor(
    origin: WebSocketOrigin,
    connection: number,
    generation: number,
    data: Data,
    address: string | number | undefined,
    port: number,
    secure: boolean,
  ) {
    this.data = data
    this._origin = origin
    this._connection = connection
    this._generation = generation
    this._sent = 0
    this._unsent = 0
    this.address = address
    this.state = OPEN | (secure ? SECURE : 0) | (port << PORT_SHIFT)
    this.aside = null
  }

  /** The client's IP address; undefined on a Unix domain socket. */
  get remoteAddress(): string | undefined {
    return typeof this.address === 'number' ? formatIPv4(this.address) : this.address
  }

  /** The client's port; undefined on a Unix domain socket. */
  get remotePort(): number | undefined {
    return this.address === undefined ? undefined : this.state >>> PORT_SHIFT
  }

  /** Whether it came over TLS. */
  get secure(): boolean {
    return (this.state & SECURE) !== 0
  }

  /**
   * What the handshake of its connection has agreed on, with the client's certificate; null when it did not come over TLS.
   * Looked up each time, so that sockets stay small: keep it when you need it after the end, when it is null as soon as
   * the connection's place is taken by another.
   */
  get tls(): TlsInfo | null {
    return this.secure ? this._lane.tls.of(this._connection, this._generation, false) : null
  }

  /** The subprotocol agreed on (RFC 6455 1.9); `''` for none. */
  get protocol(): string {
    return this._origin.protocol
  }

  /** The extensions agreed on, as in the header the client was told; `''` for none. */
  get extensions(): string {
    return this._origin.extensions
  }

  /**
   * 1 while it is open, 2 after `close` or `terminate`, 3 when it is over: see the constants of the class. The numbers are
   * those of the WebSocket of browsers.
   */
  get readyState(): 0 | 1 | 2 | 3 {
    return this._readyState as 1 | 2 | 3
  }

  /**
   * Bytes of payloads given to `send` and the others, or published, that have not been handed to the operating system.
   * 0 when the WebSocket is closed. Asks the core, which costs about a microsecond.
   */
  get bufferedAmount(): number {
    if (this._readyState === CLOSED) return 0
    const info = this._lane.core.connectionInfo(this._connection, this._generation)
    const waiting = this._outgoing === null ? 0 : this._outgoing.waitingBytes
    if (info === null) return waiting
    // What the core has not seen yet is counted here, by numbers that both go round at 2^32.
    return waiting + info.queued + Math.max(0, (this._sent - info.received) | 0)
  }

  /** Whether {@link pause} has been called, and {@link resume} not since. */
  get isPaused(): boolean {
    return (this.state & PAUSED) !== 0
  }

  /** What it has subscribed to, in that order; none when it is closed. A list of your own. */
  get topics(): string[] {
    return this.subscriptions === null ? [] : [...this.subscriptions]
  }

  /**
   * Sends a message: text as a text message, bytes as a binary one. They are copied before this returns. Messages arrive
   * in the order in which they were given to this socket, by whichever way.
   *
   * @returns see {@link SendResult}; when it is `'buffered'`, better wait for `drain` before sending on: above
   * `limits.backlog` of the route, `overflow` says what happens
   * @throws ERR_INVALID_CHUNK for what is neither text nor bytes; ERR_INVALID_OPTION; ERR_INVALID_ARGUMENT
   */
  send(message: WebSocketMessage, options?: MessageOptions): SendResult {
    const data = typeof message === 'string' ? message : bytesOf(message)
    const flags =
      options === undefined ? (typeof data === 'string' ? COMPRESS : BINARY | COMPRESS) : flagsOf(data, options)
    if (this._readyState !== OPEN) return 'closed'
    if (this._outgoing !== null && this._outgoing.isWaiting) return this._outgoing.send(data, flags)
    this._emit(data, flags, 0, 0)
    if (this._unsent < this._server.writeBuffer) return 'sent'
    this.state |= TOLD
    return 'buffered'
  }

  /**
   * Writes one whole message and promises its outcome: the promise resolves with the bytes of the payload once they have
   * all been handed to the operating system, never inside this call. Writes are made one at a time: a second one waits its
   * turn, and what is sent meanwhile goes behind it. Bytes must not be changed until then.
   *
   * @returns a promise that rejects with a {@link WriteError}, whose `bytesTransferred` says how much was handed over:
   * ERR_WEBSOCKET_CLOSED when the WebSocket is, or gets, closed first; ERR_WEBSOCKET_DROPPED when the client was too slow
   * and `overflow` says so; ERR_WRITE_FAILED with the system's `errno`. Nobody has to wait for it.
   * @throws ERR_INVALID_CHUNK for what is neither text nor bytes; ERR_INVALID_OPTION; ERR_INVALID_ARGUMENT
   */
  write(message: WebSocketMessage, options?: WriteOptions): Promise<number> {
    const data = typeof message === 'string' ? message : bytesOf(message)
    const flags = flagsOf(data, options, WRITE_OPTIONS)
    return this._out().write(data, flags, options === undefined ? 0 : fragmentOf(options))
  }

  /**
   * Begins a message that is written in parts, each a frame of its own (RFC 6455 5.4). What is sent otherwise while it is
   * open waits for its end; pings do not.
   *
   * @param options `binary`: default false when its first part is a string, else true
   * @throws ERR_INVALID_OPTION; ERR_INVALID_ARGUMENT
   */
  stream(options?: MessageOptions): OutgoingMessage {
    flagsOf('', options)
    return new OutgoingMessage(this as ServerWebSocket<unknown>, options)
  }

  /**
   * Sends a Ping frame (RFC 6455 5.5.2), which every client answers by itself. There is no need to: the core does it when
   * a client is silent (`timeouts.idle`).
   *
   * @param data text or bytes, 125 bytes at most; the Pong frame has it too
   * @returns false when the WebSocket is closed
   * @throws ERR_INVALID_ARGUMENT
   */
  ping(data: WebSocketMessage = ''): boolean {
    return this.heartbeat(Control.ping, data)
  }

  /** Sends a Pong frame nobody has asked for (RFC 6455 5.5.3). Pings are answered by the core. As {@link ping}. */
  pong(data: WebSocketMessage = ''): boolean {
    return this.heartbeat(Control.pong, data)
  }

  /**
   * Closes the WebSocket: sends a Close frame behind all that was sent before, waits for the client's
   * (`timeouts.close`), and then calls `close`.
   *
   * @param code 1000 (normal), 1001, 1002, 1003, 1007 to 1014, or 3000 to 4999 for what client and server agree on (RFC
   * 6455 7.4). Default: none, which the client sees as 1005; with a reason 1000.
   * @param reason for people and logs, 123 bytes of UTF-8 at most
   * @returns false when it is closed, or closes, already
   * @throws ERR_INVALID_ARGUMENT, a RangeError, for a code or reason that cannot be sent
   */
  close(code?: number, reason = ''): boolean {
    const sent = code ?? (reason === '' ? 0 : 1000)
    if (code !== undefined && !isSendable(code)) {
      throw codedRange(
        'ERR_INVALID_ARGUMENT',
        `A close code is 1000 to 1003, 1007 to 1014 or 3000 to 4999, but it is ${show(code)}.`,
      )
    }
    if (typeof reason !== 'string' || Buffer.byteLength(reason) > REASON_BYTES) {
      throw codedRange(
        'ERR_INVALID_ARGUMENT',
        `The reason of a close is a text of at most ${REASON_BYTES} bytes, but it is ${show(reason)}.`,
      )
    }
    if (this._readyState !== OPEN) return false
    this.become(CLOSING)
    if (this._outgoing?.isWaiting === true) this._outgoing.close(sent, reason)
    else this._control(Control.close, sent, reason)
    return true
  }

  /**
   * Cuts the connection without a Close frame; what waits to be sent is lost. `close` is called with 1006, and
   * no other handler before.
   *
   * @returns false when it is closed already
   */
  terminate(): boolean {
    if (this._readyState === CLOSED) return false
    this.become(CLOSING)
    this.deafen()
    this._control(Control.terminate, 0, '')
    return true
  }

  /**
   * Has the client's messages wait: the socket is not read, so that a fast client is slowed down. Messages that have come
   * already are kept, and delivered by {@link resume} in their order. So is the end, if they came before it. A WebSocket
   * that closes is read all the same, for the client's Close frame: messages that come then, while it is paused, are lost.
   *
   * @returns false when the WebSocket is closed
   */
  pause(): boolean {
    if (this._readyState === CLOSED) return false
    if ((this.state & PAUSED) === 0) {
      this.state |= PAUSED
      this._kept ??= new Queue()
      this._control(Control.pause, 0, '')
    }
    return true
  }

  /**
   * Reads on. What was kept is delivered before anything else, not inside this call.
   *
   * @returns false when the WebSocket is closed
   */
  resume(): boolean {
    if ((this.state & PAUSED) !== 0) {
      this.state &= ~PAUSED
      if (this._readyState !== CLOSED) this._control(Control.resume, 0, '')
      this._lane.deliverKept(this as ServerWebSocket<unknown>)
    }
    return this._readyState !== CLOSED
  }

  /**
   * Calls back, with this socket, and sends all that was sent meanwhile at once. All messages of one turn of the event loop
   * go out together anyway, so this is for programs that come from a server where they do not.
   */
  cork(callback: (socket: this) => void): this {
    if (typeof callback !== 'function') {
      throw codedType('ERR_INVALID_ARGUMENT', `cork() calls a function back, but it is given ${show(callback)}.`)
    }
    callback(this)
    return this
  }

  /**
   * Changes, for this socket alone, what becomes of messages that the client does not take.
   *
   * @param policy see `WebSocketDefinition.overflow`
   * @param bytes what may wait; Infinity for any number
   * @returns false when the WebSocket is closed
   * @throws ERR_INVALID_ARGUMENT
   */
  setOverflow(policy: OverflowPolicy, bytes: number): boolean {
    if (!Object.hasOwn(Overflow, policy)) {
      const allowed = Object.keys(Overflow).map(show).join(' or ')
      throw codedType('ERR_INVALID_ARGUMENT', `The policy has to be ${allowed}, but it is ${show(policy)}.`)
    }
    if (bytes !== Infinity && (!Number.isInteger(bytes) || bytes < 0)) {
      throw codedRange('ERR_INVALID_ARGUMENT', `What may wait is a whole number of bytes, but it is ${show(bytes)}.`)
    }
    if (this._readyState === CLOSED) return false
    const outbox = this._lane.reserve(OVERHEAD)
    writeOverflow(outbox, this._connection, this._generation, Overflow[policy], Math.min(bytes, 0xffff_ffff))
    this._lane.written()
    return true
  }

  /**
   * From now on this socket gets what is published under a topic, until it is closed. A topic is a text of levels with `/`
   * between; `+` stands for one level, `#` at the end for any number of them (MQTT 3.1.1 4.7): `'rooms/+/news'`,
   * `'rooms/#'`. A message that fits several subscriptions comes once.
   *
   * @returns false when it has subscribed to that before, or is closed
   * @throws ERR_INVALID_ARGUMENT
   */
  subscribe(topic: string): boolean {
    checkSubscription(topic)
    if (this._readyState === CLOSED) return false
    const topics = (this.more().topics ??= new Set())
    if (topics.has(topic)) return false
    this.topic(true, topic)
    topics.add(topic)
    this._server.topics.add(topic)
    return true
  }

  /**
   * Takes a subscription back.
   *
   * @param topic as it was given to {@link subscribe}
   * @returns false when there was none
   */
  unsubscribe(topic: string): boolean {
    if (this.subscriptions === null || !this.subscriptions.has(topic)) return false
    this.topic(false, topic)
    this.subscriptions.delete(topic)
    this._server.topics.remove(topic)
    return true
  }

  /** Whether it has subscribed to exactly that: whether `'rooms/1'` is matched by `'rooms/+'` is not looked at. */
  isSubscribed(topic: string): boolean {
    return this.subscriptions !== null && this.subscriptions.has(topic)
  }

  /**
   * Sends a message to all sockets of this server that have subscribed to a topic, but not to this one; as
   * `server.publish`, which leaves out nobody.
   *
   * @returns false when nobody has subscribed to anything, or this WebSocket is closed
   * @throws ERR_INVALID_ARGUMENT for a topic with wildcards; ERR_INVALID_CHUNK; ERR_INVALID_OPTION
   */
  publish(topic: string, message: WebSocketMessage, options?: MessageOptions): boolean {
    const isOpen = this._readyState === OPEN
    return publish(this._lane, this._server, topic, message, options, this as ServerWebSocket<unknown>, isOpen)
  }

  /** @internal */
  get _lane(): Lane {
    return this._origin.lane
  }

  /** @internal */
  get _server(): ServerSink {
    return this._origin.server
  }

  /** @internal */
  get _route(): WebSocketRoute {
    return this._origin.route
  }

  /** @internal */
  get _readyState(): number {
    return this.state & READY_STATE
  }

  /** @internal What came while paused; null when it is to be delivered as it comes. */
  get _kept(): Queue<Kept> | null {
    return this.aside === null ? null : this.aside.kept
  }

  set _kept(kept: Queue<Kept> | null) {
    if (kept !== null || this.aside !== null) this.more().kept = kept
  }

  /** @internal Who waits for the outcome of what, and for a turn. */
  get _outgoing(): Outgoing | null {
    return this.aside === null ? null : this.aside.outgoing
  }

  /** @internal Hands a message over. */
  _emit(data: string | Uint8Array, flags: number, fragment: number, token: number): void {
    const lane = this._lane
    const { length } = data
    // Asked for at half of the limit, so that the answer can be there before the limit stops the program.
    const isNear = (this._unsent + length) * 2 >= this._server.writeBuffer
    if ((isNear || (this.state & TOLD) !== 0) && (this.state & ASKED) === 0) {
      this.state |= ASKED
      flags |= WANT_DRAIN
    }
    let bytes: number
    if (length > LARGE_PAYLOAD) {
      const view = typeof data === 'string' ? Buffer.from(data) : data
      const outbox = lane.reserve(OVERHEAD)
      writeSend(outbox, this._connection, this._generation, lane.put(view), flags | LARGE, fragment, token)
      bytes = view.length
    } else {
      const outbox = lane.reserve(OVERHEAD + (typeof data === 'string' ? length * 3 : length))
      bytes = writeSend(outbox, this._connection, this._generation, data, flags, fragment, token)
    }
    this._sent = (this._sent + bytes) | 0
    this._unsent += bytes
    lane.written()
  }

  /** @internal */
  _control(operation: number, argument: number, payload: string | Uint8Array): void {
    const outbox = this._lane.reserve(OVERHEAD + payload.length * 3)
    writeControl(outbox, this._connection, this._generation, operation, argument, payload)
    this._lane.written()
  }

  /** @internal A handler has failed: the client is told so at once. */
  _fail(): void {
    if (this._readyState !== CLOSED) this.deafen()
    if (this._readyState !== OPEN) return
    this.become(CLOSING)
    this._control(Control.close, INTERNAL_ERROR, '')
  }

  /** @internal */
  _out(): Outgoing {
    return (this.more().outgoing ??= new Outgoing(this as ServerWebSocket<unknown>))
  }

  /** @internal Notes that a message waits here for its turn. */
  _tellDrained(): void {
    this.state |= TOLD
  }

  /** @internal So much still waits. True when the program waits to be told that it is little. */
  _drained(waiting: number): boolean {
    this.state &= ~ASKED
    this._unsent = waiting
    if ((this.state & TOLD) === 0 || waiting >= this._server.writeBuffer) return false
    // What waits here for its turn asks again.
    if (this._outgoing !== null && this._outgoing.isWaiting) return false
    this.state &= ~TOLD
    return this._readyState === OPEN
  }

  /** @internal The connection is gone. */
  _ended(error: CodedError): void {
    this.become(CLOSED)
    this._outgoing?.fail(error)
    if (this.subscriptions === null) return
    for (const topic of this.subscriptions) this._server.topics.remove(topic)
    this.more().topics = null
  }

  /** @internal Whether no handler but `close` is called any more. */
  get _isDeaf(): boolean {
    return (this.state & DEAF) !== 0
  }

  private get subscriptions(): Set<string> | null {
    return this.aside === null ? null : this.aside.topics
  }

  private more(): Aside {
    return (this.aside ??= new Aside())
  }

  private become(readyState: number): void {
    this.state = (this.state & ~READY_STATE) | readyState
  }

  private deafen(): void {
    this.state |= DEAF
    // Messages are kept from now on, as while paused, so that the short way has nothing more to look at.
    this._kept ??= new Queue()
  }

  private heartbeat(operation: number, data: WebSocketMessage): boolean {
    const payload = typeof data === 'string' ? data : bytesOf(data)
    const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length
    if (length > CONTROL_BYTES) {
      throw codedRange('ERR_INVALID_ARGUMENT', `A Ping or Pong has at most ${CONTROL_BYTES} bytes, not ${length}.`)
    }
    if (this._readyState !== OPEN) return false
    this._control(operation, 0, payload)
    return true
  }

  private topic(subscribe: boolean, topic: string): void {
    const outbox = this._lane.reserve(OVERHEAD + topic.length * 3)
    writeTopic(outbox, this._connection, this._generation, subscribe, topic)
    this._lane.written()
  }
}

/** What a socket needs only when it pauses, writes or subscribes. */
class Aside {
  kept: Queue<Kept> | null = null
  outgoing: Outgoing | null = null
  topics: Set<string> | null = null
}

/** A failed write. */
export interface WriteError extends CodedError {
  /** Bytes of the payload that were handed to the operating system. */
  readonly bytesTransferred: number
}

/** RFC 6455 7.4.1: the server could not go on. */
const INTERNAL_ERROR = 1011

/** RFC 6455 7.4, and the registry of close codes. */
function isSendable(code: unknown): boolean {
  if (typeof code !== 'number' || !Number.isInteger(code)) return false
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)
}

/** The bytes of a message that is no text. */
export function bytesOf(message: Exclude<WebSocketMessage, string>): Uint8Array {
  if (ArrayBuffer.isView(message) || message instanceof ArrayBuffer || message instanceof SharedArrayBuffer) {
    return pieceOf(message) as Uint8Array
  }
  throw codedType(
    'ERR_INVALID_CHUNK',
    `A message is a string, an ArrayBuffer or a view of one, but it is ${show(message)}.`,
  )
}

/** The flags of a message's record. */
export function flagsOf(data: string | Uint8Array, options: MessageOptions | undefined, known = OPTIONS): number {
  const isText = typeof data === 'string'
  if (options === undefined) return isText ? COMPRESS : BINARY | COMPRESS
  checkOptions(options, known)
  const { binary = !isText, compress = true } = options
  return (binary ? BINARY : 0) | (compress ? COMPRESS : 0)
}

const OPTIONS: readonly string[] = ['binary', 'compress']
const WRITE_OPTIONS: readonly string[] = [...OPTIONS, 'fragment']

function checkOptions(options: MessageOptions, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw codedType('ERR_INVALID_ARGUMENT', `Options of a message are an object, but it is ${show(options)}.`)
  }
  for (const name in options) {
    const value: unknown = options[name as keyof MessageOptions]
    if (!known.includes(name)) {
      throw codedType('ERR_INVALID_OPTION', `There is no option ${name} here. Known are: ${known.join(', ')}.`)
    }
    if (name !== 'fragment' && value !== undefined && typeof value !== 'boolean') {
      throw codedType('ERR_INVALID_OPTION', `The option ${name} has to be true or false, but it is ${show(value)}.`)
    }
  }
}

function fragmentOf({ fragment = 0 }: WriteOptions): number {
  if (Number.isInteger(fragment) && fragment >= 0 && fragment <= 0x7fff_ffff) return fragment
  throw codedRange(
    'ERR_INVALID_OPTION',
    `The option fragment has to be a whole number of bytes from 0 to 2147483647, but it is ${show(fragment)}.`,
  )
}
