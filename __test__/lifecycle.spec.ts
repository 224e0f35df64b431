import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'

// When a process with servers ends; workers are in faults/workers.spec.ts.

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
