/**
 * millrace: an HTTP server whose sockets, parsing and timers run in Rust, on threads of their own.
 *
 * - `createServer` makes a {@link Server}: listen, close, stats (server.ts; what it can be told is in options.ts)
 * - its routes lead to handlers, or to what the core answers by itself (routes.ts, fixed.ts, static-files.ts)
 * - its handler gets a {@link Request} (request.ts, headers.ts, body.ts) and a {@link Response} (response.ts)
 * - over TLS by the option `tls` (tls/options.ts); {@link ServerTls} renews certificates, {@link TlsInfo} is `request.tls`
 * - errors made here have a code of {@link ERROR_CODES} (errors.ts)
 *
 * Below these, dispatch.ts takes batches of records from the core (binding.ts) and hands answers back, in the layout of
 * inbound.ts and outbound.ts.
 */
export { createServer, Server } from './server'
export { DECLINED } from './handler'
export { fixed, FixedAnswer } from './fixed'
export { accessLog } from './access-log'
export { hsts, redirectToHttps } from './https'
export { selfSignedCertificate } from './tls/self-signed'
export { staticFiles, StaticFiles } from './static-files'
export { webSocket, WebSocketRoute } from './websocket-route'
export { ServerWebSocket } from './websocket'
export { OutgoingMessage } from './websocket-message'
export { Request } from './request'
export { Response } from './response'
export { fileRange, FileRange } from './file-range'
export { lendBuffer } from './lend'
export { Connection } from './connection'
export { RawSocket } from './raw-socket'
export { Headers } from './headers'
export { ServerTls } from './tls/server-tls'
export { TlsInfo } from './tls/info'
export { ERROR_CODES } from './errors'
export { Status, STATUS_CODES } from './status'
export type { Handler } from './handler'
export type { AccessLog, AccessLogOptions } from './access-log'
export type { AccessLogFormat } from './log-formats'
export type { AnswerHandler, AnsweredRequest, AnswerInfo } from './answer-info'
export type { ErrorContext, ErrorHandler } from './report'
export type { ServerAddress } from './address'
export type {
  CompressionLevels,
  CompressionOptions,
  KeepAliveProbes,
  Limits,
  ListenOptions,
  ResolvedOptions,
  RouteOptions,
  ServerOptions,
  Timeouts,
} from './options'
export type { Method, RouteDefinition, RouteMap, RouteTarget } from './routes'
export type { Params } from './params'
export type { FixedOptions } from './fixed'
export type { Hsts, HstsOptions, RedirectToHttpsOptions } from './https'
export type { SelfSigned, SelfSignedOptions } from './tls/self-signed'
export type { StaticFilesOptions } from './static-files'
export type {
  ResolvedTlsOptions,
  TlsCertificate,
  TlsContent,
  TlsKey,
  TlsOptions,
  TlsPassphrase,
  TlsPfx,
  TlsResolve,
  TlsSniCallback,
  TlsVersion,
} from './tls/options'
export type { TlsCertificateInfo } from './tls/server-tls'
export type { Compression, CompressionCoding } from './compression'
export type { CodedError, ErrorCode } from './errors'
export type { ReadCallback } from './body'
export type { ConnectionReadCallback } from './connection'
export type { DecodeOptions } from './decoded-body'
export type { WriteCallback } from './response'
export type { Chunk } from './chunk'
export type { BodySource, SendOptions } from './send'
export type { SendFileOptions } from './send-file'
export type { BodyStep, BodyWriter } from './body-writer'
export type { FileRangeOptions } from './file-range'
export type { HeaderValue } from './fields'
export type { DroppedMessages, MessagePart, Upgraded, WebSocketAccept, WebSocketDefinition } from './websocket-route'
export type { OverflowPolicy, WebSocketCompression, WebSocketLimits, WebSocketTimeouts } from './websocket-options'
export type { MessageOptions, SendResult, WebSocketMessage, WriteError, WriteOptions } from './websocket'
export type { ServerStats } from './stats'
