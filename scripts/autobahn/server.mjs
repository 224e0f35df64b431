// The server the suite talks to: echoes with the default limits. Forked; tells where it listens, ends with its parent.

import { createServer } from '../../dist/index.mjs'

const server = createServer()
echo('/', true)
// A compressor for each connection and every message compressed: what group 13 negotiates then makes a difference.
echo('/dedicated', { contextTakeover: true, threshold: 0 })

const { url } = await server.listen({ host: '127.0.0.1', port: 0 })
process.on('disconnect', () => process.exit())
process.send(url.replace('http:', 'ws:'))

function echo(path, compression) {
  server.websocket(path, {
    compression,
    message(socket, data) {
      socket.send(data)
    },
  })
}
