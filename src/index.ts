/**
 * millrace: an HTTP server whose sockets, parsing and timers run in Rust, on threads of their own.
 *
 * - `createServer` makes a {@link Server}: listen, close, stats (server.ts; what it can be told is in options.ts)
 * - its handler gets a {@link Request} (request.ts, headers.ts, body.ts) and a {@link Response} (response.ts)
 * - errors made here have a code of {@link ERROR_CODES} (errors.ts)
 *
 * Below these, dispatch.ts takes batches of records from the core (binding.ts) and hands answers back, in the layout of
 * batch.ts.
 */
export { createServer, Server } from './server'
export { Request } from './request'
export { Response } from './response'
export { Headers } from './headers'
export { ERROR_CODES } from './errors'
export { STATUS_CODES } from './status'
export type { ErrorContext, ErrorHandler, Handler, ServerAddress } from './server'
export type { KeepAliveProbes, Limits, ListenOptions, ResolvedOptions, ServerOptions, Timeouts } from './options'
export type { CodedError, ErrorCode } from './errors'
export type { ReadCallback } from './body'
export type { WriteCallback } from './response'
export type { Chunk } from './chunk'
export type { HeaderValue } from './fields'
export type { ServerStats } from './stats'
