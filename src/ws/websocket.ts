import { EventEmitter } from 'node:events'
import { codedRange, codedType, show } from '../errors'
import { Queue } from '../queue'
import { deferred } from '../stream'
import { flagsOf, type MessageOptions, type ServerWebSocket } from '../websocket'
import type { OutgoingMessage } from '../websocket-message'
import { BINARY_TYPES, payloadOf, receivedAs, sizeOf, type BinaryType, type RawData } from './data'
import { addListener, attribute, removeListener, setAttribute, type EventMap, type Listener } from './event-target'
import { failureOf } from './failure'
import type { ServerOptions } from './options'
import type { UpgradeRequest } from './request'
import type { WebSocketServer } from './server'
import type { createWebSocketStream } from './stream'
import type { UpgradeSocket } from './upgrade-socket'

/** How a message is sent. What is left out is as with `ws`. */
export interface SendOptions {
  /** Whether it is a binary message. Default: true for what is no string. */
  binary?: boolean | undefined
  /** Whether it may be compressed. Default: true. */
  compress?: boolean | undefined
  /** Whether it ends the message; else the next `send` goes on with it. Default: true. */
  fin?: boolean | undefined
  /** Has no meaning: what a server sends is never masked (RFC 6455 5.1). */
  mask?: boolean | undefined
}

/** Told once, when a message has been handed to the operating system, or why it could not be. */
export type SendCallback = (error?: Error) => void

export interface WebSocketEvents {
  open: []
  message: [data: RawData, isBinary: boolean]
  close: [code: number, reason: Buffer]
  error: [error: Error]
  ping: [data: Buffer]
  pong: [data: Buffer]
}

const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const
const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3
const NOTHING = Buffer.alloc(0)
/** RFC 6455 7.1.5: the connection was cut. */
const ABNORMAL = 1006

/** What is known of a WebSocket when its handshake is accepted. */
export interface Opening {
  readonly request: UpgradeRequest
  readonly protocol: string
  readonly extensions: string
  isPaused: boolean
}

/**
 * A WebSocket of a {@link WebSocketServer}, as the class of the same name of the package `ws` has it on a server. It is
 * made by the server only: for clients there is the global `WebSocket` of Node.js 22 and newer, and that of `undici`.
 */
export class WebSocket extends EventEmitter<WebSocketEvents> {
  /** The {@link readyState} of one whose handshake is not complete. */
  static readonly CONNECTING = 0
  /** The {@link readyState} of one that can send and receive. */
  static readonly OPEN = 1
  /** The {@link readyState} of one that one side has begun to close. */
  static readonly CLOSING = 2
  /** The {@link readyState} of one that is closed, or could not be opened. */
  static readonly CLOSED = 3

  // `require('millrace/ws')` gives this class, as with `ws`; index.ts puts these on it.
  /** This class. */
  declare static readonly WebSocket: typeof WebSocket
  /** The class {@link WebSocketServer}. */
  declare static readonly WebSocketServer: typeof WebSocketServer
  /** {@link WebSocketServer} by its former name. */
  declare static readonly Server: typeof WebSocketServer
  /** The function {@link createWebSocketStream}. */
  declare static readonly createWebSocketStream: typeof createWebSocketStream

  /** As {@link WebSocket.CONNECTING}. */
  declare readonly CONNECTING: 0
  /** As {@link WebSocket.OPEN}. */
  declare readonly OPEN: 1
  /** As {@link WebSocket.CLOSING}. */
  declare readonly CLOSING: 2
  /** As {@link WebSocket.CLOSED}. */
  declare readonly CLOSED: 3

  /** What this is the face of; null until the core has answered the handshake. */
  private core: ServerWebSocket<unknown> | null = null
  private state: 0 | 1 | 2 | 3 = CONNECTING
  private opening: Opening | null = null
  private type: BinaryType = 'nodebuffer'
  /** Bytes that were given to `send` after the end: `ws` counts them, so that a loop that waits for 0 does not spin. */
  private late = 0
  /** Bytes that wait for the client to be answered, or for a Blob before them. */
  private early = 0
  /** A message whose last part has not been given. */
  private unfinished: OutgoingMessage | null = null
  /** What waits for the core, or until a Blob has been read; null when nothing has to. */
  private waiting: Array<() => void> | null = []
  /** The program has paused it. */
  private paused = false
  /** The core's socket is paused because too many events wait. */
  private held = false
  /** Events that go out one a turn of the event loop; null when they go out as they come. */
  private readonly events: Queue<() => void> | null

