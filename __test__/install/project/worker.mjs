import { once } from 'node:events'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { createServer } from 'millrace'

const server = createServer((request, response) => response.end('served'))
const { url } = await server.listen({ host: '127.0.0.1', port: 0 })
const answer = await (await fetch(url, { headers: { connection: 'close' } })).text()
await server.close()
if (isMainThread) {
  const answers = [answer]
  // Two at a time, and one after these have ended: the addon is loaded again where it was unloaded.
  for (const number of [2, 1]) {
    const workers = Array.from({ length: number }, () => new Worker(new URL(import.meta.url)))
    answers.push(...(await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]))))
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  console.log(answers.join(' '))
} else {
  parentPort.postMessage(answer)
}
