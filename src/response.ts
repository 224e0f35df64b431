import { Flag, LARGE_PAYLOAD, RECORD_OVERHEAD } from './batch'
import type { Body } from './body'
import { checkCallback, joinPieces, listOf, type Chunk } from './chunk'
import type { Lane, ServerSink } from './dispatch'
import { coded, codedPlain, codedRange, codedType, show, type CodedError } from './errors'
import { statusOfFault } from './fault'
import { checkReason, fieldOf, Special, trailerField, type Field, type HeaderValue } from './fields'
import { NO_FIELDS, type Head } from './head'
import type { Request } from './request'
import {
  appendField,
  declaredLength,
  fieldBytes,
  fieldsOf,
  hasField,
  headFlags,
  listFields,
  replaceFields,
  setField,
} from './response-head'
import { STATUS_CODES } from './status'
import { handled, Stream } from './stream'

/**
 * Told once what became of a write, never inside the call that made it: null when the bytes were handed to the
 * operating system, else an error with a code.
 */
export type WriteCallback = (error: CodedError | null) => void

// What has happened so far, as bits of `_state`.
const HEAD_SENT = 1
const ENDED = 2
const GONE = 4
/** Known to the lane's table of exchanges that go on after their handler has returned. */
const PENDING = 8
/** The request is a HEAD request, whose answer has no body. */
const TO_HEAD = 16
/** Somebody waits to be told about a write. */
const NOTIFIES = 32

/** More header text than this in one response is a mistake: no client takes it. */
const MAX_FIELD_BYTES = 64 * 1024

/**
 * The answer to one request. It can be used for as long as you hold it: after the client has gone writes are no-ops
 * which report their error through their callbacks, and misuse (headers after they were sent, writing after the end,
 * answering twice) throws an error with a code and harms nothing else.
 */
export class Response {
  /** @internal */ readonly _lane: Lane
  /** @internal */ readonly _server: ServerSink
  /** @internal */ readonly _connection: number
  /** @internal */ readonly _generation: number
  /** @internal */ readonly _sequence: number
  /** @internal */ _state: number
  /** @internal The next exchange on the same connection in the lane's table. */ _next: Response | null
  /**
   * @internal Known only once it may be wanted: a store into each of two new objects costs a tenth of a whole request.
   */
  _request: Request | null
  /** @internal The body of the request, when it has one. */ _body: Body | null
  /** @internal */ _error: CodedError | null
  private _status: number
  private _reason: string
  /** @internal */ _head: Head
  /** @internal */ _rest: Field[] | null
  /** @internal */ _special: number
  private _stream: Stream | null

  /** @internal */
  constructor(
    lane: Lane,
    server: ServerSink,
    isHead: boolean,
    connection: number,
    generation: number,
    sequence: number,
  ) {
    this._lane = lane
    this._server = server
    this._connection = connection
    this._generation = generation
    this._sequence = sequence
    this._state = isHead ? TO_HEAD : 0
    this._next = null
    this._request = null
    this._body = null
    this._error = null
    this._status = 200
    this._reason = ''
    this._head = NO_FIELDS
    this._rest = null
    this._special = 0
    this._stream = null
  }

  /** The status code, 200 until set. Any three digits from 200 on; see {@link informational} for those below. */
  get status(): number {
    return this._status
  }
  set status(status: number) {
    this.checkHeadOpen('status')
    if (!Number.isInteger(status) || status < 200 || status > 999) {
      throw codedRange(
        'ERR_INVALID_STATUS',
        `status has to be a whole number from 200 to 999, but it is ${show(status)}.`,
      )
    }
    this._status = status
  }

  /** The reason phrase; `''` stands for the usual phrase of the status. Clients ignore it. */
  get reason(): string {
    return this._reason
  }
  set reason(reason: string) {
    this.checkHeadOpen('reason')
    this._reason = checkReason(reason)
  }

  /** The Fetch standard's name of {@link reason}. */
  get statusText(): string {
    return this._reason
  }
  set statusText(reason: string) {
    this.reason = reason
  }

  /**
   * Sets a header, replacing what was set under that name in any case of letters. A list makes a line for each value.
   *
   * `content-length` declares the body's length: writing more or less is an error. `transfer-encoding` takes only
   * `'chunked'` and says that the length is unknown. `connection: close` closes the connection after the answer. `date`
   * replaces the automatic one.
   */
  setHeader(name: string, value: HeaderValue): this {
    if ((this._state & (HEAD_SENT | ENDED)) !== 0) this.checkHeadOpen(name)
    if (typeof value === 'string' && this._rest === null) {
      const head = this._head.next(name, value)
      if (head !== null) {
        this._head = head
        this._special = head.special
        return this
      }
    }
    setField(this, name, value)
    return this
  }

