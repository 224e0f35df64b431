import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { lendBuffer, webSocket, type ServerWebSocket } from '#dist/index'
import { Deferred, Opcode, serve } from './served'

const LARGE = 3_000_000

test('messages of all sizes come back as they were sent', async (t) => {
  const { open } = await serve(t, {})
  const client = await open('/next')
  for (const length of [0, 1, 125, 126, 127, 1000, 16_383, 16_385, 65_535, 65_536, 300_000, LARGE]) {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = (i * 7) & 0xff
    const text = 'aü€\u{1f600}'.repeat(Math.ceil(length / 5)).slice(0, length - (length % 5))
    t.is(await client.ask(text), text, `${text.length} characters`)
    const back = (await client.ask(bytes)) as Buffer
    t.true(Buffer.isBuffer(back) && back.equals(bytes), `${length} bytes`)
  }
})

test('messages in many frames come whole, pings in between are answered', async (t) => {
  const { raw } = await serve(t, {})
  const client = await raw('/next')
  client.send(Opcode.text, 'one ', false)
  client.send(Opcode.ping, 'beat')
  client.send(Opcode.continuation, Buffer.from('grün').subarray(0, 3), false)
  client.send(Opcode.continuation, Buffer.from('grün').subarray(3), true)
  t.like(await client.next(), { opcode: Opcode.pong, payload: Buffer.from('beat') })
  t.like(await client.next(), { opcode: Opcode.text, fin: true, payload: Buffer.from('one grün') })
})

test('a batch of messages keeps its order, and is answered in it', async (t) => {
  const { open } = await serve(t, {})
  const client = await open('/next')
  for (let i = 0; i < 5000; i++) client.socket.send(`message ${i}`)
  for (let i = 0; i < 5000; i++) t.is(await client.next(), `message ${i}`)
})

test('binary messages stay what they were for as long as they are held', async (t) => {
  const held: Buffer[] = []
  const { open } = await serve(t, {
    '/': webSocket({
      message(socket, message) {
        held.push(message as Buffer)
        socket.send(String(held.length))
      },
    }),
  })
  const client = await open()
  for (let i = 0; i < 2000; i++) client.socket.send(Buffer.alloc(1 + (i % 50) * 400, i))
  for (let i = 0; i < 2000; i++) await client.next()
  t.true(held.every((bytes, i) => bytes.length === 1 + (i % 50) * 400 && bytes.every((byte) => byte === (i & 0xff))))
})

test('write promises the bytes of each message, later, in order', async (t) => {
  const outcomes: unknown[] = []
  const done = new Deferred()
  const { open } = await serve(t, {
    '/': webSocket({
      async open(socket) {
        let isInside = true
        const writes = [
          socket.write('grün').finally(() => outcomes.push(isInside)),
          socket.write(Buffer.alloc(LARGE)),
          socket.write('x'.repeat(1000), { fragment: 300 }),
          socket.write('as bytes', { binary: true }),
        ]
        socket.send('last')
        isInside = false
        for (const write of writes) outcomes.push(await write)
        done.resolve()
      },
    }),
  })
  const client = await open()
  t.is(await client.next(), 'grün')
  t.is((await client.next()).length, LARGE)
  t.is(await client.next(), 'x'.repeat(1000))
  t.deepEqual(await client.next(), Buffer.from('as bytes'))
  t.is(await client.next(), 'last')
  await done.promise
  t.deepEqual(outcomes, [false, 5, LARGE, 1000, 8])
})

test('write splits a message into frames, between which others are not mixed', async (t) => {
  const { raw } = await serve(t, {
    '/': webSocket({
      open(socket) {
        void socket.write('x'.repeat(10), { fragment: 4 })
        socket.send('y')
      },
    }),
  })
  const client = await raw()
  const frames = [await client.next(), await client.next(), await client.next(), await client.next()]
  t.deepEqual(
    frames.map(({ opcode, fin, payload }) => [opcode, fin, payload.toString()]),
    [
      [Opcode.text, false, 'xxxx'],
      [Opcode.continuation, false, 'xxxx'],
      [Opcode.continuation, true, 'xx'],
      [Opcode.text, true, 'y'],
    ],
  )
})

test('a write to a client that goes fails with how far it came', async (t) => {
  const outcome = new Deferred<{ code?: string; bytesTransferred: number }>()
  const { open, reported } = await serve(t, {
    '/': webSocket({
      async message(socket) {
        try {
          for (;;) await socket.write(Buffer.alloc(1_000_000))
        } catch (error) {
          outcome.resolve(error as { bytesTransferred: number })
          throw error
        }
      },
      limits: { backlog: Infinity },
    }),
  })
  const client = await open()
  client.socket.pause()
  client.socket.send('go')
  await turn()
  setTimeout(() => client.socket.terminate(), 100)
  const { code, bytesTransferred } = await outcome.promise
  t.regex(code!, /^ERR_(WEBSOCKET_CLOSED|WRITE_FAILED)$/)
  t.true(bytesTransferred >= 0 && bytesTransferred < 1_000_000)
  t.deepEqual(reported, [])
})

