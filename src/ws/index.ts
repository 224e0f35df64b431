/**
 * millrace/ws: the server's side of the package `ws` 8 on the core's sockets, so that a program written for that runs when
 * its import is changed. docs/coming-from/ws.md says what differs, docs/guides/websockets.md how to go without it.
 */
import { createWebSocketStream } from './stream'
import { WebSocketServer } from './server'
import { WebSocket } from './websocket'

Object.assign(WebSocket, { WebSocket, WebSocketServer, Server: WebSocketServer, createWebSocketStream })

export { WebSocket, WebSocketServer, createWebSocketStream }
export { WebSocketServer as Server } from './server'
export type { UpgradeRequest } from './request'
export type { UpgradeSocket } from './upgrade-socket'
export type { UpgradeCallback } from './server'
export type { ClientInfo, PerMessageDeflateOptions, ServerOptions, VerifyClient } from './options'
export type { BinaryType, RawData } from './data'
export type { CloseEvent, ErrorEvent, Event, MessageEvent } from './event-target'
export type { SendCallback, SendOptions } from './websocket'