  /** Adds a line without replacing earlier ones of that name: for `set-cookie`, `link`, `vary` and other lists. */
  appendHeader(name: string, value: HeaderValue): this {
    this.checkHeadOpen(name)
    appendField(this, name, value)
    return this
  }

  /** What was set under a name: a string, a list when there are several lines, undefined when there is none. */
  getHeader(name: string): string | string[] | undefined {
    const lower = String(name).toLowerCase()
    const values = listFields(this).filter((field) => field.lower === lower)
    return values.length > 1 ? values.map((field) => field.value) : values[0]?.value
  }

  /** Whether a header has been set. */
  hasHeader(name: string): boolean {
    return hasField(this, String(name).toLowerCase())
  }

  /** Takes back all lines of a name. */
  removeHeader(name: string): this {
    this.checkHeadOpen(name)
    replaceFields(this, String(name).toLowerCase(), [])
    return this
  }

  /** The lower-case names set so far, each once. */
  getHeaderNames(): string[] {
    return [...new Set(listFields(this).map((field) => field.lower))]
  }

  /** Whether the head has been handed over, so that status and headers cannot change any more. */
  get headersSent(): boolean {
    return (this._state & HEAD_SENT) !== 0
  }

  /** Whether `end` has been called. */
  get ended(): boolean {
    return (this._state & ENDED) !== 0
  }

  /**
   * Why nothing can be written any more, when the exchange was cut before its end: the client went, a timeout struck,
   * the server was closed. Null otherwise.
   */
  get error(): CodedError | null {
    return this._error
  }

