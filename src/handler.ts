import { codedType, show } from './errors'
import type { Request } from './request'
import type { Response } from './response'

/**
 * Answers a request, at once or later: `response` can be used after the handler has returned. Throwing, or rejecting,
 * answers 500 when nothing was sent and closes the connection otherwise; either way the error goes to `onError` once
 * and the client learns nothing of it. Letting an error pass that tells of the client's fault, as ERR_BODY_JSON does,
 * answers its status instead of 500 and is not reported: see docs/errors.md.
 *
 * What it returns has no meaning, except {@link DECLINED}. `Pattern` is that of its route: it types `request.params`.
 */
export type Handler<Pattern extends string = string> = (request: Request<Pattern>, response: Response) => unknown

/**
 * Returned by a handler (or what its promise resolves with) to leave the request to the next one: of its route's list
 * of handlers, then of the server's own, and when none is left the answer is 501. Status and headers that it has set
 * are taken back; a request body that it has read stays read.
 *
 * Declining after something was sent is an error, ERR_DECLINED_LATE.
 */
export const DECLINED: unique symbol = Symbol('millrace.DECLINED')

/** The handlers to be asked in turn. Throws ERR_INVALID_OPTION when `given` is neither a handler nor a list of some. */
export function chainOf(
  name: string,
  given: unknown,
  allowed = 'a function or a list of functions',
): readonly Handler[] {
  const chain: readonly unknown[] = Array.isArray(given) ? [...(given as readonly unknown[])] : [given]
  const wrong = chain.find((handler) => typeof handler !== 'function')
  if (chain.length !== 0 && wrong === undefined && chain.every((handler) => typeof handler === 'function')) {
    return Object.freeze(chain) as readonly Handler[]
  }
  const found = chain.length === 0 ? 'an empty list' : show(wrong)
  throw codedType('ERR_INVALID_OPTION', `The option ${name} has to be ${allowed}, but it is ${found}.`)
}
