import { createRequire } from 'node:module'

import {
  BINARY,
  DOWNLOAD_BYTES,
  DOWNLOAD_PIECES,
  HELLO,
  JSON_TYPE,
  PIECE,
  TEXT,
  busy,
  describe,
  receipt,
  streamed,
} from '../handlers/answers.mjs'
import { catalogue } from '../handlers/catalogue.mjs'
import { FILES } from '../handlers/files.mjs'
import { ROUTES, routed } from '../handlers/routes.mjs'
import { GREETING, LARGEST_BACKLOG, PUBLISH, SUBSCRIBE, TOPIC } from '../handlers/sockets.mjs'
import { handlerOf, ready, secured } from './scenario.mjs'

const { createServer, fixed, staticFiles } = createRequire(import.meta.url)('../../dist/index.js')

const handlers = {
  hello(_request, response) {
    response.setHeader('content-type', TEXT)
    response.end(HELLO)
  },

  churn(request, response) {
    handlers.hello(request, response)
  },

  busy(request, response) {
    busy()
    handlers.hello(request, response)
  },

  json(request, response) {
    const { headers } = request
    response.setHeader('content-type', JSON_TYPE)
    response.end(describe(request.path, headers.get('user-agent'), headers.get('x-request-id')))
  },

  async post(request, response) {
    const order = await request.json()
    response.setHeader('content-type', JSON_TYPE)
    response.end(receipt(order))
  },

  upload(request, response) {
    let bytes = 0
    request.read(function count(chunk, error, size) {
      if (error) return
      bytes += size
      if (chunk) return request.read(count)
      response.setHeader('content-type', TEXT)
      response.end(String(bytes))
    })
  },

  async download(_request, response) {
    response.setHeader('content-type', BINARY)
    response.setHeader('content-length', String(DOWNLOAD_BYTES))
    for (let left = DOWNLOAD_PIECES; left > 1; left--) {
      if (!response.write(PIECE)) await response.drain()
    }
    response.end(PIECE)
  },

  gzip(_request, response) {
    response.setHeader('content-type', JSON_TYPE)
    response.end(catalogue())
  },

  stream(_request, response) {
    response.setHeader('content-type', BINARY)
    return response.send(streamed())
  },
}

/** What a scenario gives the server besides a handler, or instead of one. */
const options = {
  fixed: () => ({ routes: { 'GET /': fixed({ headers: { 'content-type': TEXT }, body: HELLO }) } }),

  routed: () => ({ routes: Object.fromEntries(ROUTES.map((pattern) => [`GET ${pattern}`, both])) }),

  files: () => ({ routes: { 'GET /*path': staticFiles(FILES) } }),

  gzip: () => ({ compression: true, handler: handlers.gzip }),
}

/** What a scenario gives the server once it is made. */
const sockets = {
  'ws-echo': (server) => server.websocket('/', { message: (socket, data) => socket.send(data) }),

  'ws-deflate': (server) =>
    server.websocket('/', { compression: { threshold: 0 }, message: (socket, data) => socket.send(data) }),

  'ws-publish': (server) =>
    server
      .websocket(SUBSCRIBE, {
        limits: { backlog: LARGEST_BACKLOG },
        open(socket) {
          socket.subscribe(TOPIC)
          socket.send(GREETING)
        },
      })
      .websocket(PUBLISH, { message: (_socket, data) => server.publish(TOPIC, data) }),
}

function both({ params }, response) {
  response.setHeader('content-type', TEXT)
  response.end(routed(params.id, params.item))
}

const server = handlerOf({
  ...each(handlers, (handler) => create({ handler })),
  ...each(options, (given) => create(given())),
  ...each(sockets, (add) => add(create({}))),
})()
const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
ready(port)

function create(options) {
  return createServer(secured ? { tls: secured.pem, ...options } : options)
}

function each(table, make) {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, () => make(value)]))
}
