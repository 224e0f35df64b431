import { once } from 'node:events'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { connect, request } from '../_helpers/transport'

/** A handshake as a browser sends it. */
export const HANDSHAKE: OutgoingHttpHeaders = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/** What is answered to a request. */
export async function ask(
  port: number,
  headers: OutgoingHttpHeaders = HANDSHAKE,
  { method = 'GET', path = '/' } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const asked = request({ port, host: '127.0.0.1', method, path, headers }).end()
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response)
    })
    asked.once('response', resolve)
    asked.once('error', reject)
  })
  const body = answer.statusCode === 101 ? '' : (await answer.setEncoding('utf8').toArray()).join('')
  return { status: answer.statusCode!, headers: answer.headers, body }
}

/** A connection after its handshake, of a client that does only what it is told. */
export async function open(port: number): Promise<Socket> {
  const socket = connect(port)
  const lines = Object.entries(HANDSHAKE).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  socket.write(`GET / HTTP/1.1\r\nhost: a\r\n${lines.join('')}\r\n`)
  let received = Buffer.alloc(0)
  await new Promise<void>((resolve) => {
    const hear = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk])
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) return
      // At once: over TLS more may come in the same turn.
      socket.off('data', hear).pause()
      // A server may have sent messages along with its answer.
      if (end + 4 < received.length) socket.unshift(received.subarray(end + 4))
      resolve()
    }
    socket.on('data', hear)
  })
  return socket
}

/** A frame of a client, masked with zeros so that it can be read; its first byte is given whole. */
export function frame(first: number, payload: string | Uint8Array = '', mask = true): Buffer {
  const bytes = Buffer.from(payload as string)
  return Buffer.concat([Buffer.from([first, bytes.length | (mask ? 0x80 : 0)]), Buffer.alloc(mask ? 4 : 0), bytes])
}

/** All that comes until the server closes, as hexadecimal digits. */
export async function rest(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket.resume(), 'close')
  return Buffer.concat(chunks).toString('hex')
}