test('a message can be streamed out, and others wait for its end', async (t) => {
  const { open, raw } = await serve(t, {
    '/': webSocket({
      async message(socket, kind) {
        const message = socket.stream()
        let bytes = 0
        for (let i = 0; i < 20; i++) bytes += await message.write(kind === 'text' ? `${i} ü,` : Buffer.alloc(50_000, i))
        socket.send('between')
        bytes += await message.end()
        socket.send(String(bytes))
      },
    }),
  })
  const client = await open()
  const text = Array.from({ length: 20 }, (_, i) => `${i} ü,`).join('')
  t.is(await client.ask('text'), text)
  t.is(await client.next(), 'between')
  t.is(await client.next(), String(Buffer.byteLength(text)))
  t.is((await client.ask('bytes')).length, 1_000_000)
  const frames = await raw()
  frames.send(Opcode.text, 'text')
  const first = await frames.next()
  t.like(first, { opcode: Opcode.text, fin: false, payload: Buffer.from('0 ü,') })
})

test('a message can be taken as it comes', async (t) => {
  const parts: Array<[string | Buffer, boolean, boolean]> = []
  const got = new Deferred()
  const { raw } = await serve(t, {
    '/': webSocket({
      part(_socket, data, { isFirst, isLast, isBinary }) {
        t.false(isBinary)
        parts.push([data, isFirst, isLast])
        if (data.length > 0) got.resolve()
        if (isLast) _socket.send('whole')
      },
    }),
  })
  const client = await raw()
  client.send(Opcode.text, 'begin ', false)
  await got.promise
  const bytes = Buffer.from('ü'.repeat(100_000))
  client.send(Opcode.continuation, bytes.subarray(0, 77_777), false)
  client.send(Opcode.continuation, bytes.subarray(77_777), true)
  t.is((await client.next()).payload.toString(), 'whole')
  t.is(parts.map(([data]) => data).join(''), `begin ${'ü'.repeat(100_000)}`)
  t.is(parts.filter(([, isFirst]) => isFirst).length, 1)
  t.is(parts.filter(([, , isLast]) => isLast).length, 1)
  t.true(parts[0][1] && parts.at(-1)![2])
})

test('memory that is lent is sent', async (t) => {
  const { open } = await serve(t, {
    '/': webSocket({
      message(socket) {
        const lent = lendBuffer(100_000)
        lent.fill(7)
        socket.send(lent)
      },
    }),
  })
  const client = await open()
  t.true(((await client.ask('x')) as Buffer).equals(Buffer.alloc(100_000, 7)))
})

test('messages are compressed both ways where that was agreed on', async (t) => {
  const seen: string[] = []
  for (const compression of [true, { contextTakeover: true, threshold: 0 }, { serverWindowBits: 9, threshold: 100 }]) {
    const { open } = await serve(t, {
      '/': webSocket({
        compression,
        open: (socket) => seen.push(socket.extensions),
        message: (socket, message) => socket.send(message),
      }),
    })
    const client = await open('/', [], { perMessageDeflate: { threshold: 0 } })
    const text = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id}`, is: true })))
    for (const message of [text, 'short', text, '', text.repeat(30), text]) t.is(await client.ask(message), message)
  }
  t.true(seen.every((line) => line.startsWith('permessage-deflate')))
  t.true(seen[0].includes('server_no_context_takeover') && !seen[1].includes('server_no_context_takeover'))
})

test('a compressed message has its bit set, and only where it pays', async (t) => {
  const { raw } = await serve(t, {
    '/': webSocket({
      compression: true,
      open(socket) {
        socket.send('x'.repeat(5000))
        socket.send('x'.repeat(100))
        socket.send('x'.repeat(5000), { compress: false })
      },
    }),
  })
  const client = await raw('/', { 'Sec-WebSocket-Extensions': 'permessage-deflate' })
  const frames = [await client.next(), await client.next(), await client.next()]
  t.deepEqual(
    frames.map(({ rsv1 }) => rsv1),
    [true, false, false],
  )
  t.true(frames[0].payload.length < 100)
})

test('bufferedAmount falls to 0 once all is written', async (t) => {
  let opened: ServerWebSocket<unknown> | undefined
  let amount = 0
  const { open } = await serve(t, {
    '/': webSocket({
      open(socket) {
        opened = socket
        for (let i = 0; i < 10; i++) socket.send(Buffer.alloc(20_000))
        amount = socket.bufferedAmount
      },
    }),
  })
  const client = await open()
  for (let i = 0; i < 10; i++) await client.next()
  t.is(amount, 200_000)
  while (opened!.bufferedAmount !== 0) await turn()
  t.is(opened!.bufferedAmount, 0)
})
