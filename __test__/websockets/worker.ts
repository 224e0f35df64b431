import { parentPort } from 'node:worker_threads'
import { createServer } from '../_helpers/transport'

// What the test of a terminated worker runs in it.

const server = createServer({ onError: () => undefined }).websocket('/', { open: (socket) => socket.send('welcome') })
void server.listen({ host: '127.0.0.1' }).then(({ port }) => parentPort!.postMessage(port))
