import { createRequire } from 'node:module'

import { BINARY, DOWNLOAD_BYTES, HELLO, JSON_TYPE, PIECE, TEXT, busy, describe, receipt } from '../handlers/answers.mjs'
import { ROUTES, routed } from '../handlers/routes.mjs'
import { GREETING, LARGEST_BACKLOG, LARGEST_MESSAGE, PUBLISH, SUBSCRIBE, TOPIC } from '../handlers/sockets.mjs'
import { handlerOf, ready, secured } from './scenario.mjs'

const uWebSockets = createRequire(import.meta.url)('uwebsockets')
const app = secured
  ? uWebSockets.SSLApp({ cert_file_name: secured.files.certificate, key_file_name: secured.files.key })
  : uWebSockets.App()
const sockets = { maxPayloadLength: LARGEST_MESSAGE, maxBackpressure: LARGEST_BACKLOG }

const scenarios = {
  hello: () => app.get('/', (response) => response.writeHeader('content-type', TEXT).end(HELLO)),

  // It closes when it is asked to, but without saying so: a client is owed the word.
  churn: () =>
    app.get('/', (response) =>
      response.writeHeader('content-type', TEXT).writeHeader('connection', 'close').end(HELLO, true),
    ),

  busy: () =>
    app.get('/', (response) => {
      busy()
      response.writeHeader('content-type', TEXT).end(HELLO)
    }),

  json: () =>
    app.get('/items/:item', (response, request) => {
      const body = describe(request.getUrl(), request.getHeader('user-agent'), request.getHeader('x-request-id'))
      response.writeHeader('content-type', JSON_TYPE).end(body)
    }),

  post: () =>
    app.post('/orders', (response) => {
      let held
      response.onAborted(ignore)
      response.onData((chunk, isLast) => {
        // A chunk is only valid during the call: one that is not the last is copied.
        const bytes = Buffer.from(chunk)
        if (!isLast || held) held = Buffer.concat(held ? [held, bytes] : [bytes])
        if (!isLast) return
        const order = JSON.parse((held ?? bytes).toString())
        response.cork(() => response.writeHeader('content-type', JSON_TYPE).end(receipt(order)))
      })
    }),

  upload: () =>
    app.post('/upload', (response) => {
      let bytes = 0
      response.onAborted(ignore)
      response.onData((chunk, isLast) => {
        bytes += chunk.byteLength
        if (isLast) response.cork(() => response.writeHeader('content-type', TEXT).end(String(bytes)))
      })
    }),

  download: () =>
    app.get('/download', (response) => {
      // tryEnd says how much the socket took; onWritable says where to go on.
      const more = (offset) => {
        for (;;) {
          const [taken, done] = response.tryEnd(PIECE.subarray(offset % PIECE.length), DOWNLOAD_BYTES)
          if (done || !taken) return taken
          offset = response.getWriteOffset()
        }
      }
      response.onAborted(ignore)
      response.onWritable(more)
      response.writeHeader('content-type', BINARY)
      more(0)
    }),

  routed() {
    for (const pattern of ROUTES) {
      app.get(pattern, (response, request) =>
        response.writeHeader('content-type', TEXT).end(routed(request.getParameter(0), request.getParameter(1))),
      )
    }
  },

  'ws-echo': () => app.ws('/', { ...sockets, message: (socket, data, isBinary) => socket.send(data, isBinary) }),

  'ws-deflate': () => compressed(uWebSockets.SHARED_COMPRESSOR),

  'ws-publish'() {
    app.ws(SUBSCRIBE, {
      ...sockets,
      open(socket) {
        socket.subscribe(TOPIC)
        socket.send(GREETING)
      },
    })
    app.ws(PUBLISH, { ...sockets, message: (_socket, data, isBinary) => app.publish(TOPIC, data, isBinary) })
  },
}

function compressed(compression) {
  const message = (socket, data, isBinary) => socket.send(data, isBinary, true)
  app.ws('/', { ...sockets, compression, message })
}

function ignore() {}

handlerOf(scenarios)()
app.listen('127.0.0.1', 0, (socket) => ready(uWebSockets.us_socket_local_port(socket)))