  /**
   * For a {@link WebSocketServer}, and for classes that extend this one.
   *
   * @throws ERR_INVALID_ARGUMENT for an address: this is no client
   */
  constructor(address: null, _protocols?: undefined, options?: Pick<ServerOptions, 'allowSynchronousEvents'>) {
    super()
    if (address !== null) {
      throw codedType(
        'ERR_INVALID_ARGUMENT',
        'millrace/ws has the server’s side only. A client is the global WebSocket of Node.js 22 and newer, or the ' +
          'WebSocket of the packages undici and ws.',
      )
    }
    this.events = options?.allowSynchronousEvents === false ? new Queue() : null
  }

  /** What binary messages are given as. Default: `'nodebuffer'`. Other names are ignored. */
  get binaryType(): BinaryType {
    return this.type
  }
  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this.type = type
  }

  /** Bytes of payloads that have not been handed to the operating system. */
  get bufferedAmount(): number {
    return this.late + this.early + (this.core?.bufferedAmount ?? 0)
  }

  /** `'permessage-deflate'` when messages may be compressed, else `''`. */
  get extensions(): string {
    return this.core === null ? (this.opening?.extensions ?? '') : this.core.extensions.replace(/;.*/s, '')
  }

  /** Whether it is paused: see {@link pause}. */
  get isPaused(): boolean {
    return this.core === null ? this.opening?.isPaused === true : this.paused
  }

  /** The subprotocol agreed on; `''` for none. */
  get protocol(): string {
    return this.opening?.protocol ?? ''
  }

  /** How far it is: {@link CONNECTING}, {@link OPEN}, {@link CLOSING} or {@link CLOSED}. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.core === null || this.core.readyState < this.state ? this.state : this.core.readyState
  }

  /** Undefined, as always on a server. */
  get url(): undefined {
    return undefined
  }

  /** @internal For programs that ask for `_socket.remoteAddress`. */
  get _socket(): UpgradeSocket | null {
    return this.opening?.request.socket ?? null
  }

  /** A listener of `'open'`, beside those of {@link addEventListener}; null for none. */
  get onopen(): Listener<'open'> | null {
    return attribute(this, 'open')
  }
  set onopen(listener: Listener<'open'> | null) {
    setAttribute(this, 'open', listener)
  }

  /** A listener of `'message'`, beside those of {@link addEventListener}; null for none. */
  get onmessage(): Listener<'message'> | null {
    return attribute(this, 'message')
  }
  set onmessage(listener: Listener<'message'> | null) {
    setAttribute(this, 'message', listener)
  }

  /** A listener of `'close'`, beside those of {@link addEventListener}; null for none. */
  get onclose(): Listener<'close'> | null {
    return attribute(this, 'close')
  }
  set onclose(listener: Listener<'close'> | null) {
    setAttribute(this, 'close', listener)
  }

  /** A listener of `'error'`, beside those of {@link addEventListener}; null for none. */
  get onerror(): Listener<'error'> | null {
    return attribute(this, 'error')
  }
  set onerror(listener: Listener<'error'> | null) {
    setAttribute(this, 'error', listener)
  }

  /** Has a listener told of events. Does nothing for other types than `'open'`, `'message'`, `'close'` and `'error'`. */
  addEventListener<Type extends keyof EventMap>(
    type: Type,
    listener: Listener<Type> | { handleEvent: Listener<Type> },
    options: { once?: boolean | undefined } = {},
  ): void {
    addListener(this, type, listener, options.once === true, false)
  }

  /** Has a listener of {@link addEventListener} not told any more. */
  removeEventListener<Type extends keyof EventMap>(
    type: Type,
    listener: Listener<Type> | { handleEvent: Listener<Type> },
  ): void {
    removeListener(this, type, listener)
  }

  /**
   * Sends a message: text as a text message; a Buffer, an ArrayBuffer, a view of one, a Blob, or whatever `Buffer.from`
   * takes as a binary one. Numbers are sent as text.
   *
   * @param callback told when it has been handed to the operating system, or with an error; without one, a message that
   * cannot be sent is dropped
   */
  send(data: unknown, options?: SendOptions | SendCallback, callback?: SendCallback): void {
    const { core } = this
    const isPlain = typeof data === 'string' || data instanceof Uint8Array
    const isSimple = isPlain && options === undefined && callback === undefined && this.unfinished === null
    if (isSimple && core !== null && this.waiting === null && this.state === OPEN) return void core.send(data)
    const done = typeof options === 'function' ? options : callback
    const given = typeof options === 'object' && options !== null ? options : {}
    this.act(data, done, (socket) => this.sendWith(socket, data, given, done))
  }

  /** Sends a Ping frame of at most 125 bytes. */
  ping(data?: unknown, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.heartbeat('ping', data, mask, callback)
  }

  /** Sends a Pong frame; those that answer pings are sent by themselves. */
  pong(data?: unknown, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.heartbeat('pong', data, mask, callback)
  }

  /**
   * Begins to close: a Close frame goes behind all that was sent.
   *
   * @throws ERR_INVALID_ARGUMENT for a code that cannot be sent, or a reason of more than 123 bytes
   */
  close(code?: number, reason: string | Uint8Array = ''): void {
    if (this.readyState !== OPEN) return
    const text = typeof reason === 'string' ? reason : Buffer.from(reason).toString()
    if (code !== undefined) checkClose(code, text)
    this.state = CLOSING
    this.whenReady(() => void (code === undefined ? this.core?.close() : this.core?.close(code, text)))
  }

  /** Cuts the connection. */
  terminate(): void {
    if (this.state === CONNECTING || this.readyState === CLOSED) return
    this.state = CLOSING
    if (this.core !== null) this.core.terminate()
    else this.whenReady(() => this.core?.terminate())
  }

  /** Stops events, and reading from the client. */
  pause(): void {
    this.flow(true)
  }

  /** Lets go what {@link pause} has stopped. */
  resume(): void {
    this.flow(false)
  }

  /** @internal It is accepted: open for the program, before the client knows. */
  _open(opening: Opening): void {
    this.opening = opening
    this.state = OPEN
    this.emit('open')
  }

  /** @internal The client has been answered. */
  _attach(core: ServerWebSocket<unknown>): void {
    this.core = core
    if (this.opening?.isPaused === true) this.flow(true)
    this.goOn()
  }

  /** @internal */
  _received(data: Buffer, isBinary: boolean): void {
    const message = isBinary && this.type !== 'nodebuffer' ? receivedAs(this.type, data) : data
    if (this.events === null) this.emit('message', message, isBinary)
    else this.later(() => this.emit('message', message, isBinary))
  }

  /** @internal */
  _heartbeat(type: 'ping' | 'pong', data: Buffer): void {
    if (this.events === null) this.emit(type, data)
    else this.later(() => this.emit(type, data))
  }

  /** @internal */
  _closed(code: number, reason: string, wasClean: boolean): void {
    if (this.events === null || this.events.length === 0) this.end(code, reason, wasClean)
    else this.later(() => this.end(code, reason, wasClean))
  }

  private end(code: number, reason: string, wasClean: boolean): void {
    this.state = CLOSED
    // Whoever waits for an outcome is told; nothing is sent any more.
    this.goOn()
    const error = wasClean ? null : failureOf(code, reason, this.extensions !== '')
    wasCleanlyClosed.set(this, wasClean)
    try {
      if (error !== null) this.emit('error', error)
    } finally {
      // A code is the client's: who broke the protocol has sent none.
      const isCut = error !== null || code === ABNORMAL
      this.emit('close', isCut ? ABNORMAL : code, isCut ? NOTHING : Buffer.from(reason))
      this.opening?.request._ended()
    }
  }

  private sendWith(
    core: ServerWebSocket<unknown>,
    data: unknown,
    options: SendOptions,
    callback: SendCallback | undefined,
  ): void {
    if (data instanceof Blob) return this.readBlob(data, options, callback)
    const { binary = typeof data !== 'string' && typeof data !== 'number', compress = true, fin = true } = options
    const payload = payloadOf(data)
    const message: MessageOptions = { binary, compress }
    const { unfinished } = this
    if (unfinished !== null || !fin) {
      const stream = (this.unfinished ??= core.stream(message))
      if (fin) this.unfinished = null
      tell(fin ? stream.end(payload) : stream.write(payload), callback)
    } else if (callback === undefined) {
      core.send(payload, message)
    } else {
      const done = deferred<number>()
      core._out().part(payload, flagsOf(payload, message), done)
      tell(done.promise, callback)
    }
  }

  /** A Blob is read first; what is sent meanwhile waits, so that the order stays. */
  private readBlob(blob: Blob, options: SendOptions, callback: SendCallback | undefined): void {
    this.waiting ??= []
    const first = (action: () => void): void => {
      this.waiting = [action, ...(this.waiting ?? [])]
      this.goOn()
    }
    blob.arrayBuffer().then(
      (bytes) => {
        const own = { binary: true, ...options }
        first(() => this.perform(bytes, callback, (core) => this.sendWith(core, bytes, own, callback)))
      },
      (error: Error) => first(() => callback?.(error)),
    )
  }

  private heartbeat(
    type: 'ping' | 'pong',
    given: unknown,
    mask: boolean | SendCallback | undefined,
    last: SendCallback | undefined,
  ): void {
    const callback = [given, mask, last].find((argument) => typeof argument === 'function') as SendCallback | undefined
    const data = typeof given === 'function' ? undefined : given
    this.act(data, callback, (core) => {
      core[type](payloadOf(data))
      // The core does not tell of these; they are written with the others of this turn.
      if (callback !== undefined) process.nextTick(callback)
    })
  }

  /** Does something with an open WebSocket, at once or when it is ready; or tells why not. */
  private act(
    data: unknown,
    callback: SendCallback | undefined,
    action: (core: ServerWebSocket<unknown>) => void,
  ): void {
    const { readyState } = this
    if (readyState === CONNECTING) throw notOpen(CONNECTING)
    if (readyState !== OPEN) return this.refuse(readyState, data, callback)
    if (this.waiting === null) return this.perform(data, callback, action)
    const size = sizeOf(data)
    this.early += size
    this.waiting.push(() => {
      this.early -= size
      this.perform(data, callback, action)
    })
  }

  private perform(
    data: unknown,
    callback: SendCallback | undefined,
    action: (core: ServerWebSocket<unknown>) => void,
  ): void {
    if (this.core?.readyState === OPEN) action(this.core)
    else this.refuse(CLOSED, data, callback)
  }

  private whenReady(action: () => void): void {
    if (this.waiting === null) action()
    else this.waiting.push(action)
  }

  /** Does what has waited, until that has to wait again. */
  private goOn(): void {
    const waiting = this.waiting ?? []
    this.waiting = null
    while (this.waiting === null && waiting.length !== 0) waiting.shift()!()
    if (waiting.length !== 0) this.waiting = [...waiting, ...(this.waiting ?? [])]
  }

  private flow(pause: boolean): void {
    const { core, opening } = this
    if (core === null) {
      if (opening !== null && this.state !== CLOSED) opening.isPaused = pause
    } else {
      this.paused = pause && core.readyState !== CLOSED
      this.steer(core)
    }
  }

  /** Has the client wait as long as somebody wants that. */
  private steer(core: ServerWebSocket<unknown>): void {
    if (this.paused || this.held) core.pause()
    else core.resume()
  }

  /** What a fast client has sent waits there and not here. */
  private hold(held: boolean): void {
    if (held === this.held || this.core === null) return
    this.held = held
    this.steer(this.core)
  }

  private refuse(state: number, data: unknown, callback: SendCallback | undefined): void {
    this.late += sizeOf(data)
    if (callback !== undefined) process.nextTick(callback, notOpen(state))
  }

  private later(event: () => void): void {
    const events = this.events!
    events.push(event)
    if (events.length === MOST_EVENTS) this.hold(true)
    if (events.length !== 1) return
    const next = (): void => {
      try {
        events.peek()!()
      } finally {
        events.shift()
        if (events.length !== 0) setImmediate(next)
        else this.hold(false)
      }
    }
    setImmediate(next)
  }
}

for (const [value, name] of STATES.entries()) {
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true, value })
}

/** With so many events waiting, the client is not read. */
const MOST_EVENTS = 64

/** For the events of {@link WebSocket.addEventListener}. */
export const wasCleanlyClosed = new WeakMap<object, boolean>()

function tell(promise: Promise<number>, callback: SendCallback | undefined): void {
  promise.then(
    () => callback?.(),
    (error: Error) => callback?.(error),
  )
}

/** RFC 6455 7.4, and 5.5 for the length. */
function checkClose(code: unknown, reason: string): void {
  const isCode = Number.isInteger(code) && typeof code === 'number' && code >= 1000 && code < 5000
  if (!isCode || (code > 1014 && code < 3000) || (code >= 1004 && code <= 1006)) {
    throw codedType('ERR_INVALID_ARGUMENT', `First argument must be a valid error code number, not ${show(code)}`)
  }
  if (Buffer.byteLength(reason) > 123) {
    throw codedRange('ERR_INVALID_ARGUMENT', 'The message must not be greater than 123 bytes')
  }
}

function notOpen(state: number): Error {
  return new Error(`WebSocket is not open: readyState ${state} (${STATES[state] ?? STATES[CLOSED]})`)
}
