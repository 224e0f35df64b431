import { withCode } from './errors'
import type { Request } from './request'
import type { Response } from './response'
import type { Server } from './server'
import type { ServerWebSocket } from './websocket'

/** Told of errors: see `ServerOptions.onError`. What it throws itself is printed and has no other effect. */
export type ErrorHandler = (error: unknown, context: ErrorContext) => unknown

/** Where an error came from. */
export interface ErrorContext {
  /** The server it happened on. */
  readonly server: Server
  /** The request that was being handled; undefined for an error of a connection. */
  readonly request?: Request
  /** Its response. */
  readonly response?: Response
  /** The WebSocket whose handler has failed. */
  readonly socket?: ServerWebSocket<unknown>
}

/** Tells `onError`, or prints. */
export function report(onError: ErrorHandler | undefined, error: unknown, context: ErrorContext): void {
  if (onError === undefined) return print(error)
  try {
    const result = onError(error, context)
    if (typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function') {
      ;(result as PromiseLike<unknown>).then(undefined, (second: unknown) => printBoth(error, second))
    }
  } catch (second) {
    printBoth(error, second)
  }
}

/** The error of a connection from the core's text: a code, the client's address or `-`, and a message. */
export function connectionError(text: string): Error & { code: string } {
  const [code = '', remote = '', ...message] = text.split(' ')
  const remoteAddress = remote === '-' ? undefined : remote
  const from = remoteAddress === undefined ? '' : ` (from ${remoteAddress})`
  const error = new Error(withCode(code, message.join(' ') + from))
  // The stack of this loop says nothing.
  error.stack = `${error.name}: ${error.message}`
  return Object.assign(error, { code, remoteAddress })
}

function printBoth(error: unknown, second: unknown): void {
  print(error)
  print(second)
}

function print(error: unknown): void {
  // The default place for errors nobody else wants, as for an uncaught exception.
  try {
    // oxlint-disable-next-line no-console
    console.error(error)
  } catch {
    // What is thrown can be anything, also something that throws when it is looked at.
    // oxlint-disable-next-line no-console
    console.error('An error that cannot be shown was thrown by a handler.')
  }
}
