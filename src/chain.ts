import type { ServerSink } from './dispatch'
import { codedPlain } from './errors'
import { DECLINED, type Handler } from './handler'
import { fail, failWith, isKnown, renew } from './exchange'
import type { Request } from './request'
import type { Response } from './response'

/**
 * Looks at what the handler at `at` has returned: it may decline, now or later, and what it promises may fail. True when
 * there is a promise, whose continuations want to run.
 */
export function follow(
  result: unknown,
  chain: readonly Handler[],
  at: number,
  request: Request,
  response: Response,
): boolean {
  if (result === DECLINED) return askNext(chain, at, request, response)
  let promise: Promise<unknown>
  try {
    if (typeof (result as PromiseLike<unknown> | null)?.then !== 'function') return false
    // A promise stays itself; a thenable of another make becomes one that settles once.
    promise = Promise.resolve(result)
  } catch (error) {
    response._request = request
    failWith(response, error)
    return false
  }
  response._request = request
  promise.then(
    (settled) => {
      if (settled === DECLINED) askNext(chain, at, request, response)
    },
    (error: unknown) => {
      if (isKnown(response, error)) fail(response)
      else failWith(response, error)
    },
  )
  return true
}

/** The handlers of a request on a server that accepts by hand: no route's are those that its connection came with. */
export function chainOn(server: ServerSink, chain: readonly Handler[], response: Response): readonly Handler[] {
  return chain === server.routes[0]!.chain ? unrouted(server, response) : chain
}

/** Asks the handler after the one that has declined. */
function askNext(chain: readonly Handler[], at: number, request: Request, response: Response): boolean {
  response._request = request
  // Nobody waits for an answer any more.
  if (response._error !== null) return false
  if (!renew(response)) {
    const late = codedPlain('ERR_DECLINED_LATE', 'A handler has declined a request after it had begun its answer.')
    failWith(response, late)
    return false
  }
  const next = nextHandler(chain, at, response)
  if (next === null) {
    fail(response, 501)
    return false
  }
  try {
    const result = next.chain[next.at]!(request, response)
    return result !== undefined && follow(result, next.chain, next.at, request, response)
  } catch (error) {
    failWith(response, error)
    return false
  }
}

/**
 * Who is asked when the handler at `at` has declined: the next one of its list, then those for requests that no route
 * takes; null when all have been asked.
 */
function nextHandler(
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
