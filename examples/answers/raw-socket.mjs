// Another protocol on the same port: after Upgrade or CONNECT the connection is a Duplex stream of raw bytes.
//
//   printf 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nhello' | nc 127.0.0.1 3000
//   curl -p -x http://127.0.0.1:3000 http://example.org/

import { connect } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createServer, Status } from 'millrace'

const server = createServer(async (request, response) => {
  if (request.method === 'CONNECT') return tunnel(request, response)
  if (request.headers.get('upgrade') !== 'shout') {
    response.status = Status.UPGRADE_REQUIRED
    response.setHeader('upgrade', 'shout')
    return response.end()
  }
  const socket = response.upgrade({ upgrade: 'shout' })
  const shout = new Transform({
    transform(chunk, _encoding, done) {
      done(null, chunk.toString('latin1').toUpperCase())
    },
  })
  await pipeline(socket, shout, socket)
})

// Danger: a proxy for everyone. This one is only reached from this machine.
async function tunnel(request, response) {
  const [host, port] = request.url.split(':')
  const target = connect(Number(port), host)
  target.once('error', () => {
    if (response.headersSent) return
    response.status = Status.BAD_GATEWAY
    response.end()
  })
  target.once('connect', () => {
    const socket = response.upgrade()
    pipeline(socket, target, socket).catch(() => target.destroy())
  })
}

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
