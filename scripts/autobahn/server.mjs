// The server the suite talks to: an echo with the default limits. Forked; tells where it listens, ends with its parent.

import { createServer } from '../../dist/index.mjs'

const server = createServer()
server.websocket('/', {
  compression: true,
  message(socket, data) {
    socket.send(data)
  },
})

const { url } = await server.listen({ host: '127.0.0.1', port: 0 })
process.on('disconnect', () => process.exit())
process.send(url.replace('http:', 'ws:'))
