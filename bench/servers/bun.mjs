/* global Bun */
import { HELLO, JSON_TYPE, TEXT } from '../handlers/answers.mjs'
import { catalogue } from '../handlers/catalogue.mjs'
import { fetchHandlers } from '../handlers/fetch.mjs'
import { GREETING, PUBLISH, SUBSCRIBE, TOPIC } from '../handlers/sockets.mjs'
import { handlerOf, ready, secured } from './scenario.mjs'

const closing = { headers: { 'content-type': TEXT, connection: 'close' } }
const json = { headers: { 'content-type': JSON_TYPE, vary: 'accept-encoding' } }
const compressed = { headers: { ...json.headers, 'content-encoding': 'gzip' } }
const handlers = {
  ...fetchHandlers,
  // It closes when it is asked to, but without saying so: a client is owed the word.
  churn: () => new Response(HELLO, closing),

  gzip(request) {
    if (!request.headers.get('accept-encoding')?.includes('gzip')) return new Response(catalogue(), json)
    return new Response(Bun.gzipSync(catalogue()), compressed)
  },
}

/** What a scenario gives the server besides a handler, or instead of one. */
const sockets = {
  'ws-echo': () => upgrading({ message: (socket, data) => socket.send(data) }),

  'ws-deflate': () => upgrading({ perMessageDeflate: true, message: (socket, data) => socket.send(data, true) }),

  'ws-publish': () =>
    upgrading({
      open(socket) {
        if (socket.data !== SUBSCRIBE) return
        socket.subscribe(TOPIC)
        socket.send(GREETING)
      },
      message(socket, data) {
        if (socket.data === PUBLISH) server.publish(TOPIC, data)
      },
    }),
}

/** A socket's data is the path it came by. */
function upgrading(websocket) {
  const fetch = (request, server) => {
    if (server.upgrade(request, { data: new URL(request.url).pathname })) return undefined
    return new Response('a WebSocket was expected', { status: 426 })
  }
  return { fetch, websocket }
}

const plain = Object.fromEntries(Object.entries(handlers).map(([name, fetch]) => [name, () => ({ fetch })]))
const options = handlerOf({ ...plain, ...sockets })()
const server = Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 120, tls: secured?.pem, ...options })
ready(server.port)
