import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import ava, { type ExecutionContext } from 'ava'
import { Wire } from '../_helpers/wire'
import { serve } from './served'

// Each worker loads the addon and has servers of its own. One that ends, however it ends, takes those with it, and
// nothing of the others.

const test = ava.serial

test('several workers serve side by side, each with several servers', async (t) => {
  const workers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => start(t, name, 2)))
  const main = await serve(t, () => undefined)
  for (let round = 0; round < 3; round++) {
    for (const worker of workers) for (const port of worker.ports) await answersName(t, port, worker.name)
    await main.answersNext()
  }
})

const stages: Record<string, { request: string; whenBusy?: (wire: Wire) => Promise<unknown> }> = {
  'before it has answered': { request: get('/never') },
  'in the middle of an upload': {
    request: `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n${'x'.repeat(1_000_000)}`,
  },
  'in the middle of a download': { request: get('/download'), whenBusy: (wire) => wire.bytes(1_000_000) },
  'in a handler that blocks': { request: get('/block') },
}

for (const [stage, { request, whenBusy }] of Object.entries(stages)) {
  test(`a worker terminated ${stage} closes its servers and nobody else’s`, async (t) => {
    const main = await serve(t, () => undefined)
    const other = await start(t, 'other')
    const bystander = await Wire.open(other.ports[0])
    bystander.send(get('/never'))
    await other.busy()

    const worker = await start(t, 'worker', 2)
    const wires = await Promise.all([0, 1, 1].map((index) => Wire.open(worker.ports[index])))
    for (const wire of wires) wire.send(request)
    await worker.busy()
    await whenBusy?.(wires[0])
    await worker.terminate()

    for (const wire of wires) {
      await wire.rest()
      wire.destroy()
    }
    for (const port of worker.ports) await t.throwsAsync(Wire.open(port), { code: 'ECONNREFUSED' })
    await answersName(t, other.ports[0], 'other')
    await main.answersNext()
    bystander.destroy()
  })
}

test('a worker that exits in a handler closes its servers', async (t) => {
  const worker = await start(t, 'worker')
  const wire = await Wire.open(worker.ports[0])
  wire.send(get('/exit'))
  await worker.ended
  await wire.rest()
  await t.throwsAsync(Wire.open(worker.ports[0]), { code: 'ECONNREFUSED' })
})

test('a worker that dies of an exception closes its servers', async (t) => {
  const worker = await start(t, 'worker')
  const wire = await Wire.open(worker.ports[0])
  const error = once(worker.thread, 'error')
  wire.send(get('/crash'))
  t.is(((await error) as [Error])[0].message, 'as it was told')
  await wire.rest()
  await t.throwsAsync(Wire.open(worker.ports[0]), { code: 'ECONNREFUSED' })
})

test('a worker whose servers are closed ends by itself', async (t) => {
  const worker = await start(t, 'worker', 3)
  await answersName(t, worker.ports[2], 'worker')
  worker.thread.postMessage('close')
  t.is(await worker.ended, 0)
})

test('a terminated worker’s port can be had again at once', async (t) => {
  const first = await start(t, 'first')
  const [port] = first.ports
  const wire = await Wire.open(port)
  wire.send(get('/never'))
  await first.busy()
  await first.terminate()
  await wire.rest()
  const second = await start(t, 'second', 1, port)
  t.deepEqual(second.ports, [port])
  await answersName(t, port, 'second')
})

test('workers may come and go under load', async (t) => {
  const stayer = await start(t, 'stayer')
  let answered = 0
  const load = { goes: true }
  const loading = (async () => {
    while (load.goes) {
      await answersName(t, stayer.ports[0], 'stayer')
      answered++
    }
  })()
  for (let round = 0; round < 12; round++) {
    const worker = await start(t, `worker ${round}`)
    const paths = ['/never', '/download', '/name', '/upload']
    const wires = await Promise.all(paths.map(() => Wire.open(worker.ports[0])))
    wires.forEach((wire, index) => wire.send(get(paths[index])))
    await worker.busy()
    await worker.terminate()
    for (const wire of wires) {
      await wire.rest()
      wire.destroy()
    }
  }
  load.goes = false
  await loading
  t.true(answered > 12)
})

interface Started {
  readonly name: string
  readonly ports: number[]
  readonly thread: Worker
  /** The exit code, once it has ended. */
  readonly ended: Promise<number>
  /** Resolves when a handler has begun, once for each. */
  busy(): Promise<void>
  terminate(): Promise<unknown>
}

async function start(t: ExecutionContext, name: string, servers = 1, port?: number): Promise<Started> {
  const thread = new Worker(path.join(__dirname, 'worker.js'), { workerData: { name, servers, port } })
  t.teardown(() => thread.terminate())
  const ended = once(thread, 'exit').then(([code]) => code as number)
  // An exception of the worker is looked at by the test that causes it.
  ended.catch(() => undefined)
  const handlers = { begun: 0, wake: (): void => undefined }
  const [ports] = (await once(thread, 'message')) as [number[]]
  thread.on('message', () => {
    handlers.begun++
    handlers.wake()
  })
  return {
    name,
    ports,
    thread,
    ended,
    async busy() {
      while (handlers.begun === 0) await new Promise<void>((resolve) => (handlers.wake = resolve))
      handlers.begun--
    },
    terminate: () => thread.terminate(),
  }
}

async function answersName(t: ExecutionContext, port: number, name: string): Promise<void> {
  const wire = await Wire.open(port)
  t.is((await wire.ask(get('/name'))).body.toString(), name)
  wire.endSending()
  t.is(await wire.closed(), 'ended')
}

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`
}
