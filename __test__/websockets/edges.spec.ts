import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import ava from 'ava'
import { WebSocket } from 'ws'
import { createServer as createPlainServer, webSocket } from '#dist/index'
import { createServer, WS } from '../_helpers/transport'
import { Wire } from '../_helpers/wire'
import { until } from '../answers/served'
import { Client, closePayload, Deferred, frameOf, HANDSHAKE, Opcode, requestText, serve } from './served'

const test = ava.serial

test('what a client sends while upgrade waits is received afterwards, in order', async (t) => {
  const { port } = await serve(t, {
    '/': webSocket({
      upgrade: () => sleep(20),
      message: (socket, message) => socket.send(message),
    }),
  })
  const wire = await Wire.open(port)
  t.teardown(() => wire.destroy())
  wire.send(requestText('/', HANDSHAKE))
  wire.send(frameOf(Opcode.text, 'one'))
  await turn()
  wire.send(Buffer.concat([frameOf(Opcode.text, 'two'), frameOf(Opcode.binary, Buffer.alloc(100_000, 7))]))
  t.is((await wire.answer()).status, 101)
  t.is((await wire.bytes(10)).toString('latin1'), '\x81\x03one\x81\x03two')
  t.true((await wire.bytes(100_010)).subarray(10).equals(Buffer.alloc(100_000, 7)))
})

test('a handshake behind a request that is not answered yet is refused', async (t) => {
  const answer = new Deferred()
  const { port } = await serve(t, {
    '/': webSocket({}),
    '/slow': async (_request, response) => {
      await answer.promise
      response.end('slow')
    },
  })
  const wire = await Wire.open(port)
  t.teardown(() => wire.destroy())
  wire.send(requestText('/slow', { Host: 'test' }) + requestText('/', HANDSHAKE))
  await turn()
  answer.resolve()
  t.is((await wire.answer()).body.toString(), 'slow')
  t.is((await wire.answer()).status, 400)
})

test('a message that comes byte by byte is received whole', async (t) => {
  const { raw } = await serve(t, {})
  const client = await raw('/next')
  const bytes = Buffer.concat([
    frameOf(Opcode.text, 'grün ', false),
    frameOf(Opcode.ping, 'p'),
    frameOf(Opcode.continuation, 'x'.repeat(130)),
  ])
  for (const byte of bytes) {
    client.wire.send(Uint8Array.of(byte))
    await turn()
  }
  t.is((await client.next()).opcode, Opcode.pong)
  t.is((await client.next()).payload.toString(), `grün ${'x'.repeat(130)}`)
})

test('messages that come with the Close frame are received before the end', async (t) => {
  const got: unknown[] = []
  const { raw } = await serve(t, {
    '/': webSocket({
      message: (_socket, message) => got.push(message),
      close: (_socket, code) => got.push(code),
    }),
  })
  const client = await raw()
  client.wire.send(
    Buffer.concat([
      frameOf(Opcode.text, 'one'),
      frameOf(Opcode.text, 'two'),
      frameOf(Opcode.close, closePayload(1000)),
      // RFC 6455 5.5.1: nothing is received after it.
      frameOf(Opcode.text, 'late'),
    ]),
  )
  t.is((await client.close()).code, 1000)
  await until(() => got.length >= 3)
  t.deepEqual(got, ['one', 'two', 1000])
})

test('closing in the middle of a streamed message ends it without its end', async (t) => {
  const outcomes: unknown[] = []
  const { raw } = await serve(t, {
    '/': webSocket({
      async open(socket) {
        const message = socket.stream()
        await message.write('half')
        const waiting = socket.write('behind')
        socket.close(1000)
        for (const promise of [waiting, message.end('rest')]) {
          await promise.catch(({ code }: { code: string }) => outcomes.push(code))
        }
      },
    }),
  })
  const client = await raw()
  t.like(await client.next(), { opcode: Opcode.text, fin: false, payload: Buffer.from('half') })
  t.is((await client.close()).code, 1000)
  client.send(Opcode.close, closePayload(1000))
  await until(() => outcomes.length === 2)
  t.deepEqual(outcomes, ['ERR_WEBSOCKET_CLOSED', 'ERR_WEBSOCKET_CLOSED'])
})

test('closing sends its Close frame also when messages wait behind one that has not ended', async (t) => {
  const outcomes: unknown[] = []
  const { raw } = await serve(t, {
    '/': webSocket({
      async open(socket) {
        await socket.stream().write('half')
        const promises = [socket.write('one'), socket.write('two'), socket.stream().write('another')]
        t.is(socket.send('more'), 'buffered')
        socket.close(1000)
        for (const promise of promises) {
          await promise.catch(({ code }: { code: string }) => outcomes.push(code))
        }
      },
    }),
  })
  const client = await raw()
  t.like(await client.next(), { opcode: Opcode.text, fin: false, payload: Buffer.from('half') })
  t.is((await client.close()).code, 1000)
  client.send(Opcode.close, closePayload(1000))
  await until(() => outcomes.length === 3)
  t.deepEqual(new Set(outcomes), new Set(['ERR_WEBSOCKET_CLOSED']))
})

