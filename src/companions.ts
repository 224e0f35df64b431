import { DECLINED, type Handler } from './handler'
import type { Request } from './request'
import type { Response } from './response'

/** What shares a server with its routes: a `WebSocketServer` of `millrace/ws`. */
export interface Companion {
  /** Whether a request that asks for a WebSocket is its own. */
  wants(request: Request): boolean
  take(request: Request, response: Response): void
  /** The server listens now; told before `listen` has resolved for the program. */
  listening(): void
}

/** Who shares a server. Of requests that ask for a WebSocket the first one also has those that nobody wants. */
export class Companions {
  /** Asked before all routes; declines what is not for these. */
  readonly handler: Handler
  private readonly all = new Set<Companion>()

  constructor() {
    this.handler = (request, response) => {
      if (this.all.size === 0 || !asksForWebSocket(request)) return DECLINED
      const all = [...this.all]
      const taker = all.find((companion) => companion.wants(request)) ?? all[0]!
      return taker.take(request, response)
    }
  }

  /** Gives what takes it away again. */
  add(companion: Companion): () => void {
    this.all.add(companion)
    return () => void this.all.delete(companion)
  }

  listening(): void {
    for (const companion of this.all) queueMicrotask(() => companion.listening())
  }
}

/**
 * As node:http decides about its event `upgrade`: the rest of the handshake may be wrong. HTTP/1.0 has no such thing (RFC
 * 9110 7.8).
 */
export function asksForWebSocket({ headers, httpVersion }: Request): boolean {
  return headers.has('upgrade') && httpVersion === '1.1' && UPGRADE.test(headers.get('connection') ?? '')
}

const UPGRADE = /(?:^|,)\s*upgrade\s*(?:,|$)/i
