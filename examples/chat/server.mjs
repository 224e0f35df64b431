// A chat for browsers: `node examples/chat/server.mjs`, then open the address in two windows.
//
// Who is in which room is the core's to know: JavaScript publishes each message once, however many listen.

import { createServer, staticFiles, Status } from 'millrace'

const server = createServer({ compression: true })

/** What was last said in each room, for those who come later. A room that everybody has left is forgotten. */
const history = new Map()
const REMEMBERED = 50

server.get(
  '/*path',
  staticFiles(new URL('public', import.meta.url), { headers: { 'content-security-policy': "default-src 'self'" } }),
)

server.websocket('/rooms/:room', {
  upgrade(request, response) {
    if (!isOwnPage(request)) {
      response.status = Status.FORBIDDEN
      return response.end('This chat is for its own page.\n')
    }
    const name = request.searchParams.get('name')?.trim() ?? ''
    if (name === '' || name.length > 40) {
      response.status = Status.BAD_REQUEST
      return response.end('Say who you are, as ?name=Ann does.\n')
    }
    // Encoded, so that no name of a room is a wildcard.
    return { data: { name, topic: `rooms/${encodeURIComponent(request.params.room)}` } }
  },
  open(socket) {
    for (const message of history.get(socket.data.topic) ?? []) socket.send(message)
    socket.subscribe(socket.data.topic)
    tell(socket.data, 'joins')
  },
  message(socket, text, isBinary) {
    if (isBinary) socket.close(1003, 'only text is understood')
    else tell(socket.data, 'says', text)
  },
  close(socket) {
    tell(socket.data, 'leaves')
    if (server.subscriberCount(socket.data.topic) === 0) history.delete(socket.data.topic)
  },
  // Nobody types more. A client that does not read loses old messages, and then catches up.
  limits: { message: 4096, backlog: 256 * 1024 },
  overflow: 'dropOldest',
})

function tell({ name, topic }, event, text) {
  const message = JSON.stringify({ name, event, text, present: server.subscriberCount(topic) })
  server.publish(topic, message)
  if (event !== 'says') return
  const said = history.get(topic) ?? []
  history.set(topic, [...said.slice(1 - REMEMBERED), message])
}

/** A browser lets any page open a WebSocket, and sends cookies along: it is for the server to ask where from. */
function isOwnPage(request) {
  const origin = request.headers.get('origin')
  return origin === null || origin.replace(/^https?:\/\//, '') === request.headers.get('host')
}

const { url } = await server.listen({
  host: process.env.HOST ?? '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
})
console.log(url)

process.once('SIGINT', async () => {
  // Clients are told 1001, and connect again to whoever listens next.
  await server.close({ timeout: 5000 })
})
