import { Duplex } from 'node:stream'
import { isUpgrade } from './inbound'
import { Flag, RECORD_OVERHEAD } from './outbound'
import { Body } from './body'
import type { Connection } from './connection'
import { coded, codedPlain, codedRange } from './errors'
import { isKnown, reset } from './exchange'
import type { HeaderValue } from './fields'
import type { Response } from './response'
import { checkedBytes, fieldsOfAll, headFlags, listFields } from './response-head'
import { State } from './state'
import { streamOf } from './streaming'

/** Answers with 101, or 200 to CONNECT, and makes a stream of what follows: see `Response.upgrade`. */
export function upgrade(response: Response, headers: Readonly<Record<string, HeaderValue>>): RawSocket {
  const lane = response._lane
  const request = lane.requestOf(response)!
  const isConnect = request.method === 'CONNECT'
  if (!isConnect && !isUpgrade(request)) {
    throw coded('ERR_NO_UPGRADE', 'The client has not asked for another protocol: neither CONNECT nor Upgrade.')
  }
  if (response._body !== null) {
    throw coded(
      'ERR_NO_UPGRADE',
      'A request with a body cannot be upgraded: what follows it is not a new protocol yet.',
    )
  }
  if (isConnect && (response._status < 200 || response._status > 299)) {
    throw codedRange(
      'ERR_INVALID_STATUS',
      `CONNECT is granted by a status from 200 to 299, but it is ${response._status}.`,
    )
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  const fields = [...listFields(response)]
  if (!isConnect && !response.hasHeader('upgrade')) {
    // RFC 9110 15.2.2: the answer says which of the protocols asked for comes now. With one there is no choice.
    fields.push(...fieldsOfAll({ upgrade: request.headers.get('upgrade') ?? '' }))
  }
  const size = checkedBytes(fields)
  const body = new Body(request, response, lane.inbox, undefined)
  const socket = new RawSocket(response, body, request.connection)
  if (response._error !== null) return socket.destroy(response._error)
  const status = isConnect ? response._status : 101
  const outbox = lane.reserve(RECORD_OVERHEAD + response._reason.length + size)
  const { _connection, _generation, _sequence, _reason } = response
  const flags = headFlags(response._special) | Flag.tunnel
  outbox.head(_connection, _generation, _sequence, status, _reason, fields, -1, flags)
  streamOf(response).raw = socket
  response._state |= State.headSent | State.tunnel
  response._body = body
  lane.written()
  // Whoever only writes is told of the other side's end as well.
  socket.read(0)
  return socket
}

/**
 * A connection that has left HTTP, after `101 Switching Protocols` or a 2xx answer to CONNECT: a Duplex stream of its raw
 * bytes. Begins with what the client has sent behind its request. Ending it closes the sending side; when both sides have
 * ended, or after `destroy()`, the connection is closed: as with the sockets of node:http, who gets `'end'` has to
 * `end()` as well. No timeout of the server applies but `timeouts.write`.
 *
 * It has the properties of `net.Socket` that protocols look at; {@link setNoDelay} and {@link setKeepAlive} do nothing,
 * because the server's options have decided.
 */
export class RawSocket extends Duplex {
  private readonly exchange: Response
  private readonly body: Body
  private readonly connection: Connection
  private idleTimeout = 0
  private idleTimer: NodeJS.Timeout | undefined

  /** @internal */
  constructor(response: Response, body: Body, connection: Connection) {
    super({ highWaterMark: response._server.writeBuffer })
    this.exchange = response
    this.body = body
    this.connection = connection
  }

  /** See {@link Connection.remoteAddress}. */
  get remoteAddress(): string | undefined {
    return this.connection.remoteAddress
  }

  /** See {@link Connection.remotePort}. */
  get remotePort(): number | undefined {
    return this.connection.remotePort
  }

  /** See {@link Connection.localAddress}. */
  get localAddress(): string | undefined {
    return this.connection.localAddress
  }

  /** See {@link Connection.localPort}. */
  get localPort(): number | undefined {
    return this.connection.localPort
  }

  /** Bytes received on this connection, those of its requests included. */
  get bytesRead(): number {
    return this.connection.bytesRead
  }

  /** Bytes handed to the operating system on this connection, those of its answers included. */
  get bytesWritten(): number {
    return this.connection.bytesWritten
  }

  /**
   * Emits `'timeout'` after so many milliseconds without a byte in either direction; 0, the default, never. What
   * happens then is the listener's to decide.
   */
  setTimeout(milliseconds: number, listener?: () => void): this {
    this.idleTimeout = milliseconds
    if (listener !== undefined) {
      if (milliseconds > 0) this.once('timeout', listener)
      else this.removeListener('timeout', listener)
    }
    this.active()
    return this
  }

  /** Does nothing: see the server's option `noDelay`. */
  setNoDelay(): this {
    return this
  }

  /** Does nothing: see the server's option `keepAliveProbes`. */
  setKeepAlive(): this {
    return this
  }

  override _read(): void {
    this.body.read((chunk, error) => {
      this.active()
      if (error !== null) this.destroy(error)
      else this.push(chunk)
    })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.send(chunk, done)
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, done: (error?: Error | null) => void): void {
    this.send(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.exchange.error !== null) return done(this.exchange.error)
    this.exchange.end((error) => done(error))
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.idleTimer)
    if (!this.writableFinished || !this.readableEnded) {
      reset(this.exchange, codedPlain('ERR_RESPONSE_RESET', 'The raw socket was destroyed.'), true)
    }
    // A client that goes away must not end a program that has no listener for it; `'close'` comes all the same.
    const isNews = this.listenerCount('error') !== 0 || !isKnown(this.exchange, error)
    done(isNews ? error : null)
  }

  private send(chunk: Buffer | Buffer[], done: (error?: Error | null) => void): void {
    this.active()
    if (this.exchange.error !== null) return done(this.exchange.error)
    if (this.exchange.write(chunk)) done()
    else this.exchange.drain().then(() => done(), done)
  }

  private active(): void {
    clearTimeout(this.idleTimer)
    if (this.idleTimeout > 0 && !this.destroyed) {
      this.idleTimer = setTimeout(() => this.emit('timeout'), this.idleTimeout)
      this.idleTimer.unref()
    }
  }
}
