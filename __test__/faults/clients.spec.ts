import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { Request, Response } from '#dist/index'
import { connect, CONNECTED } from '../_helpers/transport'
import { codeOf, Deferred, FAULTY, NEXT, post, serve, until } from './served'

// Clients that go, stop or crawl at every stage. After each of them the next one is served.

const CHUNK = Buffer.alloc(64 * 1024, 'x')

test('a client may reset after it has connected', async (t) => {
  const served = await serve(t, () => t.fail('no request was made'))
  const wire = await served.open()
  await until(() => served.server.stats().accepted === 1, 'the connection is accepted')
  wire.reset()
  await served.quiet()
  await served.answersNext()
})

test('a client may reset in the middle of a head', async (t) => {
  const served = await serve(t, () => t.fail('the request was not complete'))
  const wire = await served.open()
  wire.send(FAULTY.slice(0, 20))
  await until(() => served.server.stats().bytesRead === 20, 'the head has begun')
  wire.reset()
  await served.quiet()
  await served.answersNext()
})

test('a client that resets in the middle of a body is reported to its reader and its signal', async (t) => {
  const reading = new Deferred<Request>()
  const failed = new Deferred<unknown>()
  const served = await serve(t, async (request) => {
    const bytes = request.bytes()
    reading.resolve(request)
    await bytes.catch(failed.resolve)
  })
  const wire = await served.open()
  wire.send(post(100_000) + 'half')
  const request = await reading.promise
  const { signal } = request
  wire.reset()
  t.is(codeOf(await failed.promise), 'ERR_BODY_ABORTED')
  await until(() => signal.aborted, 'the signal aborts')
  t.is(codeOf(signal.reason), 'ERR_CLIENT_GONE')
  await served.quiet()
  t.is(served.server.stats().errors.aborted, 1)
  await served.answersNext()
})

test('a client may reset in the middle of a body nobody reads', async (t) => {
  const signal = new Deferred<AbortSignal>()
  const served = await serve(t, (request) => signal.resolve(request.signal))
  const wire = await served.open()
  wire.send(post(100_000) + 'half')
  const aborts = await signal.promise
  wire.reset()
  await until(() => aborts.aborted, 'the signal aborts')
  await served.quiet()
  await served.answersNext()
})

test('a client that resets while its handler thinks aborts the signal, and the answer goes nowhere', async (t) => {
  const exchange = new Deferred<{ request: Request; response: Response }>()
  const served = await serve(t, (request, response) => exchange.resolve({ request, response }))
  const wire = await served.open()
  wire.send(FAULTY)
  const { request, response } = await exchange.promise
  const { signal } = request
  wire.reset()
  await until(() => signal.aborted, 'the signal aborts')
  response.setHeader('content-type', 'text/plain')
  const told = new Deferred<unknown>()
  response.write('into', told.resolve)
  t.not(await told.promise, null)
  t.notThrows(() => response.end('the void'))
  await served.quiet()
  await served.answersNext()
  t.deepEqual(served.errors, [])
})

test('a client that resets while its answer streams ends the stream', async (t) => {
  const ended = new Deferred<unknown>()
  const served = await serve(t, async (_request, response) => {
    try {
      for (;;) if (!response.write(CHUNK)) await response.drain()
    } catch (error) {
      ended.resolve(error)
    }
  })
  const wire = await served.open()
  wire.send(FAULTY)
  await wire.bytes(1_000_000)
  wire.reset()
  t.is(codeOf(await ended.promise), 'ERR_CLIENT_GONE')
  await served.quiet()
  await served.answersNext()
})

test('a client that resets without having read any of its answer ends the stream too', async (t) => {
  const ended = new Deferred<unknown>()
  const full = new Deferred()
  const served = await serve(t, async (_request, response) => {
    try {
      for (;;) {
        if (response.write(CHUNK)) continue
        full.resolve()
        await response.drain()
      }
    } catch (error) {
      ended.resolve(error)
    }
  })
  const wire = await served.open()
  wire.pause()
  wire.send(FAULTY)
  await full.promise
  wire.reset()
  t.is(codeOf(await ended.promise), 'ERR_CLIENT_GONE')
  await served.quiet()
  await served.answersNext()
})

test('a client that resets between pipelined answers aborts the ones still owed', async (t) => {
  const requests: Request[] = []
  const served = await serve(t, (request) => void requests.push(request))
  const wire = await served.open()
  wire.send(NEXT + FAULTY + NEXT + FAULTY)
  await wire.answer()
  await until(() => requests.length === 2, 'both have come')
  const signals = requests.map((request) => request.signal)
  wire.reset()
  await until(() => signals.every((signal) => signal.aborted), 'both signals abort')
  await served.quiet()
  await served.answersNext()
})