  /**
   * Sends an informational answer at once, before the final one: 103 with `link` headers, 102, 100.
   *
   * @throws ERR_INVALID_STATUS for anything but 100 to 199, and for 101, which would end HTTP on the connection
   */
  informational(status: number, headers: Readonly<Record<string, HeaderValue>> = {}): this {
    this.checkHeadOpen(`an informational ${status}`)
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw codedRange(
        'ERR_INVALID_STATUS',
        `An informational status is 100 to 199 without 101, but it is ${show(status)}.`,
      )
    }
    const fields = Object.entries(headers).flatMap(([name, value]) => fieldsOf(name, value))
    if ((this._state & GONE) !== 0) return this
    const size = fieldBytes(fields)
    if (size > MAX_FIELD_BYTES) throw tooLarge(size)
    const outbox = this._lane.reserve(RECORD_OVERHEAD + size)
    outbox.informational(this._connection, this._generation, this._sequence, status, fields)
    this._lane.written()
    return this
  }

  /**
   * Writes a piece of the body: a string (as UTF-8), an ArrayBuffer or a view of one, or a list of these; sends the
   * head before the first. Bytes are copied before this returns: the buffer is yours again.
   *
   * @returns false when the client takes its answer more slowly than it is written: better wait for {@link drain}
   * before writing on. Always false once the client has gone, which throws nothing.
   * @throws ERR_WRITE_AFTER_END; ERR_BODY_LENGTH_MISMATCH (and the connection is closed) when more is written than was
   * declared
   */
  write(chunk: Chunk | readonly Chunk[], callback?: WriteCallback): boolean {
    checkCallback(callback)
    const pieces = listOf(chunk)
    if ((this._state & ENDED) !== 0) {
      throw coded('ERR_WRITE_AFTER_END', 'write() was called after end(): the response is complete.')
    }
    if (this._error !== null) return this.refuse(callback, this._error)
    const stream = this.startStreaming()
    for (let i = 0; i < pieces.length; i++) {
      this.piece(stream, pieces[i]!, i === pieces.length - 1 ? callback : undefined)
    }
    if (pieces.length === 0 && callback !== undefined) this.piece(stream, '', callback)
    this._lane.written()
    return stream.hasRoom()
  }

  /**
   * Resolves when there is room to write on, at once when there is. Rejects when the exchange has been cut, so that
   * `if (!response.write(chunk)) await response.drain()` ends a loop whose client has gone.
   */
  drain(): Promise<void> {
    if (this._error !== null) return handled(Promise.reject(this._error))
    return this._stream === null || (this._state & ENDED) !== 0 ? Promise.resolve() : this._stream.drained()
  }

  /**
   * Sends what there is, at least the head, without waiting for the end of the current turn. `callback` is told when
   * all written so far has been handed to the operating system, also when there was nothing left to send.
   */
  flush(callback?: WriteCallback): this {
    checkCallback(callback)
    if ((this._state & ENDED) !== 0) throw coded('ERR_WRITE_AFTER_END', 'flush() was called after end().')
    if (this._error !== null) {
      this.refuse(callback, this._error)
      return this
    }
    const stream = this.startStreaming()
    if (callback !== undefined) this.piece(stream, '', callback)
    this._lane.submitNow()
    return this
  }

  /**
   * Sets the trailer fields sent after a chunked body (to HTTP/1.0 clients they are not sent). To be called before
   * {@link end}.
   *
   * @throws ERR_HEADERS_SENT when a content-length was declared: such a body has no place for trailers
   */
  trailers(trailers: Readonly<Record<string, HeaderValue>>): this {
    if ((this._state & ENDED) !== 0) throw coded('ERR_WRITE_AFTER_END', 'trailers() was called after end().')
    if ((this._special & Special.length) !== 0) {
      throw coded('ERR_HEADERS_SENT', 'A response with a declared content-length has no place for trailers.')
    }
    const fields: Field[] = []
    for (const [name, value] of Object.entries(trailers)) {
      const values: readonly unknown[] = Array.isArray(value) ? value : [value]
      for (const one of values) fields.push(trailerField(name, one))
    }
    const size = fieldBytes(fields)
    if (size > MAX_FIELD_BYTES) throw tooLarge(size)
    this.stream().trailers = fields
    return this
  }

  /**
   * Ends the response, with a last piece of body when given. A response that ends with its first piece is sent with its
   * `content-length`. `callback` is told when all of it has been handed to the operating system.
   *
   * @throws ERR_ANSWERED when it has ended before; ERR_BODY_LENGTH_MISMATCH (and the connection is closed) when the
   * body is not as long as declared
   */
  end(body?: Chunk | readonly Chunk[] | null | WriteCallback, callback?: WriteCallback): this {
    if (typeof body === 'function') return this.end(null, body)
    // The whole answer of most requests: nothing sent before, text, nothing special.
    if (
      (this._state & ~(PENDING | TO_HEAD)) === 0 &&
      callback === undefined &&
      this._special === 0 &&
      this._stream === null
    ) {
      if (typeof body === 'string' && body.length <= LARGE_PAYLOAD) {
        this.respond(body, body.length * 3, 0, 0)
        return this
      }
    }
    this.finish(body ?? '', callback)
    return this
  }

  private finish(body: Chunk | readonly Chunk[], callback: WriteCallback | undefined): void {
    checkCallback(callback)
    if ((this._state & ENDED) !== 0) {
      throw coded('ERR_ANSWERED', 'end() was called twice: this request has been answered already.')
    }
    if (this._error !== null) {
      listOf(body)
      this._state |= ENDED
      this.refuse(callback, this._error)
    } else if (this.canBeWhole()) {
      this.whole(joinPieces(body), callback)
    } else {
      this.last(listOf(body), callback)
    }
  }

  /** Whether the answer can go as one record: nothing sent yet, and its length is for the core to say. */
  private canBeWhole(): boolean {
    if ((this._state & HEAD_SENT) !== 0 || (this._special & Special.encoding) !== 0) return false
    if (this._stream !== null && this._stream.trailers.length !== 0) return false
    return (this._special & Special.length) === 0 || !this.isBodyless()
  }

  private whole(body: string | Uint8Array, callback: WriteCallback | undefined): void {
    const text = typeof body === 'string'
    if ((this._special & Special.length) !== 0) this.checkDeclared(text ? Buffer.byteLength(body) : body.length)
    const flags = callback === undefined ? headFlags(this._special) : headFlags(this._special) | Flag.notify
    const token = callback === undefined ? 0 : this.notify(callback)
    if (body.length <= LARGE_PAYLOAD) {
      this.respond(body, text ? body.length * 3 : body.length, flags, token)
    } else {
      this.respond(text ? Buffer.from(body) : body, 0, flags | Flag.large, token)
    }
  }

  private respond(body: string | Uint8Array, room: number, flags: number, token: number): void {
    const lane = this._lane
    let fields = this._head.length
    if (this._rest !== null) fields += fieldBytes(this._rest)
    if (fields > MAX_FIELD_BYTES) throw tooLarge(fields)
    const outbox = lane.reserve(RECORD_OVERHEAD + this._reason.length + fields + room)
    outbox.respond(
      this._connection,
      this._generation,
      this._sequence,
      this._status,
      this._reason,
      this._head,
      this._rest,
      (flags & Flag.large) === 0 ? body : lane.put(body as Uint8Array),
      flags,
      token,
    )
    this.close()
  }

  /** The end of an answer that went, or has to go, in pieces. */
  private last(pieces: readonly (string | Uint8Array)[], callback: WriteCallback | undefined): void {
    const stream = this.startStreaming()
    for (const piece of pieces) this.piece(stream, piece, undefined)
    if (stream.declared >= 0 && stream.sent < stream.declared && !this.isBodyless()) {
      throw this.mismatch(stream.declared, stream.sent)
    }
    const trailers = stream.trailers
    const outbox = this._lane.reserve(RECORD_OVERHEAD + fieldBytes(trailers))
    const token = callback === undefined ? 0 : this.notify(callback)
    const flags = callback === undefined ? 0 : Flag.notify
    outbox.end(this._connection, this._generation, this._sequence, trailers, flags, token)
    stream.release()
    this.close()
  }

  private close(): void {
    const state = this._state
    this._state = state | HEAD_SENT | ENDED
    const body = this._body
    if (body !== null) body.discardUnread()
    if ((state & PENDING) !== 0 && (body === null || !body.isAwaited)) this._lane.forget(this)
    this._lane.written()
  }

  private startStreaming(): Stream {
    const stream = this.stream()
    if ((this._state & HEAD_SENT) !== 0) return stream
    const fields = listFields(this)
    const size = fieldBytes(fields)
    if (size > MAX_FIELD_BYTES) throw tooLarge(size)
    // RFC 9112 6.3: with both, transfer-encoding wins.
    const known = (this._special & (Special.length | Special.encoding)) === Special.length
    const declared = known ? declaredLength(this) : -1
    if (declared >= 0 && stream.trailers.length !== 0) {
      throw coded('ERR_HEADERS_SENT', 'A response with a declared content-length has no place for trailers.')
    }
    stream.declared = declared
    const outbox = this._lane.reserve(RECORD_OVERHEAD + this._reason.length + size)
    const flags = headFlags(this._special)
    outbox.head(this._connection, this._generation, this._sequence, this._status, this._reason, fields, declared, flags)
    this._state |= HEAD_SENT
    this._lane.written()
    return stream
  }

  private piece(stream: Stream, piece: string | Uint8Array, callback: WriteCallback | undefined): void {
    if (this.isBodyless()) piece = ''
    if (piece.length === 0 && callback === undefined) return
    if (typeof piece === 'string' && piece.length > LARGE_PAYLOAD) piece = Buffer.from(piece)
    if (stream.declared >= 0) {
      stream.sent += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
      if (stream.sent > stream.declared) throw this.mismatch(stream.declared, stream.sent)
    }
    const lane = this._lane
    const large = piece.length > LARGE_PAYLOAD
    const outbox = lane.reserve(
      RECORD_OVERHEAD + (large ? 0 : typeof piece === 'string' ? piece.length * 3 : piece.length),
    )
    let flags = stream.account(piece.length, this._server.writeBuffer)
    let token = 0
    if (callback !== undefined) {
      flags |= Flag.notify
      token = this.notify(callback)
    }
    if (large) {
      const index = lane.put(piece as Uint8Array)
      outbox.chunk(this._connection, this._generation, this._sequence, index, flags | Flag.large, token)
    } else {
      outbox.chunk(this._connection, this._generation, this._sequence, piece, flags, token)
    }
  }

  private notify(callback: WriteCallback): number {
    this._state |= NOTIFIES
    return this._lane.notify(this, callback)
  }

  private stream(): Stream {
    return (this._stream ??= new Stream())
  }

  /** Whether this answer never has a body, whatever is written (RFC 9110 6.4.1). */
  private isBodyless(): boolean {
    return this._status === 204 || this._status === 304 || (this._state & TO_HEAD) !== 0
  }

  private checkDeclared(length: number): void {
    const declared = declaredLength(this)
    if (declared !== length) throw this.mismatch(declared, length)
  }

  private mismatch(declared: number, length: number): CodedError {
    const error = coded(
      'ERR_BODY_LENGTH_MISMATCH',
      `content-length declares ${declared} bytes, but the body has ${length < declared ? 'only ' : ''}${length}: the connection is closed.`,
    )
    // The thrown error is the program's to report; what follows is only its consequence.
    this._reset(codedPlain('ERR_RESPONSE_RESET', error.message))
    return error
  }

  private checkHeadOpen(what: string): void {
    if ((this._state & (HEAD_SENT | ENDED)) === 0) return
    const why = (this._state & ENDED) === 0 ? 'the headers have been sent' : 'the response has ended'
    throw coded('ERR_HEADERS_SENT', `${show(what)} cannot be set any more: ${why}.`)
  }

  private refuse(callback: WriteCallback | undefined, error: CodedError): false {
    if (callback !== undefined) process.nextTick(() => this._tell(callback, error))
    return false
  }

  /** @internal The handler has failed: `status` when nothing was sent, else the connection is closed. */
  _fail(status = 500): void {
    if ((this._state & (ENDED | GONE)) !== 0) return
    if (!this._renew()) {
      this._reset(codedPlain('ERR_RESPONSE_RESET', 'The handler failed after it had begun its answer.'))
      return
    }
    this._status = status
    this._rest = [fieldOf('content-type', 'text/plain; charset=utf-8')]
    const text = `${STATUS_CODES[status]}\n`
    this.respond(text, text.length, 0, 0)
  }

  /** @internal Takes back all that was set, as for the next handler. False when something has been sent. */
  _renew(): boolean {
    if ((this._state & (HEAD_SENT | ENDED)) !== 0) return false
    this._status = 200
    this._reason = ''
    this._head = NO_FIELDS
    this._rest = null
    this._special = 0
    this._stream?.release()
    this._stream = null
    return true
  }

  /** @internal Calls a write's callback; one that throws closes the connection and is reported. */
  _tell(callback: WriteCallback, error: CodedError | null): void {
    try {
      callback(error)
    } catch (thrown) {
      this._server.handlerFailed(thrown, this)
      this._reset(codedPlain('ERR_RESPONSE_RESET', 'A write callback has thrown.'))
    }
  }

  /** @internal A handler, or a callback given to this exchange, has thrown. What the client did is nobody's news. */
  _failed(thrown: unknown): void {
    const status = statusOfFault(thrown)
    if (status === 0) this._server.handlerFailed(thrown, this)
    this._fail(status === 0 ? 500 : status)
  }

  /** @internal Gives the exchange up: the connection is closed. */
  _reset(error: CodedError): void {
    if ((this._state & (ENDED | GONE)) === 0) {
      const outbox = this._lane.reserve(RECORD_OVERHEAD)
      outbox.reset(this._connection, this._generation, this._sequence, 0)
      this._lane.written()
    }
    this._cut(error)
  }

  /** @internal The exchange has been cut: nothing more is sent for it. */
  _cut(error: CodedError, bodyError: CodedError = error): void {
    if ((this._state & GONE) !== 0) return
    if ((this._state & ENDED) === 0) {
      this._error = error
      this._request?._abort(error)
      this._stream?.cut(error)
    }
    this._state |= GONE
    this._body?.fail(bodyError)
    if ((this._state & PENDING) !== 0) this._lane.forget(this)
  }

  /** @internal */
  _credit(bytes: number): void {
    if ((this._state & GONE) !== 0) return
    const outbox = this._lane.reserve(RECORD_OVERHEAD)
    outbox.credit(this._connection, this._generation, this._sequence, bytes)
    this._lane.written()
  }

  /** @internal */
  _drained(unsent: number): void {
    this._stream?.resume(unsent)
  }

  /** @internal Whether everything has been said, as after most handlers. */
  _isPlainlyDone(): boolean {
    return (this._state & (ENDED | NOTIFIES)) === ENDED && this._body === null
  }

  /** @internal Whether the lane has nothing more to expect for this exchange. */
  _isOver(): boolean {
    if ((this._state & GONE) !== 0) return true
    if ((this._state & ENDED) === 0) return false
    const body = this._body
    return body === null || !body.isAwaited
  }

  /**
   * @internal Whether an error only passes on that the client went or broke the rules, as from a handler that awaited
   * its body or drain().
   */
  _isKnown(error: unknown): boolean {
    if (error === null || error === undefined) return false
    return error === this._error || (error === this._body?.error && this._body.error?.code !== 'ERR_BODY_DISCARDED')
  }

  /** @internal */
  _isPending(): boolean {
    return (this._state & PENDING) !== 0
  }

  /** @internal */
  _setPending(pending: boolean): void {
    this._state = pending ? this._state | PENDING : this._state & ~PENDING
  }
}

function tooLarge(size: number): CodedError {
  return codedType('ERR_HEADERS_TOO_LARGE', `The headers take ${size} bytes; at most ${MAX_FIELD_BYTES} are sent.`)
}
