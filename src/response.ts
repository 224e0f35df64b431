import { Flag, LARGE_PAYLOAD, RECORD_OVERHEAD } from './outbound'
import type { Body } from './body'
import { checkCallback, joinPieces, listOf, type Chunk } from './chunk'
import { chooseCoding } from './coding'
import { bound } from './context'
import type { Lane, ServerSink } from './dispatch'
import { coded, codedRange, codedType, show, type CodedError } from './errors'
import { overtake, refuse } from './exchange'
import { checkReason, Special, type Field, type HeaderValue } from './fields'
import type { FileHandle } from 'node:fs/promises'
import { NO_FIELDS, type Head } from './head'
import { passOn } from './outcome'
import { upgrade, type RawSocket } from './raw-socket'
import type { Request } from './request'
import {
  appendField,
  declaredLength,
  fieldBytes,
  fieldsOfAll,
  hasField,
  headFlags,
  listFields,
  MAX_FIELD_BYTES,
  replaceFields,
  setField,
  tooLarge,
  trailersOf,
} from './response-head'
import { send, type BodySource, type SendOptions } from './send'
import { sendFile, type SendFileOptions } from './send-file'
import { State } from './state'
import { deferred, handled, type Deferred, type Stream, type Told } from './stream'
import { begin, finish, isBodyless, mayBeCompressed, mismatch, streamOf, writeAll, writePiece } from './streaming'

/**
 * Told once what became of a write, never inside the call that made it: null when the bytes were handed to the
 * operating system, else an error with a code.
 */
export type WriteCallback = (error: CodedError | null) => void

