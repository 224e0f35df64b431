import { coded, codedType, show } from './errors'
import { Special, type Field } from './fields'
import { DECLINED, type Handler } from './handler'
import { detach, isSecure, keptAddressOf } from './inbound'
import type { Request } from './request'
import type { Response } from './response'
import { checkedBytes, fieldsOfAll, listFields } from './response-head'
import { group, invalid, type Rules } from './rules'
import { SOCKET_RECORD_OVERHEAD, writeAccept } from './socket-records'
import { State } from './state'
import { ServerWebSocket } from './websocket'
import { PROTOCOL } from './websocket-options'
import type { WebSocketAccept, WebSocketRoute } from './websocket-route'

/** The handler of a route for WebSockets: asks `upgrade`, and accepts unless that has answered. */
export function upgradeHandler(route: WebSocketRoute): Handler {
  return (request, response) => {
    const { upgrade } = route._handlers
    const result: unknown = upgrade === null ? undefined : upgrade(request, response)
    if (isThenable(result)) return Promise.resolve(result).then((given) => decide(route, request, response, given))
    return decide(route, request, response, result)
  }
}

/**
 * Accepts a request as a WebSocket of a route. The handshake has been checked: by the core when the request came through
 * the route, else by the caller. Does nothing when the client has gone.
 *
 * @throws ERR_INVALID_OPTION, ERR_INVALID_ARGUMENT and others as those of headers, for what it is accepted with;
 * ERR_NO_UPGRADE when the request has a body; ERR_HEADERS_SENT
 */
export function acceptWebSocket(
  route: WebSocketRoute,
  request: Request,
  response: Response,
  given: WebSocketAccept<unknown> = {},
): void {
  const { protocol: chosen, headers = {}, data } = group('', given, ACCEPT_RULES) as WebSocketAccept<unknown>
  const offered = listOf(request.headers.get('sec-websocket-protocol'))
  const protocol = protocolOf(chosen, offered, route._options.protocols)
  if (typeof headers !== 'object' || headers === null) throw invalid('headers', headers, 'an object with headers')
  const own = [...listFields(response), ...fieldsOfAll(headers)]
  const wrong = own.find(({ lower, special }) => isCores(lower, special))
  if (wrong !== undefined) {
    throw invalid('headers', headers, `without ${wrong.lower}, which the handshake decides about`)
  }
  const fields: readonly Field[] =
    protocol === '' ? own : [...own, ...fieldsOfAll({ 'sec-websocket-protocol': protocol })]
  const size = checkedBytes(fields)
  if (response._body !== null) throw coded('ERR_NO_UPGRADE', 'A request with a body cannot become a WebSocket.')
  if (response.headersSent || response.ended) {
    throw coded('ERR_HEADERS_SENT', 'The request cannot be accepted as a WebSocket: its answer has begun.')
  }
  if (response._error !== null) return
  const key = request.headers.get('sec-websocket-key') ?? ''
  const offers = route._options.native.compression === undefined ? '' : extensionsOf(request)
  const lane = response._lane
  const settings = route._settings(lane)
  const outbox = lane.reserve(SOCKET_RECORD_OVERHEAD + size + key.length + offers.length)
  const { _connection, _generation, _sequence } = response
  writeAccept(outbox, _connection, _generation, _sequence, settings, fields, key, offers)
  response._state |= State.headSent | State.accepted
  response._request = request
  accepted.set(response, { route, data, protocol })
  lane.written()
}

/** Makes the WebSocket that an exchange has become; null when nobody has accepted it. */
export function openedSocket(response: Response, extensions: string): ServerWebSocket<unknown> | null {
  const found = accepted.get(response)
  const request = response._request
  if (found === undefined || request === null) return null
  accepted.delete(response)
  response._state |= State.ended
  response._stream?.finished?.resolve()
  // The program may hold the request for as long as the socket, and should not hold its whole batch.
  detach(request)
  const { route, protocol, data } = found
  const origin = route._origins.get(response._lane, response._server, route, protocol, extensions)
  const { _connection, _generation } = response
  const address = keptAddressOf(request)
  const port = request.remotePort ?? 0
  return new ServerWebSocket(origin, _connection, _generation, data, address, port, isSecure(request))
}

/** Exchanges whose WebSocket has not been opened yet. */
const accepted = new WeakMap<Response, { route: WebSocketRoute; data: unknown; protocol: string }>()

function decide(route: WebSocketRoute, request: Request, response: Response, given: unknown): unknown {
  if (given === DECLINED) return DECLINED
  if (response.ended || response.headersSent || response.error !== null) return undefined
  // A source whose first piece has not come yet.
  if (response._stream !== null && response._stream.sending !== null) return undefined
  if (response.status !== 200) {
    // Whoever says 401 and returns means it.
    response.end()
    return undefined
  }
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    throw codedType(
      'ERR_INVALID_ARGUMENT',
      `upgrade() has to return nothing, or an object with protocol, headers and data, but it is ${show(given)}. To refuse, answer the response.`,
    )
  }
  acceptWebSocket(route, request, response, given as WebSocketAccept<unknown> | undefined)
  return undefined
}

const ACCEPT_RULES = {
  protocol: { kind: 'other', initial: undefined },
  headers: { kind: 'other', initial: undefined },
  data: { kind: 'other', initial: undefined },
} as const satisfies Rules

/** RFC 6455 4.2.2: one of the client's, or none. */
function protocolOf(chosen: unknown, offered: readonly string[], known: readonly string[]): string {
  if (chosen === undefined) return offered.find((name) => known.includes(name) && PROTOCOL.test(name)) ?? ''
  if (chosen === '') return ''
  if (typeof chosen === 'string' && offered.includes(chosen) && PROTOCOL.test(chosen)) return chosen
  const allowed = offered.length === 0 ? 'left out, as the client has offered none' : `one of ${offered.join(', ')}`
  throw invalid('protocol', chosen, allowed)
}

function listOf(value: string | null): string[] {
  if (value === null) return []
  const names = value.split(',').map((name) => name.trim())
  return names.filter((name) => name !== '')
}

function extensionsOf(request: Request): string {
  return request.headers.get('sec-websocket-extensions') ?? ''
}

/** What the core writes into the answer, or what makes no sense in one without a body. */
function isCores(lower: string, special: number): boolean {
  const { length, encoding, connection, close } = Special
  return (
    (special & (length | encoding | connection | close)) !== 0 ||
    lower === 'upgrade' ||
    lower.startsWith('sec-websocket-')
  )
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
