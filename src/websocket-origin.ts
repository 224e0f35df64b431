import type { Lane, ServerSink } from './dispatch'
import { detached } from './text'
import type { WebSocketRoute } from './websocket-route'

/** Clients of a route differ in what they offer; those that wait for it to be forgotten are few. */
const KNOWN = 8

/** Where WebSockets come from, and what was agreed on: one for all that have it in common, as sockets are many. */
export class WebSocketOrigin {
  readonly lane: Lane
  readonly server: ServerSink
  readonly route: WebSocketRoute
  readonly protocol: string
  readonly extensions: string

  constructor(lane: Lane, server: ServerSink, route: WebSocketRoute, protocol: string, extensions: string) {
    this.lane = lane
    this.server = server
    this.route = route
    this.protocol = protocol
    this.extensions = extensions
  }
}

/** The origins of a route's latest sockets. */
export class WebSocketOrigins {
  private readonly known: WebSocketOrigin[] = []

  get(lane: Lane, server: ServerSink, route: WebSocketRoute, protocol: string, extensions: string): WebSocketOrigin {
    const { known } = this
    for (const origin of known) {
      if (origin.protocol !== protocol || origin.extensions !== extensions) continue
      if (origin.server === server && origin.lane === lane) return origin
    }
    const origin = new WebSocketOrigin(lane, server, route, detached(protocol), detached(extensions))
    if (known.length === KNOWN) known.shift()
    known.push(origin)
    return origin
  }
}
