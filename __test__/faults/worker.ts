import { parentPort, workerData } from 'node:worker_threads'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request, Response } from '#dist/index'
import { createServer } from '../_helpers/transport'

// What the tests of workers run in each of them: some servers, and handlers that can be caught at every stage.

const { name, servers, port } = workerData as { name: string; servers: number; port?: number }
const CHUNK = Buffer.alloc(64 * 1024, name)

async function handler(request: Request, response: Response): Promise<unknown> {
  switch (request.path) {
    case '/name':
      return response.end(name)
    case '/never':
      return parentPort!.postMessage('handling')
    case '/upload': {
      let bytes = 0
      for await (const chunk of request) {
        bytes += chunk.length
        parentPort!.postMessage('handling')
        await sleep(1)
      }
      return response.end(String(bytes))
    }
    case '/download':
      parentPort!.postMessage('handling')
      for (;;) if (!response.write(CHUNK)) await response.drain()
    case '/block':
      parentPort!.postMessage('handling')
      for (;;);
    case '/exit':
      return process.exit()
    case '/crash':
      setImmediate(() => {
        throw new Error('as it was told')
      })
      return undefined
    default:
      response.status = 404
      return response.end()
  }
}

async function main(): Promise<void> {
  const all = Array.from({ length: servers }, () => createServer({ handler, onError: () => undefined }))
  const addresses = await Promise.all(all.map((server) => server.listen({ host: '127.0.0.1', port: port ?? 0 })))
  parentPort!.postMessage(addresses.map((address) => address.port))
  parentPort!.once('message', () => {
    void Promise.all(all.map((server) => server.close()))
  })
}

void main()
