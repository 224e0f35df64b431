import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'

// When a process or a worker with servers ends: each program runs in a process of its own, with the real core.

const home = path.dirname(require.resolve('millrace/package.json'))

interface Program {
  /** The next line it prints; undefined when it has ended. */
  line(): Promise<string | undefined>
  /** How it ended. */
  ended: Promise<{ code: number | null; signal: string | null }>
}

function run(t: ExecutionContext, source: string): Program {
  const child = spawn(process.execPath, ['-e', `const { createServer } = require('millrace');${source}`], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    line: async () => (await lines.next()).value as string | undefined,
    ended: once(child, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    })),
  }
}

const HOST = `{ host: '127.0.0.1' }`

test('a listening server keeps the process alive, after close it exits by itself', async (t) => {
  const { line, ended } = run(
    t,
    `const server = createServer((request, response) => { response.end('x'); setTimeout(() => server.close(), 50) })
    server.listen(${HOST}).then(({ url }) => console.log(url))`,
  )
  const url = (await line())!
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.is(await (await fetch(url)).text(), 'x')
  t.deepEqual(await ended, { code: 0, signal: null })
})

test('an unreferenced server lets the process exit', async (t) => {
  const { ended } = run(t, `createServer().unref().listen(${HOST})`)
  t.deepEqual(await ended, { code: 0, signal: null })
})

test('a server closed before it listened leaves nothing behind', async (t) => {
  const { line, ended } = run(
    t,
    `const server = createServer()
    server.listen(${HOST}).catch(() => {}); server.close().then(() => console.log(String(server.listening)))`,
  )
  t.is(await line(), 'false')
  t.deepEqual(await ended, { code: 0, signal: null })
})

test('process.exit in the middle of requests is an ordinary exit', async (t) => {
  const { line, ended } = run(
    t,
    `const server = createServer(() => { setTimeout(() => process.exit(7), 20) })
    server.listen(${HOST}).then(({ url }) => console.log(url))`,
  )
  const url = (await line())!
  await Promise.allSettled([fetch(url), fetch(url), fetch(url)])
  t.deepEqual(await ended, { code: 7, signal: null })
})

test('each worker has servers of its own, one that is terminated in the middle of a request closes them', async (t) => {
  const { line, ended } = run(
    t,
    `const { Worker } = require('worker_threads')
    const source = \`
      const { parentPort } = require('worker_threads')
      const { createServer } = require('millrace')
      createServer((request, response) => {
        if (request.path === '/hang') return parentPort.postMessage('hangs')
        response.end('from a worker')
      }).listen(${HOST}).then(({ url }) => parentPort.postMessage(url))\`
    const start = () => new Promise((resolve) => {
      const worker = new Worker(source, { eval: true })
      worker.once('message', (url) => resolve({ worker, url }))
    })
    ;(async () => {
      const main = createServer((request, response) => void response.end('from main'))
      const { url } = await main.listen(${HOST})
      const workers = await Promise.all([start(), start(), start()])
      const texts = await Promise.all([url, ...workers.map((one) => one.url)].map(async (where) => (await fetch(where)).text()))
      console.log(texts.join())
      const [{ worker, url: gone }] = workers
      const hanging = fetch(gone + '/hang').then(() => 'answered', () => 'cut')
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
      console.log(await hanging)
      console.log(await fetch(gone).then(() => 'answered', (error) => error.cause.code))
      console.log(await (await fetch(workers[1].url)).text(), await (await fetch(url)).text())
      for (const other of workers) await other.worker.terminate()
      await main.close()
    })()`,
  )
  t.is(await line(), 'from main,from a worker,from a worker,from a worker')
  t.is(await line(), 'cut')
  t.regex((await line())!, /ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET/)
  t.is(await line(), 'from a worker from main')
  t.deepEqual(await ended, { code: 0, signal: null })
})

test('a worker with a server that is closed ends by itself', async (t) => {
  const { line, ended } = run(
    t,
    `const { Worker } = require('worker_threads')
    const source = \`
      const { createServer } = require('millrace')
      const server = createServer()
      server.listen(${HOST}).then(() => server.close())\`
    new Worker(source, { eval: true }).on('exit', (code) => console.log('worker', code))`,
  )
  t.is(await line(), 'worker 0')
  t.deepEqual(await ended, { code: 0, signal: null })
})
