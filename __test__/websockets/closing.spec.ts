import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import ava from 'ava'
import { WebSocket } from 'ws'
import { webSocket, type ServerWebSocket, type WebSocketDefinition } from '#dist/index'
import { WS } from '../_helpers/transport'
import { until } from '../answers/served'
import { Client, closePayload, Deferred, frameOf, Opcode, serve } from './served'

// One after the other, so that a client is there to answer when it is asked.
const test = ava.serial

interface Ended {
  code: number
  reason: string
  wasClean: boolean
}

/** A definition that tells how its next socket ends. */
function watched<Data>(definition: WebSocketDefinition<Data> = {}): {
  route: ReturnType<typeof webSocket>
  ended: Promise<Ended>
} {
  const { promise, resolve } = new Deferred<Ended>()
  const close = (_socket: unknown, code: number, reason: string, wasClean: boolean): void =>
    resolve({ code, reason, wasClean })
  return { route: webSocket({ ...definition, close }), ended: promise }
}

test('the client’s code and reason are told, and the code is given back', async (t) => {
  const { route, ended } = watched()
  const { open } = await serve(t, { '/': route })
  const client = await open()
  client.socket.close(4321, 'tschüs')
  t.deepEqual(await ended, { code: 4321, reason: 'tschüs', wasClean: true })
  t.is((await client.closed).code, 4321)
})

test('a close without a code is 1005 on both sides', async (t) => {
  const { route, ended } = watched()
  const { open } = await serve(t, { '/': route })
  const client = await open()
  client.socket.close()
  t.like(await ended, { code: 1005, reason: '', wasClean: true })
  const second = watched({ open: (socket) => socket.close() })
  const { open: openSecond } = await serve(t, { '/': second.route })
  t.deepEqual(await (await openSecond()).closed, { code: 1005, reason: '' })
  t.like(await second.ended, { wasClean: true })
})

test('the server closes behind what it has sent, with its code and reason', async (t) => {
  const { route, ended } = watched({
    open(socket) {
      socket.send('first')
      void socket.write(Buffer.alloc(200_000))
      void socket.write('last')
      t.true(socket.close(4000, 'grün'))
    },
  })
  const { open } = await serve(t, { '/': route })
  const client = await open()
  t.is(await client.next(), 'first')
  t.is((await client.next()).length, 200_000)
  t.is(await client.next(), 'last')
  t.deepEqual(await client.closed, { code: 4000, reason: 'grün' })
  t.like(await ended, { code: 4000, wasClean: true })
})

test('terminate cuts both ways', async (t) => {
  const { route, ended } = watched({ message: (socket) => socket.terminate() })
  const { open } = await serve(t, { '/': route })
  const client = await open()
  client.socket.send('x')
  t.is((await client.closed).code, 1006)
  t.like(await ended, { code: 1006, wasClean: false })
  const other = watched()
  const { open: openOther } = await serve(t, { '/': other.route })
  ;(await openOther()).socket.terminate()
  t.like(await other.ended, { code: 1006, wasClean: false })
})

test('a client that does not answer a Close frame is cut', async (t) => {
  const { route, ended } = watched({ open: (socket) => socket.close(1000), timeouts: { close: 30 } })
  const { raw } = await serve(t, { '/': route })
  const client = await raw()
  t.deepEqual(await client.close(), { code: 1000, reason: '' })
  t.like(await ended, { wasClean: false })
  await client.wire.closed()
})

for (const [what, bytes, code] of [
  ['a frame without a mask', Buffer.from([0x81, 1, 97]), 1002],
  ['a reserved opcode', Buffer.from([0x83, 0x80, 0, 0, 0, 0]), 1002],
  ['a bit of an extension', Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002],
  ['a text that is not UTF-8', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
  ['a message that is too long', Buffer.from([0x82, 0xfe, 0x04, 0x01, 0, 0, 0, 0]), 1009],
  ['a close code that must not be sent', Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xee]), 1002],
] as const) {
  test(`${what} closes with ${code}`, async (t) => {
    const { route, ended } = watched({ limits: { message: 1024 } })
    const { raw, reported, open } = await serve(t, { '/': route })
    const client = await raw()
    client.wire.send(bytes)
    const { code: sent, reason } = await client.close()
    t.is(sent, code)
    t.not(reason, '')
    t.like(await ended, { code })
    t.deepEqual(reported, [])
    t.is(await (await open('/next')).ask('on'), 'on')
  })
}

