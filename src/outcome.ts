import { getSystemErrorMap, getSystemErrorName } from 'node:util'
import { Abort, Outcome } from './inbound'
import { codedPlain, type CodedError } from './errors'

/**
 * The error of a write that did not reach the operating system, with `errno` and `syscall` when it was the system that
 * refused.
 */
export function writeError(outcome: number): CodedError {
  if (outcome === Outcome.notExecuted) {
    return codedPlain('ERR_WRITE_NOT_EXECUTED', 'The connection failed before this write began.')
  }
  if (outcome < Outcome.errno) {
    return codedPlain('ERR_SERVER_CLOSED', 'The server stopped before this write was done.')
  }
  const errno = Outcome.errno - outcome
  const known = errno < 0 ? getSystemErrorMap().get(errno) : undefined
  const name = known === undefined ? `errno ${-errno}` : getSystemErrorName(errno)
  const error = codedPlain('ERR_WRITE_FAILED', `write ${name}: ${known?.[1] ?? 'the system refused the write'}`)
  return Object.assign(error, { errno, syscall: 'write' })
}

/** Errors of writes that promises were rejected with: a handler that only passes one on has nothing to report. */
const passed = new WeakSet<CodedError>()

export function passOn(error: CodedError): CodedError {
  passed.add(error)
  return error
}

export function isPassedOn(error: unknown): boolean {
  return typeof error === 'object' && error !== null && passed.has(error as CodedError)
}

/** The errors of an exchange that was cut: of the answer, and of the request's body when that was not complete. */
export function abortErrors(reason: number): { error: CodedError; bodyError: CodedError } {
  switch (reason) {
    case Abort.malformedBody:
      return same(
        codedPlain('ERR_BODY_MALFORMED', 'The request body broke the rules of HTTP/1.1; the client was told so.'),
      )
    case Abort.bodyTimeout:
      return same(
        codedPlain('ERR_BODY_TIMEOUT', 'The request body came too slowly (timeouts.body, timeouts.minBodyRate).'),
      )
    case Abort.bodyTooLarge:
      return same(codedPlain('ERR_BODY_TOO_LARGE', 'The request body is larger than limits.bodyBytes.'))
    case Abort.handlerTimeout:
      return same(
        codedPlain('ERR_HANDLER_TIMEOUT', 'The handler took longer than timeouts.handler; the client got a 503.'),
      )
    case Abort.writeTimeout:
      return same(codedPlain('ERR_WRITE_TIMEOUT', 'The client took none of the answer for longer than timeouts.write.'))
    case Abort.serverClosed:
      return same(codedPlain('ERR_SERVER_CLOSED', 'The server was closed before the answer was complete.'))
    case Abort.reset:
      return same(codedPlain('ERR_RESPONSE_RESET', 'The response was given up and its connection closed.'))
    default:
      return {
        error: codedPlain('ERR_CLIENT_GONE', 'The client closed the connection before the answer was complete.'),
        bodyError: bodyAborted(),
      }
  }
}

export function bodyAborted(): CodedError {
  return codedPlain('ERR_BODY_ABORTED', 'The client went away before the whole request body had arrived.')
}

function same(error: CodedError): { error: CodedError; bodyError: CodedError } {
  return { error, bodyError: error }
}
