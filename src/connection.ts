import type { NativeConnection } from './binding'
import { checkReader } from './body'
import type { Chunk } from './chunk'
import type { CodedError } from './errors'
import type { HeaderValue } from './fields'
import type { RawSocket } from './raw-socket'
import type { Request } from './request'
import { isEarly, isSecure } from './inbound'
import type { Response, WriteCallback } from './response'
import type { TlsInfo } from './tls/info'

/**
 * Receives one piece of a request body from {@link Connection.read}.
 *
 * @param chunk the bytes, yours for as long as you hold them; null at the end of the body and on error
 * @param error why nothing more can be read, or null
 * @param size the number of bytes in `chunk`; 0 at the end
 * @param connection the connection it came from
 */
export type ConnectionReadCallback = (
  chunk: Buffer | null,
  error: CodedError | null,
  size: number,
  connection: Connection,
) => void

/**
 * The connection under a request, as this request sees it. It outlives the handler and the exchange: addresses, counts
 * and the error stay readable for as long as you hold it. Two requests of one connection have each their own object
 * with the same {@link id}, so that reading and writing here is always about one request and its answer.
 */
export class Connection {
  /** The request it was taken from. */
  readonly request: Request
  /** The answer to it. */
  readonly response: Response
  private info: NativeConnection | null
  private failure: CodedError | null
  private agreed: TlsInfo | null

  /** @internal */
  constructor(request: Request, response: Response) {
    this.request = request
    this.response = response
    this.info = null
    this.failure = null
    this.agreed = null
  }

  /** Names the connection: the same for all requests that come through it, and never used again. */
  get id(): string {
    const { _connection, _generation } = this.response
    return `${(_connection >>> 0).toString(36)}-${(_generation >>> 0).toString(36)}`
  }

  /** The other side's IP address; undefined on a Unix domain socket. */
  get remoteAddress(): string | undefined {
    return this.request.remoteAddress
  }

  /** The other side's port; undefined on a Unix domain socket. */
  get remotePort(): number | undefined {
    return this.request.remotePort
  }

  /**
   * This side's IP address, which tells through which of a machine's addresses the client came. Undefined on a Unix
   * domain socket, and when the connection had gone before this was first asked for.
   */
  get localAddress(): string | undefined {
    const address = this.look()?.localAddress
    return address === '' ? undefined : address
  }

  /** This side's port; undefined where {@link localAddress} is. */
  get localPort(): number | undefined {
    const info = this.look()
    return info === null || info.localAddress === '' ? undefined : info.localPort
  }

  /** What its handshake of TLS has agreed on: see {@link Request.tls}. */
  get tls(): TlsInfo | null {
    const { request, response } = this
    if (this.agreed !== null || !isSecure(request)) return this.agreed
    return (this.agreed = response._lane.tls.of(response._connection, response._generation, isEarly(request)))
  }

  /** Bytes received so far, of all requests; the last count seen here once the connection has gone. */
  get bytesRead(): number {
    return this.look()?.bytesRead ?? 0
  }

  /** Bytes handed to the operating system so far, of all answers; the last count seen here once the connection has gone. */
  get bytesWritten(): number {
    return this.look()?.bytesWritten ?? 0
  }

  /** Whether reading or writing has failed. */
  get hasError(): boolean {
    return this.error !== null
  }

  /** The first error of reading or writing, or null. It does not change any more. */
  get error(): CodedError | null {
    return (this.failure ??= this.response.error)
  }

  /**
   * Asks for the next piece of the request's body, as {@link Request.read}: the callback is called once, never inside
   * this call. Call again for more.
   *
   * @throws ERR_READ_PENDING while a read is waiting; ERR_BODY_USED when the body is read another way
   */
  read(callback: ConnectionReadCallback): void {
    checkReader(callback)
    this.request.read((chunk, error, size) => {
      if (error !== null) this.failure ??= error
      callback(chunk, error, size, this)
    })
  }

  /**
   * Writes to the answer, as {@link Response.write}, and tells `callback` what became of it. After a failed write every
   * later one fails with the same error.
   *
   * @returns false when it is better to wait until a callback has been told
   */
  write(chunks: Chunk | readonly Chunk[], callback?: WriteCallback): boolean {
    return this.response.write(chunks, (error) => {
      if (error !== null) this.failure ??= error
      callback?.(error === null ? null : this.error)
    })
  }

  /** Takes the connection out of HTTP: see {@link Response.upgrade}. */
  upgrade(headers?: Readonly<Record<string, HeaderValue>>): RawSocket {
    return this.response.upgrade(headers)
  }

  private look(): NativeConnection | null {
    const { _lane, _connection, _generation } = this.response
    return (this.info = _lane.core.connectionInfo(_connection, _generation) ?? this.info)
  }
}