test('connections that follow each other are never taken for one another', async (t) => {
  const ended: number[] = []
  const { open, server } = await serve(t, {
    '/:id': webSocket({
      upgrade: (request) => ({ data: Number(request.params['id']) }),
      message: (socket) => socket.send(String(socket.data)),
      close: (socket) => ended.push(socket.data),
    }),
  })
  for (let i = 0; i < 300; i++) {
    const client = await open(`/${i}`)
    t.is(await client.ask('who?'), String(i))
    if (i % 2 === 0) client.socket.terminate()
    else client.socket.close()
    if (i % 3 === 0) await client.closed
  }
  await until(() => ended.length === 300)
  t.deepEqual(
    ended.sort((a, b) => a - b),
    Array.from({ length: 300 }, (_, i) => i),
  )
  t.is(server.stats().websockets.open, 0)
})

test('servers of one process publish to their own sockets', async (t) => {
  const route = webSocket({ open: (socket) => void socket.subscribe('a') })
  const [one, two] = [await serve(t, { '/': route }), await serve(t, { '/': route })]
  const clients = [await one.open(), await two.open()]
  await until(() => one.server.subscriberCount('a') === 1 && two.server.subscriberCount('a') === 1)
  one.server.publish('a', 'one')
  two.server.publish('a', 'two')
  t.is(await clients[0].next(), 'one')
  t.is(await clients[1].next(), 'two')
})

test('a server that listens again has new sockets and topics', async (t) => {
  const server = createServer().websocket('/', { open: (socket) => void socket.subscribe('a') })
  t.teardown(() => server.close({ timeout: 0 }))
  for (let round = 0; round < 3; round++) {
    t.false(server.publish('a', 'nobody'))
    const { port } = await server.listen({ host: '127.0.0.1' })
    const client = new Client(new WebSocket(`${WS}://127.0.0.1:${port}/`))
    await until(() => server.subscriberCount('a') === 1)
    t.true(server.publish('a', `round ${round}`))
    t.is(await client.next(), `round ${round}`)
    await server.close()
    t.is((await client.closed).code, 1001)
    t.is(server.subscriberCount('a'), 0)
  }
})

test('connections accepted by hand can become WebSockets', async (t) => {
  const server = createServer().websocket('/', { message: (socket, message) => socket.send(message) })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1', accept: 'manual' })
  void server.acceptRequest((_request, response) => response.end())
  const client = new Client(new WebSocket(`${WS}://127.0.0.1:${port}/`))
  await new Promise((resolve) => client.socket.once('open', resolve))
  t.is(await client.ask('x'), 'x')
})

const unix = process.platform === 'win32' ? test.skip : test

unix('over a Unix domain socket there is no address', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-sockets-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  // `ws` has no URL for TLS over such a socket.
  const server = createPlainServer().websocket('/', {
    open: (socket) => void socket.send(`${socket.remoteAddress} ${socket.remotePort}`),
  })
  t.teardown(() => server.close({ timeout: 0 }))
  const place = path.join(folder, 'socket')
  await server.listen({ path: place })
  const client = new Client(new WebSocket(`ws+unix://${place}:/`))
  t.is(await client.next(), 'undefined undefined')
})

test('more empty fragments than are allowed close the socket, and cost nothing', async (t) => {
  const { raw, open } = await serve(t, { '/': webSocket({}) })
  const client = await raw()
  client.send(Opcode.text, '', false)
  const before = process.memoryUsage.rss()
  const some = Buffer.concat(Array.from({ length: 10_000 }, () => frameOf(Opcode.continuation, '', false)))
  for (let i = 0; i < 20; i++) client.wire.send(some)
  t.is((await client.close()).code, 1008)
  t.true(process.memoryUsage.rss() - before < 100 * 1024 * 1024)
  t.is(await (await open('/next')).ask('on'), 'on')
})

test('a compressed bomb closes the socket with 1009', async (t) => {
  const { deflateRawSync } = await import('node:zlib')
  const { raw } = await serve(t, { '/': webSocket({ compression: true, limits: { message: 1_000_000 } }) })
  const client = await raw('/', { 'Sec-WebSocket-Extensions': 'permessage-deflate' })
  const bomb = frameOf(Opcode.binary, deflateRawSync(Buffer.alloc(50_000_000)))
  bomb[0] |= 0x40
  client.wire.send(bomb)
  t.is((await client.close()).code, 1009)
})
