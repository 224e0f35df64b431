import type { Handler } from './handler'
import type { Response } from './response'
import type { ServerSink } from './dispatch'

/** The handlers of a request on a server that accepts by hand: no route's are those that its connection came with. */
export function chainOn(server: ServerSink, chain: readonly Handler[], response: Response): readonly Handler[] {
  return chain === server.routes[0]!.chain ? unrouted(server, response) : chain
}

/**
 * Who is asked when the handler at `at` has declined: the next one of its list, then those for requests that no route
 * takes; null when all have been asked.
 */
export function nextHandler(
  chain: readonly Handler[],
  at: number,
  response: Response,
): { chain: readonly Handler[]; at: number } | null {
  if (at + 1 < chain.length) return { chain, at: at + 1 }
  const last = unrouted(response._server, response)
  if (chain === last || (last === response._server.routes[0]!.chain && !response._server.hasHandler)) return null
  return { chain: last, at: 0 }
}

function unrouted(server: ServerSink, response: Response): readonly Handler[] {
  const { accepting, routes } = server
  return accepting?.chainOf(response._connection, response._generation) ?? routes[0]!.chain
}
