import {
  headersBlockOf,
  isHttp10,
  isSecure,
  methodOf,
  pathOf,
  queryOf,
  remoteAddressOf,
  remotePortOf,
  targetOf,
  type Inbox,
} from './inbound'
import { emptyBody, type Body, type ReadCallback } from './body'
import { Connection } from './connection'
import { decodedBody, type DecodedBody, type DecodeOptions } from './decoded-body'
import { codedSyntax, type CodedError } from './errors'
import { Headers, NO_HEADERS } from './headers'
import { decodedParams, plainParams, type Params, type ParamsObject, type ParamsShape } from './params'
import type { Response } from './response'
import type { Route } from './routes'
import { handled } from './stream'
import type { TlsInfo } from './tls/info'

/**
 * A request. Every property is looked up in the received bytes when asked for and stays valid for as long as you hold
 * the request: after `await`, after the answer, after the client has gone. `Pattern` is that of its route, when it is
 * known while the program is compiled: it types {@link params}.
 */
export class Request<Pattern extends string = string> {
  /** @internal */ _text: string
  /** @internal */ readonly _flags: number
  /** @internal */ _textStart: number
  /** @internal */ readonly _methodLength: number
  /** @internal */ readonly _targetLength: number
  /** @internal */ readonly _pathStart: number
  /** @internal */ readonly _pathEnd: number
  /** @internal */ readonly _headersLength: number
  /** @internal */ readonly _textLength: number
  /** @internal The route's number in the core; 0 for none. */ readonly _route: number
  /** @internal */ readonly _parameters: readonly number[] | null
  /** @internal */ readonly _port: number
  /** @internal */ readonly _address: number
  /** @internal */ readonly _response: Response
  /** @internal Where the body is read. */ _body: Body | DecodedBody | null
  private _headers: Headers | null
  private _controller: AbortController | null
  private _searchParams: URLSearchParams | null
  private _connected: Connection | null
  private _params: ParamsObject | null
  private _abortError: CodedError | null

  /** @internal */
  constructor(inbox: Inbox, at: number, text: string, response: Response) {
    this._text = text
    this._flags = inbox.requestFlags(at)
    this._textStart = inbox.requestTextStart(at)
    this._methodLength = inbox.requestMethodLength(at)
    this._targetLength = inbox.requestTargetLength(at)
    this._pathStart = inbox.requestPathStart(at)
    this._pathEnd = inbox.requestPathEnd(at)
    this._headersLength = inbox.requestHeadersLength(at)
    this._textLength = inbox.requestTextLength(at)
    this._route = inbox.requestRoute(at)
    // Asked here: what is not called is not inlined, and V8 inlines only so much.
    this._parameters = inbox.requestParameterCount(at) === 0 ? null : inbox.requestParameters(at)
    this._port = inbox.requestPort(at)
    this._address = inbox.requestAddress(at)
    this._response = response
    this._body = null
    this._headers = null
    this._controller = null
    this._searchParams = null
    this._connected = null
    this._params = null
    this._abortError = null
  }

  /** The method as received: case matters, and any token is possible. */
  get method(): string {
    return methodOf(this)
  }

  /** The request target as received: `/path?query`, `http://host/path`, `host:port` (CONNECT) or `*` (OPTIONS). */
  get url(): string {
    return targetOf(this)
  }

  /** The path of the target, still percent-encoded; the whole target for `host:port` and `*`. */
  get path(): string {
    return pathOf(this)
  }

  /** What follows the first `?` of the target, as received; `''` when there is nothing. */
  get query(): string {
    return queryOf(this)
  }

  /** {@link query} parsed, on first use. Yours to change; changes do not reach {@link query}. */
  get searchParams(): URLSearchParams {
    return (this._searchParams ??= new URLSearchParams(queryOf(this)))
  }

  /** The pattern of the route that took the request, as it was given; null when none did. */
  get route(): string | null {
    return this._routeEntry().pattern
  }

  /**
   * The parameters of the route by name, decoded: they can hold any character then, a slash as well. A request whose
   * parameters are not percent-encoded UTF-8 is answered 400 before a handler runs. Without a route, or parameters in
   * its pattern, there are none. The object has no prototype, so that no name is special.
   */
  get params(): Params<Pattern> {
    return (this._params ??= plainParams(this, this._routeEntry().shape)) as Params<Pattern>
  }

  /** The header lines: `get`, `has`, iteration, and `raw` in received spelling. */
  get headers(): Headers {
    return (this._headers ??= new Headers(headersBlockOf(this)))
  }

  /** `'1.1'` or `'1.0'`. */
  get httpVersion(): '1.0' | '1.1' {
    return isHttp10(this) ? '1.0' : '1.1'
  }

  /** The other side's IP address; undefined on a Unix domain socket. */
  get remoteAddress(): string | undefined {
    return remoteAddressOf(this)
  }

  /** The other side's port; undefined on a Unix domain socket. */
  get remotePort(): number | undefined {
    return remotePortOf(this)
  }

  /** Whether it came over TLS. */
  get secure(): boolean {
    return isSecure(this)
  }

