import type { X509Certificate } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { Writable } from 'node:stream'
import { codedPlain } from '../errors'
import { reset } from '../exchange'
import type { Request } from '../request'
import type { Response } from '../response'
import type { TlsInfo } from '../tls/info'
import type { WebSocket } from './websocket'

/**
 * Stands for the socket under a handshake. Before the WebSocket is open, what is written to it is taken for an answer of
 * HTTP/1.1 (`'HTTP/1.1 401 Unauthorized\r\n\r\n'`), which is sent when it ends or is destroyed, and then the connection is
 * closed; destroying it without one cuts the connection. Afterwards `destroy` is `terminate`.
 */
export class UpgradeSocket extends Writable {
  private readonly request: Request
  private readonly response: Response
  private readonly written: Buffer[] = []
  private websocket: WebSocket | null = null

  /** @internal */
  constructor(request: Request, response: Response) {
    super({ decodeStrings: true })
    this.request = request
    this.response = response
  }

  /** The client's IP address; undefined for a Unix domain socket. */
  get remoteAddress(): string | undefined {
    return this.request.remoteAddress
  }

  /** The client's port. */
  get remotePort(): number | undefined {
    return this.request.remotePort
  }

  /** The version of {@link remoteAddress}. */
  get remoteFamily(): 'IPv4' | 'IPv6' | undefined {
    return familyOf(this.remoteAddress)
  }

  /** The address the client has connected to. */
  get localAddress(): string | undefined {
    return this.request.connection.localAddress
  }

  /** The port the client has connected to. */
  get localPort(): number | undefined {
    return this.request.connection.localPort
  }

  /** Whether the client came over TLS; as in node:tls, undefined when not. */
  get encrypted(): true | undefined {
    return this.request.secure ? true : undefined
  }

  /** Whether the client has shown a certificate that is trusted. */
  get authorized(): boolean {
    return this.tls?.authorized ?? false
  }

  /** Why its certificate is not trusted. */
  get authorizationError(): string | null {
    return this.tls?.authorizationError ?? null
  }

  /** The server name the client has asked for. */
  get servername(): string | false {
    return this.tls?.serverName ?? false
  }

  /** The protocol agreed on by ALPN; false for none. */
  get alpnProtocol(): string | false {
    return this.tls?.alpnProtocol ?? false
  }

  /** The client's certificate as node:tls gives it; without properties when it has shown none. */
  getPeerCertificate(): object {
    return this.getPeerX509Certificate()?.toLegacyObject() ?? {}
  }

  /** The client's certificate; undefined when it has shown none. */
  getPeerX509Certificate(): X509Certificate | undefined {
    return this.tls?.peerCertificate ?? undefined
  }

  /** The version of TLS; null without. */
  getProtocol(): string | null {
    return this.tls?.version ?? null
  }

  /** Does nothing: timeouts are the server's. */
  setTimeout(): this {
    return this
  }
  /** Does nothing: the server's option `noDelay` decides. */
  setNoDelay(): this {
    return this
  }
  /** Does nothing: the server's option `keepAliveProbes` decides. */
  setKeepAlive(): this {
    return this
  }

  /** @internal */
  _opened(websocket: WebSocket): void {
    this.websocket = websocket
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.written.push(chunk)
    done()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.finish()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.finish()
    done(error)
  }

  private get tls(): TlsInfo | null {
    return this.request.tls
  }

  private finish(): void {
    const { response } = this
    if (this.websocket !== null) return this.websocket.terminate()
    if (response.headersSent || response.ended) return
    const answer = ANSWER.exec(Buffer.concat(this.written).toString('latin1'))
    if (answer === null) {
      return reset(response, codedPlain('ERR_RESPONSE_RESET', 'The socket of a handshake was destroyed.'))
    }
    const [, status, reason = '', lines = '', body = ''] = answer
    response.status = Number(status)
    if (reason !== '') response.reason = reason
    for (const [, name, value] of lines.matchAll(/^([^:\r\n]+):[ \t]*(.*?)[ \t]*$/gm)) {
      if (!FRAMING.has(name!.toLowerCase())) response.appendHeader(name!, value!)
    }
    response.setHeader('connection', 'close')
    response.end(Buffer.from(body, 'latin1'))
  }
}

/** An answer of HTTP/1.1: status, reason, header lines and body. */
const ANSWER = /^HTTP\/1\.[01] ([2-9]\d\d)(?: ([^\r\n]*))?\r\n((?:[^\r\n]+\r\n)*)(?:\r\n([^]*))?$/
/** What the core says itself. */
const FRAMING = new Set(['connection', 'content-length', 'transfer-encoding'])

function familyOf(address: string | undefined): 'IPv4' | 'IPv6' | undefined {
  if (address === undefined) return undefined
  return isIPv6(address) ? 'IPv6' : 'IPv4'
}