// Constants of this module's own, which V8 folds into machine code.
const HEAD_SENT = State.headSent
const ENDED = State.ended
const GONE = State.gone
const PENDING = State.pending
const TO_HEAD = State.toHead
const NOTIFIES = State.notifies
const LOOKED_FOR = State.lookedFor
const KEPT = Special.kept
/** Answered, or about to be by a file, or a WebSocket. */
const TAKEN = ENDED | LOOKED_FOR | State.accepted

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
  /** @internal */ _status: number
  /** @internal */ _reason: string
  /** @internal */ _head: Head
  /** @internal */ _rest: Field[] | null
  /** @internal */ _special: number
  /** @internal */ _stream: Stream | null

  /** @internal */
  constructor(lane: Lane, server: ServerSink, state: number, connection: number, generation: number, sequence: number) {
    this._lane = lane
    this._server = server
    this._connection = connection
    this._generation = generation
    this._sequence = sequence
    this._state = state
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

  /** The name {@link status} has in node:http. */
  get statusCode(): number {
    return this._status
  }
  set statusCode(status: number) {
    this.status = status
  }

  /** The reason phrase; `''` stands for the usual phrase of the status. Clients ignore it. */
  get reason(): string {
    return this._reason
  }
  set reason(reason: string) {
    this.checkHeadOpen('reason')
    this._reason = checkReason(reason)
  }

  /** The name {@link reason} has in node:http. */
  get statusMessage(): string {
    return this._reason
  }
  set statusMessage(reason: string) {
    this.reason = reason
  }

  /** The Fetch standard's name of {@link reason}. */
  get statusText(): string {
    return this._reason
  }
  set statusText(reason: string) {
    this.reason = reason
  }

  /**
   * Whether the core may compress this answer, by the coding the client likes best: what the options of the server and
   * the route say, until set. It does so when the content is of a type that gets smaller, long enough
   * (`compression.threshold`) and not coded already, and neither a part (206, `content-range`) nor marked by
   * `cache-control: no-transform`. Setting it to true changes nothing where the server does not compress.
   */
  get compress(): boolean {
    return mayBeCompressed(this)
  }
  set compress(compress: boolean) {
    this.checkHeadOpen('compress')
    if (typeof compress !== 'boolean') {
      throw codedType('ERR_INVALID_ARGUMENT', `compress has to be true or false, but it is ${show(compress)}.`)
    }
    this._state = compress ? this._state & ~State.plain : this._state | State.plain
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

  /** Whether `end` has been called, or something else has answered in its stead. */
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
    this.checkHeadOpen(`an informational ${status}`, 'sent')
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw codedRange(
        'ERR_INVALID_STATUS',
        `An informational status is 100 to 199 without 101, but it is ${show(status)}.`,
      )
    }
    const fields = fieldsOfAll(headers)
    if ((this._state & GONE) !== 0) return this
    const outbox = this._lane.reserve(RECORD_OVERHEAD + fieldBytes(fields))
    outbox.informational(this._connection, this._generation, this._sequence, status, fields)
    this._lane.written()
    return this
  }

  /**
   * Writes a piece of the body: a string (as UTF-8), an ArrayBuffer or a view of one, a {@link fileRange}, or a list of
   * these; sends the head before the first. Bytes are copied before this returns, so the buffer is yours again, unless
   * it is one of {@link lendBuffer}. `callback` is told when the whole list has been handed to the operating system.
   *
   * @returns false when the client takes its answer more slowly than it is written: better wait for {@link drain}
   * before writing on. Always false once the client has gone, which throws nothing.
   * @throws ERR_WRITE_AFTER_END; ERR_BODY_LENGTH_MISMATCH (and the connection is closed) when more is written than was
   * declared
   */
  write(chunk: Chunk | readonly Chunk[], callback?: WriteCallback): boolean {
    checkCallback(callback)
    const pieces = listOf(chunk)
    if ((this._state & TAKEN) !== 0) {
      throw coded('ERR_WRITE_AFTER_END', 'write() was called after end(): the response is complete.')
    }
    const told = callback === undefined ? null : bound(callback)
    if (this._error !== null) return refuse(this, told, this._error)
    const stream = begin(this)
    writeAll(this, stream, pieces, told)
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
   * Sends what there is, at least the head, without waiting for the end of the current turn, and has a compressed answer
   * give out what it holds back. The promise resolves when all written so far has been handed to the operating system,
   * also when there was nothing left to send, and rejects when it cannot get there any more. Nobody has to wait for it.
   */
  flush(): Promise<void>
  /**
   * The same with a callback.
   *
   * @param callback told instead of a promise, in order with the callbacks of {@link write} and {@link end}
   */
  flush(callback: WriteCallback): this
  flush(callback?: WriteCallback): this | Promise<void> {
    checkCallback(callback)
    if ((this._state & TAKEN) !== 0) throw coded('ERR_WRITE_AFTER_END', 'flush() was called after end().')
    if (callback !== undefined) {
      this.flushed(bound(callback))
      return this
    }
    const { promise, told } = promised(this._lane)
    this.flushed(told)
    return promise
  }

  /**
   * Sets the trailer fields sent after a chunked body (to HTTP/1.0 clients they are not sent). To be called before
   * {@link end}.
   *
   * @throws ERR_HEADERS_SENT when a content-length was declared: such a body has no place for trailers
   */
  trailers(trailers: Readonly<Record<string, HeaderValue>>): this {
    if ((this._state & TAKEN) !== 0) throw coded('ERR_WRITE_AFTER_END', 'trailers() was called after end().')
    if ((this._special & Special.length) !== 0) {
      throw coded('ERR_HEADERS_SENT', 'A response with a declared content-length has no place for trailers.')
    }
    streamOf(this).trailers = trailersOf(trailers)
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
      (this._special & ~KEPT) === 0 &&
      this._stream === null
    ) {
      if (typeof body === 'string' && body.length <= LARGE_PAYLOAD) {
        this._respond(body, body.length * 3, 0, null)
        return this
      }
    }
    checkCallback(callback)
    this._end(body ?? '', callback === undefined ? null : bound(callback))
    return this
  }

  /**
   * Sends a body from wherever it comes, and ends the response: text, bytes or a list; an iterable or async iterable of
   * them (a request, a generator); a Node Readable, a web ReadableStream, a Blob, an open file, or a {@link BodyWriter}.
   * A source is read no faster than the client takes it, and told to stop when the client goes or writing fails
   * (`return`, `destroy`, `cancel`, `close`). Where the length is known, or given, the answer has `content-length`;
   * else it is chunked for HTTP/1.1 and ended by closing the connection for HTTP/1.0. For a HEAD request the source is
   * not read at all.
   *
   * @returns a promise that resolves when all has been handed to the operating system. It rejects with the error of the
   * source, which has answered 500, or cut the connection when something was sent, and has been reported to `onError`;
   * or with why the client did not get all. Nobody has to wait for it.
   * @throws ERR_ANSWERED when the response has ended; ERR_INVALID_CHUNK for what cannot be sent
   */
  send(source: BodySource, options?: SendOptions): Promise<void> {
    if ((this._state & TAKEN) !== 0) throw answered('send')
    return send(this, source, options)
  }

  /**
   * Answers with a file: conditional and range requests, `content-type` by its name, `etag`, `last-modified` and HEAD
   * are the core's, and so is an answer of 404 or 403 when the file cannot be had. Headers set before go along; a
   * status set before is kept, and then there are no ranges.
   *
   * @param file a path, relative to `root` or else to the working directory, or a `file:` URL; or an open file, which
   * may be closed as soon as this returns
   * @returns a promise that resolves when the answer, whichever it is, has been handed to the operating system; with
   * `leaveOpen` it rejects with the system's error (ENOENT, …) when the file cannot be had, and the response is as it
   * was. Nobody has to wait for it.
   * @throws ERR_ANSWERED or ERR_HEADERS_SENT when the answer has begun; ERR_INVALID_ARGUMENT;
   * ERR_INVALID_OPTION; ERR_FILE_CLOSED,
   * ERR_NOT_A_FILE or ERR_FILE_UNSUPPORTED for an open file that cannot be sent
   */
  sendFile(file: string | URL | FileHandle, options?: SendFileOptions): Promise<void> {
    if ((this._state & TAKEN) !== 0) throw answered('sendFile')
    this.checkHeadOpen('a file', 'sent')
    return sendFile(this, file, options)
  }

  /**
   * Takes the connection out of HTTP, when the client has asked for it: answers `101 Switching Protocols` to an Upgrade
   * request, or `200` (or the 2xx set before) to CONNECT, and gives the connection as a Duplex stream of raw bytes. The
   * exchange lasts as long as that stream.
   *
   * @param headers go with the answer, as those set before; `upgrade` is by itself what the client has asked for
   * @throws ERR_NO_UPGRADE when the client has not asked for it, or its request has a body; ERR_INVALID_STATUS for
   * CONNECT with a status that is not 2xx; ERR_HEADERS_SENT
   */
  upgrade(headers: Readonly<Record<string, HeaderValue>> = {}): RawSocket {
    this.checkHeadOpen('an upgrade')
    return upgrade(this, headers)
  }

  /**
   * Resolves when the whole answer has been handed to the operating system, and rejects with why it could not be. To be
   * asked for before the response ends: an end nobody waits for is not reported back.
   */
  get finished(): Promise<void> {
    const stream = streamOf(this)
    if (stream.finished === null) {
      stream.finished = deferred()
      if (this._error !== null) stream.finished.reject(this._error)
      else if ((this._state & ENDED) !== 0) {
        stream.finished.reject(coded('ERR_ANSWERED', '`finished` has to be asked for before the response ends.'))
      }
    }
    return stream.finished.promise
  }

  /** @internal Who waits for the end of the answer. */
  _finishing(told: Told): Told
  _finishing(told: Told | null): Told | null
  _finishing(told: Told | null): Told | null {
    const finished = this._stream?.finished ?? null
    return finished === null ? told : alsoTell(told, finished)
  }

  private flushed(told: Told): void {
    if (this._error !== null) {
      refuse(this, told, this._error)
      return
    }
    const stream = begin(this)
    writePiece(this, stream, '', stream.coding === 0 ? 0 : Flag.flush, told)
    this._lane.submitNow()
  }

  /** @internal Ends the response with its last pieces. */
  _end(body: Chunk | readonly Chunk[], told: Told | null): void {
    if ((this._state & TAKEN) !== 0) throw answered('end')
    told = this._finishing(told)
    if (this._error !== null) {
      listOf(body)
      this._state |= ENDED
      refuse(this, told, this._error)
    } else if (this.canBeWhole()) {
      const joined = joinPieces(body)
      if (typeof joined === 'string' || joined instanceof Uint8Array) this.whole(joined, told)
      else finish(this, Array.isArray(joined) ? joined : [joined], told)
    } else {
      finish(this, listOf(body), told)
    }
  }

  /** Whether the answer can go as one record: nothing sent yet, and its length is for the core to say. */
  private canBeWhole(): boolean {
    if ((this._state & HEAD_SENT) !== 0 || (this._special & Special.encoding) !== 0) return false
    if (this._stream !== null && this._stream.trailers.length !== 0) return false
    return (this._special & Special.length) === 0 || !isBodyless(this)
  }

  private whole(body: string | Uint8Array, told: Told | null): void {
    const isText = typeof body === 'string'
    if ((this._special & Special.length) !== 0) this.checkDeclared(isText ? Buffer.byteLength(body) : body.length)
    let flags = headFlags(this._special)
    if (mayBeCompressed(this)) flags |= chooseCoding(this, isText ? this.lengthOf(body) : body.length) * Flag.coding
    if (body.length <= LARGE_PAYLOAD) {
      this._respond(body, isText ? body.length * 3 : body.length, flags, told)
    } else {
      this._respond(isText ? Buffer.from(body) : body, 0, flags | Flag.large, told)
    }
  }

  /** As exactly as it takes to compare the length with the threshold. */
  private lengthOf(text: string): number {
    const threshold = this._server.compression?.threshold ?? 0
    return text.length < threshold && text.length * 3 >= threshold ? Buffer.byteLength(text) : text.length
  }

  /** @internal Sends the whole answer. */
  _respond(body: string | Uint8Array, room: number, flags: number, told: Told | null): void {
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
      told === null ? flags : flags | Flag.notify,
      told === null ? 0 : this._expect(told),
    )
    this._close()
  }

  /** @internal The last record of the answer has been written. */
  _close(): void {
    const state = this._state
    this._state = (state & ~LOOKED_FOR) | HEAD_SENT | ENDED
    const body = this._body
    if (body !== null) body.discardUnread()
    if ((state & PENDING) !== 0 && (body === null || !body.isAwaited)) this._lane.forget(this)
    this._lane.written()
    if (this._stream !== null && this._stream.sending !== null) overtake(this, this._stream)
  }

  /** @internal A token for a record whose outcome is to be told. */
  _expect(told: Told): number {
    this._state |= NOTIFIES
    if (this._stream !== null) this._stream.outstanding++
    return this._lane.expect(this, told)
  }

  private checkDeclared(length: number): void {
    const declared = declaredLength(this)
    if (declared !== length) throw mismatch(this, declared, length)
  }

  private checkHeadOpen(what: string, verb = 'set'): void {
    if ((this._state & (HEAD_SENT | ENDED)) === 0) return
    const why = (this._state & ENDED) === 0 ? 'the headers have been sent' : 'the response has ended'
    throw coded('ERR_HEADERS_SENT', `${show(what)} cannot be ${verb} any more: ${why}.`)
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

  /** @internal Whether the connection has left HTTP with this exchange. */
  _isTunnel(): boolean {
    return (this._state & State.tunnel) !== 0
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

  /** @internal */
  _isPending(): boolean {
    return (this._state & PENDING) !== 0
  }

  /** @internal */
  _setPending(pending: boolean): void {
    this._state = pending ? this._state | PENDING : this._state & ~PENDING
  }
}

function answered(method: string): CodedError {
  return coded(
    'ERR_ANSWERED',
    `${method}() was called on a response that has ended: this request has been answered already.`,
  )
}

/** A promise for the outcome of a write. */
function promised(lane: Lane): { promise: Promise<void>; told: Told } {
  const { promise, resolve, reject } = deferred<void>()
  const told = (error: CodedError | null): void => {
    if (error === null) resolve()
    else reject(passOn(error))
    lane.pause()
  }
  return { promise, told }
}

function alsoTell(told: Told | null, finished: Deferred<void>): Told {
  return (error) => {
    if (error === null) finished.resolve()
    else finished.reject(passOn(error))
    told?.(error)
  }
}
