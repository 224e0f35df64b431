import { Worker } from 'node:worker_threads'
import ava from 'ava'
import type { Wire } from '../_helpers/wire'
import { until } from '../faults/served'
import { clientHello, record, Type } from './records'
import { ask, GET, serve } from './served'

// Handshakes that are begun and left, in crowds.

const test = ava.serial

test('a thousand handshakes that hang are in nobody’s way', async (t) => {
  const { plain, port, ca, server, stillServes } = await serve(t)
  const hello = await clientHello()
  const parts = [Buffer.alloc(0), hello.subarray(0, 1), hello.subarray(0, -1), hello]
  const hanging: Wire[] = []
  for (let i = 0; i < 1000; i += 100) {
    const some = await Promise.all(Array.from({ length: 100 }, () => plain()))
    some.forEach((wire, index) => wire.send(parts[index % parts.length]))
    hanging.push(...some)
    t.is(await ask(port, { ca }), 'hello')
  }
  await until(() => server.stats().tls.open === 1000, 'all hang')
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(port, { ca })))
  t.deepEqual([...new Set(answers)], ['hello'])
  t.is(server.stats().tls.open, 1000)
  for (const wire of hanging) wire.reset()
  await stillServes()
})

test('where there are more handshakes than may be, those that take longest are given up', async (t) => {
  const { plain, port, ca, server, stillServes } = await serve(t, undefined, {}, { limits: { handshakes: 8 } })
  const hello = await clientHello()
  const hanging: Wire[] = []
  for (let i = 0; i < 40; i++) {
    const wire = await plain()
    wire.send(hello.subarray(0, 100))
    hanging.push(wire)
    await until(() => server.stats().accepted === i + 1, 'it is accepted')
  }
  // The first to come are the first to go.
  await Promise.all(hanging.slice(0, 24).map((wire) => wire.rest()))
  t.true(server.stats().tls.open <= 8, `${server.stats().tls.open} are open`)
  t.is(await ask(port, { ca }), 'hello')
  hanging.at(-1)!.send(hello.subarray(100))
  t.is((await hanging.at(-1)!.bytes(1))[0], Type.handshake)
  for (const wire of hanging) wire.destroy()
  await stillServes()
})

test('handshakes have their time while JavaScript is busy, and no more', async (t) => {
  const { port, server, stillServes } = await serve(t, undefined, {}, { timeouts: { handshake: 200 } })
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(HANGING_CLIENT, { eval: true, workerData: { port, flag, hello: await clientHello() } })
  // No JavaScript runs in this thread until the client has been closed.
  t.is(Atomics.wait(flag, 0, 0, 20_000), 'ok')
  t.is(flag[0], 4)
  await worker.terminate()
  await until(() => server.stats().connections === 0, 'they are gone')
  t.is(server.stats().errors.timeout, 4)
  // The one that said nothing had not begun.
  t.is(server.stats().tls.failed, 3)
  await stillServes()
})

test('a handshake that goes on byte by byte has no more time than others', async (t) => {
  const { plain, server, stillServes } = await serve(t, undefined, {}, { timeouts: { handshake: 200 } })
  const wire = await plain()
  const bytes = (await clientHello()).subarray(0, -1)
  let at = 0
  const trickle = setInterval(() => at < bytes.length && wire.send(Buffer.of(bytes[at++])), 5)
  t.teardown(() => clearInterval(trickle))
  t.is(await wire.rest().then((rest) => rest.length), 0)
  t.is(server.stats().errors.timeout, 1)
  wire.destroy()
  await stillServes()
})

test('a connection that is established is not bound by the time for its handshake', async (t) => {
  const { open, server, stillServes } = await serve(t, undefined, {}, { timeouts: { handshake: 300, idle: 20_000 } })
  const wire = await open()
  t.is((await wire.ask(GET)).status, 200)
  const other = await open()
  // The other has had all its time when a handshake that began later has had it.
  const late = await (await serve(t, undefined, {}, { timeouts: { handshake: 300 } })).plain()
  await late.rest()
  t.is((await wire.ask(GET)).status, 200)
  t.is((await other.ask(GET)).status, 200)
  t.is(server.stats().errors.timeout, 0)
  wire.destroy()
  other.destroy()
  await stillServes()
})

test('hundreds of handshakes at once are all completed, and a client that is there is served between them', async (t) => {
  const { port, ca, open, server, stillServes } = await serve(t)
  const wire = await open()
  const all = Promise.all(Array.from({ length: 300 }, () => ask(port, { ca })))
  const load = { goes: true }
  void all.finally(() => (load.goes = false))
  while (load.goes) t.is((await wire.ask(GET)).status, 200)
  t.deepEqual([...new Set(await all)], ['hello'])
  t.is(server.stats().tls.handshakes, 301)
  wire.destroy()
  await stillServes()
})

test('a server that closes does not wait for handshakes that hang', async (t) => {
  const { plain, server } = await serve(t)
  const hello = await clientHello()
  const wires = await Promise.all([plain(), plain(), plain()])
  ;[Buffer.alloc(0), hello.subarray(0, 60), hello].forEach((part, index) => wires[index].send(part))
  await until(() => server.stats().tls.open === 3, 'they hang')
  await server.close()
  for (const wire of wires) await wire.rest()
  t.is(server.stats().connections, 0)
})

test('records of a handshake that never ends are not kept', async (t) => {
  const { plain, stillServes } = await serve(t)
  const before = process.memoryUsage.rss()
  const wires = await Promise.all(Array.from({ length: 50 }, () => plain()))
  // A ClientHello of 16 MiB, in records of the largest size.
  const pieces = Array.from({ length: 64 }, () => record(Type.handshake, Buffer.alloc(16_384, 1)))
  pieces[0].writeUInt32BE(0x01ffffff, 5)
  for (const wire of wires) wire.send(Buffer.concat(pieces))
  await Promise.all(wires.map((wire) => wire.rest()))
  t.true(process.memoryUsage.rss() - before < 200 * 1024 * 1024)
  for (const wire of wires) wire.destroy()
  await stillServes()
})

/** Clients that say nothing, a byte, nearly all and all of a hello; adds up those that were closed. */
const HANGING_CLIENT = `
  const { connect } = require('node:net')
  const { workerData: { port, flag, hello } } = require('node:worker_threads')
  const parts = [hello.subarray(0, 0), hello.subarray(0, 1), hello.subarray(0, -1), hello]
  let left = parts.length
  for (const part of parts) {
    const socket = connect(port, '127.0.0.1', () => socket.write(part))
    socket.resume().on('error', () => undefined).on('close', () => {
      if (--left > 0) return
      Atomics.store(flag, 0, parts.length)
      Atomics.notify(flag, 0)
    })
  }
`
