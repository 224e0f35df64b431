import { RECORD_OVERHEAD } from './outbound'
import { coded, codedPlain, type CodedError } from './errors'
import { statusOfFault } from './fault'
import { fieldOf, Special, specialOf } from './fields'
import { NO_FIELDS } from './head'
import { isPassedOn } from './outcome'
import type { Response } from './response'
import { listFields } from './response-head'
import { State } from './state'
import { STATUS_CODES } from './status'
import type { Stream, Told } from './stream'

/*
 * What becomes of an exchange besides its answer: handlers that fail, connections that are cut, and whom to tell.
 */

/** A handler, or a callback given to this exchange, has thrown. What the client did is nobody's news. */
export function failWith(response: Response, thrown: unknown): void {
  const status = statusOfFault(thrown)
  if (status === 0) response._server.handlerFailed(thrown, response)
  fail(response, status === 0 ? 500 : status)
}

/** The handler has failed: `status` when nothing was sent, else the connection is closed. */
export function fail(response: Response, status = 500): void {
  if ((response._state & (State.ended | State.gone)) !== 0) return
  if (!renew(response)) {
    reset(response, codedPlain('ERR_RESPONSE_RESET', 'The handler failed after it had begun its answer.'))
    return
  }
  response._status = status
  response._rest = [...(response._rest ?? []), fieldOf('content-type', 'text/plain; charset=utf-8')]
  // RFC 9110 15.5.16: what could be decoded.
  if (status === 415) response._rest.push(fieldOf('accept-encoding', 'gzip, br, zstd, deflate'))
  const text = `${STATUS_CODES[status]}\n`
  response._respond(text, text.length, 0, response._finishing(null))
}

/** Takes back all that was set but for fields to keep, as for the next handler. False when something has been sent. */
export function renew(response: Response): boolean {
  if ((response._state & (State.headSent | State.ended)) !== 0) return false
  response._status = 200
  response._reason = ''
  if ((response._special & Special.kept) === 0) {
    response._head = NO_FIELDS
    response._rest = null
    response._special = 0
  } else {
    keepFields(response)
  }
  const plain = (response._state & State.plainAtFirst) === 0 ? 0 : State.plain
  response._state = (response._state & ~State.plain) | plain
  const { _stream: stream } = response
  if (stream !== null) {
    stream.renew()
    // Why is known to whom it concerns: that a source has to stop for it is no news.
    if (stream.sending !== null) stream.overtake(codedPlain('ERR_RESPONSE_RESET', STOPPED))
  }
  return true
}

function keepFields(response: Response): void {
  const fields = listFields(response)
  const kept = fields.filter((field) => (field.special & Special.kept) !== 0)
  // Nothing else has been set: what makes setting more of them cheap stays.
  if (kept.length === fields.length) return
  response._head = NO_FIELDS
  response._rest = kept
  response._special = specialOf(kept)
}

/** The response has been ended while a source was being sent: a mistake of the program's. */
export function overtake(response: Response, stream: Stream): void {
  const error = coded('ERR_WRITE_AFTER_END', 'The response was ended while a source was being sent.')
  stream.overtake(error)
  response._server.handlerFailed(error, response)
}

const STOPPED = 'The handler failed or declined before its source had been sent.'

/**
 * Gives the exchange up: the connection is closed. With `always` also when it has ended, as far as that is still this
 * connection.
 */
export function reset(response: Response, error: CodedError, always = false): void {
  if ((response._state & State.gone) === 0 && (always || (response._state & State.ended) === 0)) {
    const outbox = response._lane.reserve(RECORD_OVERHEAD)
    outbox.reset(response._connection, response._generation, response._sequence, always ? 1 : 0)
    response._lane.written()
  }
  cut(response, error)
}

/** The exchange has been cut: nothing more is sent for it. */
export function cut(response: Response, error: CodedError, bodyError: CodedError = error): void {
  const state = response._state
  if ((state & State.gone) !== 0) return
  if ((state & State.ended) === 0) {
    response._error = error
    response._request?._abort(error)
    response._stream?.cut(error)
  }
  response._state |= State.gone
  response._body?.fail(bodyError)
  if ((response._state & State.pending) !== 0) response._lane.forget(response)
  const known = response._body?.error ?? response._error
  if (known !== null) response._stream?.raw?.destroy(known)
}

/** Tells the outcome of a write, and those that had to wait for it. */
export function tell(response: Response, told: Told, error: CodedError | null): void {
  call(response, told, error)
  if (response._stream === null) return
  for (const refused of response._stream.settleOne()) call(response, refused.told, refused.error)
}

/** Tells why a write is not even tried: after all that was tried before, and never inside the call. */
export function refuse(response: Response, told: Told | null, error: CodedError): false {
  if (told === null || response._stream?.postpone(told, error) === true) return false
  process.nextTick(() => call(response, told, error))
  return false
}

/** Whether an error only passes on that the client went or broke the rules, as from a handler that awaited `drain()`. */
export function isKnown(response: Response, error: unknown): boolean {
  if (error === null || error === undefined) return false
  if (error === response._error || error === response._stream?.failure || isPassedOn(error)) return true
  if (response._request?._isAbort(error) === true) return true
  const { _body: body } = response
  return body !== null && error === body.error && body.error.code !== 'ERR_BODY_DISCARDED'
}

/** One that throws closes the connection and is reported. */
function call(response: Response, told: Told, error: CodedError | null): void {
  try {
    told(error)
  } catch (thrown) {
    response._server.handlerFailed(thrown, response)
    reset(response, codedPlain('ERR_RESPONSE_RESET', 'A write callback has thrown.'), true)
  }
}
