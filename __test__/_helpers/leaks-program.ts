import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { createServer, selfSignedCertificate } from '#dist/index'

// The process whose memory the leak tests look at: it serves, and says what it holds when it is asked. Its clients are
// in another process.

/** What the program holds after a full collection. */
export interface Held {
  /** Resident memory in bytes. */
  readonly rss: number
  /** Bytes of JavaScript's heap in use. */
  readonly heap: number
  /** Bytes of buffers outside of it. */
  readonly external: number
  /** Open descriptors. */
  readonly descriptors: number
  /** Connections there are, and how many there have been. */
  readonly connections: number
  readonly accepted: number
  readonly requests: number
  readonly pending: number
}

export type Order = 'measure' | 'worker'

const server = createServer({
  tls: process.argv[2] === 'secure' ? selfSignedCertificate() : undefined,
  onError: () => undefined,
  handler: async (request, response) => {
    response.setHeader('content-type', 'text/plain')
    switch (request.path) {
      case '/upload': {
        let bytes = 0
        for await (const chunk of request) bytes += chunk.length
        return response.end(String(bytes))
      }
      case '/unread':
        // Waits for its client to go.
        return new Promise((resolve) => request.signal.addEventListener('abort', resolve))
      case '/hello':
        return response.end('Hello, World!')
      default:
        response.write(`${request.method} `)
        await request.bytes()
        return response.end(request.headers.get('host'))
    }
  },
})

server.websocket('/socket', { message: (socket, message) => socket.send(message) })

process.on('message', (order: Order) => {
  const answer = order === 'measure' ? measure() : endWorker()
  void answer.then((value) => process.send!(value))
})

void server.listen({ host: '127.0.0.1' }).then(({ port }) => process.send!(port))

async function measure(): Promise<Held> {
  // Finalizers run in turns of their own, and may free what lets more be freed.
  for (let i = 0; i < 4; i++) {
    globalThis.gc!()
    await sleep(10)
  }
  const { rss, heapUsed: heap, external } = process.memoryUsage()
  const { connections, accepted, requests, pending } = server.stats()
  return { rss, heap, external, descriptors: descriptors(), connections, accepted, requests, pending }
}

function descriptors(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0
}

/** Starts a worker with two servers and ends it, and gives back the ports it had. */
async function endWorker(): Promise<number[]> {
  const worker = new Worker(path.join(__dirname, '..', 'faults', 'worker.js'), {
    workerData: { name: 'short-lived', servers: 2 },
  })
  const ports = await new Promise<number[]>((resolve) => worker.once('message', resolve))
  process.send!(ports)
  // Its clients are at work by the time one of its handlers says so.
  await new Promise((resolve) => worker.once('message', resolve))
  await worker.terminate()
  return ports
}