test('hundreds of clients may reset at every stage at once', async (t) => {
  const served = await serve(t, async (request, response) => {
    if (request.method === 'POST') await request.bytes()
    for (let i = 0; i < 20; i++) if (!response.write(CHUNK)) await response.drain()
    response.end()
  })
  const message = post(5_000) + 'x'.repeat(5_000) + FAULTY
  const clients = Array.from({ length: 300 }, async (_, index) => {
    const wire = await served.open()
    const cut = Math.floor((index / 300) * message.length)
    wire.send(message.slice(0, cut))
    // Some are gone before they are seen, some while they are answered.
    if (index % 3 !== 0) await sleep(index % 10)
    wire.reset()
  })
  await Promise.all(clients)
  await served.quiet()
  await served.answersNext()
  // What the handlers did not catch is their clients' going.
  const codes = new Set(served.errors.map(codeOf))
  codes.delete('ERR_CLIENT_GONE')
  codes.delete('ERR_BODY_ABORTED')
  t.deepEqual([...codes], [])
})

test('a client that has closed its sending side gets its answers', async (t) => {
  const served = await serve(t, async (_request, response) => {
    await sleep(20)
    response.end('late')
  })
  const wire = await served.open()
  wire.send(FAULTY + NEXT)
  wire.endSending()
  t.is((await wire.answer()).body.toString(), 'late')
  t.is((await wire.answer()).body.toString(), 'next')
  t.is(await wire.closed(), 'ended')
  await served.answersNext()
})

test('a client that closes its sending side in the middle of a head gets nothing', async (t) => {
  const served = await serve(t, () => t.fail('the request was not complete'))
  const wire = await served.open()
  wire.send(FAULTY.slice(0, 30))
  wire.endSending()
  t.is(await wire.closed(), 'ended')
  await served.answersNext()
})

test('a client that closes its sending side in the middle of a body can still be told', async (t) => {
  const served = await serve(t, async (request, response) => {
    const error: unknown = await request.bytes().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    response.status = 400
    response.end(codeOf(error))
  })
  const wire = await served.open()
  wire.send(post(100) + 'half')
  wire.endSending()
  const answer = await wire.answer()
  t.is(answer.status, 400)
  t.is(answer.body.toString(), 'ERR_BODY_ABORTED')
  t.is(await wire.closed(), 'ended')
  await served.answersNext()
})

test('a client that sends a byte every few milliseconds is served', async (t) => {
  const served = await serve(t, async (request, response) => response.end(await request.text()))
  const wire = await served.open()
  const body = 'slowly, but surely'
  const message = post(body.length) + body
  const others = setInterval(() => void served.answersNext(), 50)
  for (const byte of message) {
    wire.send(byte)
    await sleep(3)
  }
  clearInterval(others)
  t.is((await wire.answer()).body.toString(), body)
  await served.answersNext()
})

test('a client that reads late gets every byte', async (t) => {
  const count = 200
  const served = await serve(t, async (_request, response) => {
    for (let i = 0; i < count; i++) if (!response.write(CHUNK)) await response.drain()
    response.end()
  })
  const wire = await served.open()
  wire.pause()
  wire.send(FAULTY)
  await sleep(50)
  await served.answersNext()
  wire.resume()
  t.is((await wire.answer()).body.length, count * CHUNK.length)
})

test('a client that asks and asks without reading is not asked for more than it may', async (t) => {
  let most = 0
  const served = await serve(t, async (_request, response) => {
    most = Math.max(most, served.server.stats().pending)
    await sleep(1)
    response.end(CHUNK)
  })
  const wire = await served.open()
  wire.pause()
  const count = 500
  wire.send(FAULTY.repeat(count))
  await until(() => served.server.stats().requests > 64, 'some are answered')
  await served.answersNext()
  wire.resume()
  for (let i = 0; i < count; i++) t.is((await wire.answer()).body.length, CHUNK.length)
  // One more may be the next one's.
  t.true(most <= served.server.options.limits.pipelinedRequests + 1, `${most} at once`)
})

test('thousands of connections that send nothing are in nobody’s way, and end with the server', async (t) => {
  const served = await serve(t, () => t.fail('no request was made'))
  const count = 2_000
  const silent: Socket[] = []
  for (let i = 0; i < count; i += 100) {
    const some = Array.from({ length: 100 }, () => connect(served.port))
    await Promise.all(some.map((socket) => once(socket, CONNECTED)))
    silent.push(...some)
  }
  t.teardown(() => silent.forEach((socket) => socket.destroy()))
  await until(() => served.server.stats().connections === count, 'all are accepted')
  await served.answersNext()
  const ends = silent.map((socket) => once(socket.resume(), 'close'))
  await served.server.close()
  await Promise.all(ends)
  t.is(served.server.stats().connections, 0)
})
