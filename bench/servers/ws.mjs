import { createServer } from 'node:http'

import { WebSocketServer } from 'ws'

import { GREETING, PUBLISH, SUBSCRIBE } from '../handlers/sockets.mjs'
import { handlerOf, ready } from './scenario.mjs'

const scenarios = {
  'ws-echo': (options) => open(options).on('connection', echo),

  'ws-deflate': () => scenarios['ws-echo']({ perMessageDeflate: { threshold: 0 } }),

  'ws-publish'() {
    const subscribers = open({ path: SUBSCRIBE, noServer: true }).on('connection', (socket) => socket.send(GREETING))
    const publishers = open({ path: PUBLISH, noServer: true }).on('connection', (socket) =>
      socket.on('message', (data, binary) => {
        for (const client of subscribers.clients) client.send(data, { binary })
      }),
    )
    server.on('upgrade', (request, socket, head) => {
      const wanted = [subscribers, publishers].find((one) => one.shouldHandle(request))
      wanted?.handleUpgrade(request, socket, head, (client) => wanted.emit('connection', client, request))
    })
  },
}

function open(options) {
  return new WebSocketServer(options?.noServer ? options : { server, ...options })
}

function echo(socket) {
  socket.on('message', (data, binary) => socket.send(data, { binary }))
}

const server = createServer()
handlerOf(scenarios)()
server.listen(0, '127.0.0.1', () => ready(server.address().port))