test('too many fragments close with 1008', async (t) => {
  const { route, ended } = watched({ limits: { fragments: 3 } })
  const { raw } = await serve(t, { '/': route })
  const client = await raw()
  client.send(Opcode.text, '', false)
  for (let i = 0; i < 3; i++) client.send(Opcode.continuation, '', false)
  t.is((await client.close()).code, 1008)
  t.like(await ended, { code: 1008 })
})

test('a client that is silent is asked, and lives when it answers', async (t) => {
  const pongs: Buffer[] = []
  const { open } = await serve(t, {
    '/': webSocket({
      timeouts: { idle: 2000 },
      pong: (_socket, data) => pongs.push(data),
      message: (socket, message) => socket.send(message),
    }),
  })
  const client = await open()
  for (let pings = 0; pings < 3; pings++) await once(client.socket, 'ping')
  t.is(await client.ask('still here'), 'still here')
  t.true(pongs.length >= 2)
})

test('a client that is silent and does not answer is cut', async (t) => {
  const { route, ended } = watched({ timeouts: { idle: 60 } })
  const { raw } = await serve(t, { '/': route })
  const client = await raw()
  t.is((await client.next()).opcode, Opcode.ping)
  t.deepEqual(await ended, { code: 1006, reason: 'idle timeout', wasClean: false })
})

test('without pings a silent client is cut unasked', async (t) => {
  const { route, ended } = watched({ timeouts: { idle: 60 }, sendPings: false })
  const { open } = await serve(t, { '/': route })
  const client = await open()
  let pings = 0
  client.socket.on('ping', () => pings++)
  t.like(await ended, { code: 1006, wasClean: false })
  t.is(pings, 0)
})

test('a socket that has lived long enough is closed with 1001', async (t) => {
  const { route, ended } = watched({ timeouts: { lifetime: 50 } })
  const { open } = await serve(t, { '/': route })
  t.is((await (await open()).closed).code, 1001)
  t.like(await ended, { code: 1001, wasClean: true })
})

test('closing the server tells all clients 1001, and resolves when their handlers were called', async (t) => {
  const ended: unknown[] = []
  const { open, raw, server } = await serve(t, {
    '/': webSocket({
      close: (_socket, code, _reason, wasClean) => ended.push([code, wasClean]),
      timeouts: { close: 50 },
    }),
  })
  const clients = [await open(), await open()]
  // One that does not answer must not hold it up.
  const deaf = await raw()
  await server.close()
  t.is(ended.length, 3)
  t.is(ended.filter((how) => (how as unknown[])[1]).length, 2)
  for (const client of clients) t.is((await client.closed).code, 1001)
  t.is((await deaf.close()).code, 1001)
  t.is(server.stats().websockets.open, 0)
})

test('a handler that fails closes its socket with 1011 and is reported once, others go on', async (t) => {
  const { open, reported } = await serve(t, {
    '/now': webSocket({
      message() {
        throw new Error('now')
      },
    }),
    '/later': webSocket({
      async message(socket) {
        await socket.write('first')
        throw new Error('later')
      },
    }),
    '/open': webSocket({
      open: async () => {
        throw new Error('open')
      },
    }),
    '/close': webSocket({
      close() {
        throw new Error('close')
      },
    }),
    '/never': webSocket({
      message: () => new Promise(() => undefined),
    }),
  })
  const bystander = await open('/next')
  for (const what of ['now', 'later', 'open', 'never']) {
    const client = await open(`/${what}`)
    client.socket.send('x')
    if (what === 'never') {
      client.socket.close(1000)
      t.is((await client.closed).code, 1000)
    } else {
      t.is((await client.closed).code, 1011)
    }
    t.is(await bystander.ask(what), what)
  }
  const client = await open('/close')
  client.socket.close(1000)
  t.is((await client.closed).code, 1000)
  while (reported.length < 4) await sleep(1)
  t.deepEqual(
    reported.map((error) => (error as Error).message),
    ['now', 'later', 'open', 'close'],
  )
})

