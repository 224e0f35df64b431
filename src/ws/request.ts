import type { IncomingHttpHeaders } from 'node:http'
import type { Request } from '../request'
import type { Response } from '../response'
import { UpgradeSocket } from './upgrade-socket'
import type { WebSocket } from './websocket'

/**
 * The request of a handshake as programs for `ws` expect it: what an `http.IncomingMessage` says of a request without a
 * body. Properties can be added to it, as middleware does.
 */
export class UpgradeRequest {
  /** `'GET'`: a handshake has no other. */
  readonly method: string
  /** The target as received: path and query. */
  url: string
  /** `'1.1'`, as for every handshake. */
  readonly httpVersion: string
  /** 1. */
  readonly httpVersionMajor = 1
  /** The digit behind the point of {@link httpVersion}. */
  readonly httpVersionMinor: number
  /** The request that the server has given. */
  readonly request: Request
  /** True: a handshake has no body that could still come. */
  readonly complete = true
  /** False: whoever has gone is not told of by the request. */
  readonly aborted = false
  /** @internal */ readonly _response: Response
  private lines: IncomingHttpHeaders | null = null
  private raw: string[] | null = null
  private place: UpgradeSocket | null = null
  private opened: WebSocket | null = null

  /** @internal */
  constructor(request: Request, response: Response) {
    this.request = request
    this._response = response
    this.method = request.method
    this.url = request.url
    this.httpVersion = request.httpVersion
    this.httpVersionMinor = request.httpVersion === '1.1' ? 1 : 0
  }

  /** The headers by their lower-case names, as node:http has them. */
  get headers(): IncomingHttpHeaders {
    return (this.lines ??= headersOf(this.request))
  }

  /** Names and values in turn, as received. */
  get rawHeaders(): string[] {
    return (this.raw ??= this.request.headers.raw.flat())
  }

  /** What programs ask for addresses; writing to it before the handshake is complete answers the request. */
  get socket(): UpgradeSocket {
    if (this.place === null) {
      this.place = new UpgradeSocket(this.request, this._response)
      if (this.opened !== null) this.place._opened(this.opened)
    }
    return this.place
  }

  /** The former name of {@link socket}. */
  get connection(): UpgradeSocket {
    return this.socket
  }

  /** @internal Whether a program has given the connection up. */
  get _isDestroyed(): boolean {
    return this.place?.destroyed === true
  }

  /** @internal */
  _opened(websocket: WebSocket): void {
    this.opened = websocket
    this.place?._opened(websocket)
  }

  /** @internal */
  _ended(): void {
    this.place?.destroy()
  }
}

function headersOf({ headers }: Request): IncomingHttpHeaders {
  const result: IncomingHttpHeaders = headers.toJSON()
  if (headers.has('set-cookie')) result['set-cookie'] = headers.getSetCookie()
  return result
}
