import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import * as ws from 'ws'
import type { Request, Response } from '#dist/index'
import * as own from '#dist/ws/index'
import { createNodeServer, createServer, OVER_TLS } from '../_helpers/transport'

/** What programs take from either package, with the types of `ws`. */
export type Ws = Pick<typeof ws, 'WebSocket' | 'WebSocketServer' | 'createWebSocketStream'>

export type LibraryName = 'ws' | 'millrace/ws'

/** A server for plain requests as well, whose port WebSocket servers share. */
export interface Shared {
  /** For the option `server`. */
  readonly server: never
  /** Has requests for WebSockets decided by a program: for `noServer`. */
  onUpgrade(decide: (upgrade: Upgrade) => void): void
  /** Answers plain requests with 'plain', and gives the port. */
  listen(): Promise<number>
  close(): Promise<void>
}

/** A request for a WebSocket. */
export interface Upgrade {
  readonly path: string
  header(name: string): string | undefined
  to(server: ws.WebSocketServer, ...more: unknown[]): void
  refuse(status: 401 | 404): void
}

export const libraries: Record<LibraryName, Ws & { share(): Shared }> = {
  ws: { ...pick(ws), share: shareNode },
  'millrace/ws': { ...pick(own as unknown as Ws), share: shareMillrace },
}

secureOwnServers()

/** A WebSocketServer with a port makes a server of its own, and neither package lets that speak TLS. */
export function secureOwnServers(): void {
  if (!OVER_TLS) return
  Object.assign(require('node:http') as object, { createServer: createNodeServer })
  Object.assign(require('#dist/server') as object, { createServer })
}

function pick({ WebSocket, WebSocketServer, createWebSocketStream }: Ws): Ws {
  return { WebSocket, WebSocketServer, createWebSocketStream }
}

function shareNode(): Shared {
  const server = createNodeServer((_request, response) => response.end('plain'))
  const sockets = new Set<Duplex>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  return {
    server: server as never,
    onUpgrade(decide) {
      server.on('upgrade', (request, socket, head) =>
        decide({
          path: request.url!,
          header: (name) => request.headers[name] as string | undefined,
          to: (wss, ...more) =>
            wss.handleUpgrade(request, socket, head, (socket_, request_) => {
              wss.emit('connection', socket_, request_, ...more)
            }),
          refuse(status) {
            socket.write(`HTTP/1.1 ${status} ${REASONS[status]}\r\n\r\n`)
            socket.destroy()
          },
        }),
      )
    },
    async listen() {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return (server.address() as AddressInfo).port
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function shareMillrace(): Shared {
  let decide: ((upgrade: Upgrade) => void) | undefined
  const server = createServer((request: Request, response: Response) => {
    if (decide === undefined || !request.headers.has('upgrade')) return response.end('plain')
    return decide({
      path: request.url,
      header: (name) => request.headers.get(name) ?? undefined,
      to: (wss, ...more) =>
        wss.handleUpgrade(request as never, response as never, null as never, (socket_, request_) => {
          wss.emit('connection', socket_, request_, ...more)
        }),
      refuse(status) {
        response.status = status
        response.end()
      },
    })
  })
  return {
    server: server as never,
    onUpgrade: (given) => (decide = given),
    listen: async () => (await server.listen({ host: '127.0.0.1', port: 0 })).port,
    close: () => server.close({ timeout: 0 }),
  }
}

const REASONS = { 401: 'Unauthorized', 404: 'Not Found' }