  /**
   * What the handshake of its connection has agreed on, with the client's certificate; null when it did not come over TLS.
   * Looked up when first asked for, or when the client goes before its answer, and kept: asked for later, when the place
   * of the connection is another's, it is null as well.
   */
  get tls(): TlsInfo | null {
    return isSecure(this) ? this.connection.tls : null
  }

  /** The connection this request came through; it outlives the handler. Made when first asked for. */
  get connection(): Connection {
    return (this._connected ??= new Connection(this, this._response))
  }

  /**
   * Aborts when the client goes away, or the exchange is cut for another reason, before the answer has ended;
   * `signal.reason` says why, with a code. Made when first asked for, so that requests which do not ask pay nothing. A
   * handler may let that reason pass, or the AbortError that a call with this signal makes of it: it is not reported.
   */
  get signal(): AbortSignal {
    if (this._controller === null) {
      this._controller = new AbortController()
      if (this._abortError !== null) this._controller.abort(this._abortError)
    }
    return this._controller.signal
  }

  /**
   * Has the body decoded by its `content-encoding` (RFC 9110 8.4) while it is read: gzip, brotli, zstd, deflate, also one
   * on top of the other. To be called before the body is read; does nothing when it is not encoded. A handler that lets
   * these errors pass has answered with their status.
   *
   * @returns this request, so that `await request.decode().json()` reads well
   * @throws ERR_UNSUPPORTED_ENCODING (415) for a coding not listed above; ERR_BODY_USED when reading has begun. Reading
   * fails with ERR_BODY_TOO_LARGE (413) above a limit and with ERR_BODY_MALFORMED (400) for what cannot be decoded.
   */
  decode(options?: DecodeOptions): this {
    this._body = decodedBody(this, this._body, options)
    return this
  }

  /** Whether reading the body has begun. Always false for a request without a body. */
  get bodyUsed(): boolean {
    return this._body !== null && this._body.used
  }

  /**
   * The trailer lines of a chunked body, once its end has been reached; no lines before that, or when none were sent.
   */
  get trailers(): Headers {
    return this._body === null ? NO_HEADERS : this._body.trailers
  }

  /**
   * Asks for the next piece of the body: `callback(chunk, error, size, request)` is called once, never inside this
   * call, with one chunk. Call `read` again, usually from the callback, for more; until then at most
   * `limits.bodyWindow` bytes are taken from the client. At the end `chunk` is null and `size` 0.
   *
   * @throws ERR_READ_PENDING while a read is waiting; ERR_BODY_USED when the body is read another way
   */
  read(callback: ReadCallback): void {
    ;(this._body ?? emptyBody(this, this._response)).read(callback)
  }

  /**
   * The body piece by piece, as `for await (const chunk of request)`. Chunks are yours to keep. Leaving the loop early
   * drops the rest of the body. Fails with a coded error when the client goes away (ERR_BODY_ABORTED) or sends too much
   * (ERR_BODY_TOO_LARGE), too slowly (ERR_BODY_TIMEOUT) or nonsense (ERR_BODY_MALFORMED).
   */
  [Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    return this._body === null ? nothing() : this._body.iterate()
  }

  /** The whole body. Empty when the request has none. */
  bytes(): Promise<Buffer> {
    return this._body === null ? Promise.resolve(Buffer.alloc(0)) : this._body.bytes()
  }

  /** The whole body decoded as UTF-8; malformed sequences become U+FFFD, a byte order mark is dropped. */
  text(): Promise<string> {
    return this._body === null ? Promise.resolve('') : this._body.text()
  }

  /**
   * The whole body parsed as JSON. Rejects with a SyntaxError with the code ERR_BODY_JSON when it is none; a handler
   * that lets that error pass has answered 400.
   *
   * It is `any`, as in the Fetch standard: check what you get.
   */
  // oxlint-disable-next-line typescript/no-explicit-any
  json(): Promise<any> {
    if (this._body !== null) return this._body.json()
    return handled(Promise.reject(codedSyntax('ERR_BODY_JSON', 'The request has no body that could be JSON.')))
  }

  /** @internal Makes the parameters of a path with something to decode; false when that is malformed. */
  _decode(shape: ParamsShape): boolean {
    this._params = decodedParams(this, shape)
    return this._params !== null
  }

  /** @internal */
  _routeEntry(): Route {
    const { routes } = this._response._server
    return routes[this._route] ?? routes[0]!
  }

  /** @internal */
  _abort(error: CodedError): void {
    if (this._abortError !== null) return
    // What the core knows of its connection is soon another's.
    if (isSecure(this)) void this.connection.tls
    this._abortError = error
    this._controller?.abort(error)
  }

  /** @internal Whether an error is that of {@link signal}, or what a call that was given the signal made of it. */
  _isAbort(error: unknown): boolean {
    const reason = this._abortError
    if (reason === null) return false
    if (error === reason) return true
    try {
      // As timers and events of Node do.
      const { name, cause } = error as Error
      return name === 'AbortError' && cause === reason
    } catch {
      // What is thrown can be anything, also something that throws when it is looked at.
      return false
    }
  }
}

async function* nothing(): AsyncGenerator<Buffer, void, undefined> {}