test('no more messages come after terminate, or when a handler has failed', async (t) => {
  const calls: string[] = []
  const ends: number[] = []
  const definition = (end: (socket: ServerWebSocket) => void): ReturnType<typeof webSocket> =>
    webSocket({
      message(socket, message) {
        calls.push(String(message))
        end(socket)
      },
      ping: () => calls.push('ping'),
      close: (_socket, code) => ends.push(code),
    })
  const { raw, reported } = await serve(t, {
    '/terminate': definition((socket) => void socket.terminate()),
    '/throw': definition(() => {
      throw new Error('once')
    }),
    '/close': definition((socket) => {
      socket.close(1000)
      throw new Error('after close')
    }),
  })
  for (const [target, code] of [
    ['/terminate', null],
    ['/throw', 1011],
    ['/close', 1000],
  ] as const) {
    const client = await raw(target)
    client.wire.send(
      Buffer.concat([frameOf(Opcode.text, target), frameOf(Opcode.ping, ''), frameOf(Opcode.text, 'more')]),
    )
    if (code !== null) {
      t.is((await client.close()).code, code)
      client.wire.send(Buffer.concat([frameOf(Opcode.text, 'still'), frameOf(Opcode.close, closePayload(code))]))
    }
    await until(() => ends.length === calls.length)
  }
  t.deepEqual(calls, ['/terminate', '/throw', '/close'])
  t.deepEqual(ends, [1006, 1011, 1000])
  t.deepEqual(
    reported.map((error) => (error as Error).message),
    ['once', 'after close'],
  )
})

test('a closed socket can be used without harm', async (t) => {
  let kept: ServerWebSocket<unknown> | undefined
  const { route, ended } = watched({ open: (socket) => void (kept = socket) })
  const { open } = await serve(t, { '/': route })
  const client = await open()
  client.socket.close(1000)
  await ended
  const socket = kept!
  t.is(socket.readyState, 3)
  t.is(socket.send('x'), 'closed')
  t.false(socket.ping() || socket.pong() || socket.close(1000) || socket.terminate() || socket.pause())
  t.false(socket.resume() || socket.subscribe('a') || socket.publish('a', 'b') || socket.setOverflow('latest', 1))
  await t.throwsAsync(socket.write('x'), { code: 'ERR_WEBSOCKET_CLOSED' })
  await t.throwsAsync(socket.stream().end('x'), { code: 'ERR_WEBSOCKET_CLOSED' })
  t.is(socket.bufferedAmount, 0)
})

test('a worker that is terminated takes its sockets with it, and nobody else’s', async (t) => {
  const { open } = await serve(t, {})
  const bystander = await open('/next')
  const worker = new Worker(path.join(__dirname, 'worker.js'))
  const [port] = (await once(worker, 'message')) as [number]
  const clients = Array.from({ length: 4 }, () => new Client(new WebSocket(`${WS}://127.0.0.1:${port}/`)))
  for (const client of clients) t.is(await client.next(), 'welcome')
  await worker.terminate()
  for (const client of clients) t.is((await client.closed).code, 1006)
  t.is(await bystander.ask('on'), 'on')
})

test('a client that resets in the middle of a message, or of its Close frame, is only closed', async (t) => {
  const { route, ended } = watched()
  const { raw, open, reported } = await serve(t, { '/': route })
  const client = await raw()
  client.send(Opcode.text, 'half', false)
  client.wire.send(Buffer.from([0x80]))
  client.wire.reset()
  t.like(await ended, { code: 1006, wasClean: false })
  const second = await raw('/next')
  second.send(Opcode.close, closePayload(1000))
  second.wire.reset()
  t.is(await (await open('/next')).ask('on'), 'on')
  t.deepEqual(reported, [])
})
