import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import ava from 'ava'
import { webSocket, type ServerWebSocket, type WebSocketDefinition } from '#dist/index'
import { until } from '../answers/served'
import { frameOf, serve, type Client, type Served } from './served'

const test = ava.serial

const PIECE = 16_000
const BACKLOG = 256 * 1024

interface Flooded extends Served {
  client: Client
  socket: ServerWebSocket<unknown>
  /** How many numbered messages were sent. */
  sent: number
  dropped: Array<{ messages: number; bytes: number }>
}

/** A client that reads nothing is sent numbered messages until `isDone`. */
async function flood(
  t: Parameters<typeof serve>[0],
  definition: WebSocketDefinition,
  isDone: (flooded: { dropped: unknown[]; socket: ServerWebSocket<unknown> }) => boolean,
): Promise<Flooded> {
  let socket: ServerWebSocket<unknown> | undefined
  const dropped: Flooded['dropped'] = []
  const served = await serve(t, {
    '/': webSocket({
      limits: { backlog: BACKLOG },
      ...definition,
      open: (opened) => void (socket = opened),
      dropped: (_socket, what) => void dropped.push(what),
    }),
  })
  const client = await served.open()
  client.socket.pause()
  // The client may hear of it first.
  await until(() => socket !== undefined)
  let sent = 0
  while (!isDone({ dropped, socket: socket! })) {
    for (let i = 0; i < 8; i++) socket!.send(`${sent++}`.padEnd(PIECE))
    await turn()
  }
  return { ...served, client, socket: socket!, sent, dropped }
}

/** The numbers of what has come, until the last message. */
async function numbers(client: Client): Promise<number[]> {
  const got: number[] = []
  for (;;) {
    const message = await client.next()
    if (message === 'last') return got
    got.push(Number(message))
  }
}

test('a client that does not read is closed, and harms no other', async (t) => {
  let ended: [number, string] | undefined
  const { client, server, open } = await flood(
    t,
    { close: (_socket, code, reason) => void (ended = [code, reason]) },
    ({ socket }) => socket.readyState === 3,
  )
  t.is(ended![0], 1008)
  t.regex(ended![1], /slow/)
  t.is(server.stats().websockets.closedSlow, 1)
  client.socket.resume()
  await client.closed
  t.is(await (await open('/next')).ask('on'), 'on')
})

test('dropNewest keeps what waits, and drops what does not fit', async (t) => {
  const { client, socket, sent, dropped, server } = await flood(
    t,
    { overflow: 'dropNewest' },
    (flooded) => flooded.dropped.length > 2,
  )
  client.socket.resume()
  while (socket.bufferedAmount > 0) await turn()
  socket.send('last')
  const got = await numbers(client)
  const lost = sent - got.length
  t.true(lost > 0)
  // What was before the first that was lost has all come.
  const gap = got.findIndex((number, at) => number !== at)
  t.true(gap === -1 || gap > 4)
  while (dropped.reduce((sum, { messages }) => sum + messages, 0) < lost) await sleep(1)
  t.is(
    dropped.reduce((sum, { messages }) => sum + messages, 0),
    lost,
  )
  t.is(
    dropped.reduce((sum, { bytes }) => sum + bytes, 0),
    lost * PIECE,
  )
  t.is(server.stats().websockets.dropped.newest, lost)
})

test('a write that does not fit is dropped, and says so', async (t) => {
  const { socket, client } = await flood(t, { overflow: 'dropNewest' }, (flooded) => flooded.dropped.length > 0)
  const write = socket.write(Buffer.alloc(BACKLOG))
  await t.throwsAsync(write, { code: 'ERR_WEBSOCKET_DROPPED' })
  t.is(await write.catch(({ bytesTransferred }) => bytesTransferred), 0)
  t.is(socket.readyState, 1)
  client.socket.terminate()
})

test('dropOldest makes room for what is new', async (t) => {
  const { client, socket, sent, server } = await flood(
    t,
    { overflow: 'dropOldest' },
    (flooded) => flooded.dropped.length > 2,
  )
  socket.send('last')
  client.socket.resume()
  const got = await numbers(client)
  t.is(got.at(-1), sent - 1)
  t.true(got.length < sent)
  t.true(got.every((number, at) => at === 0 || number > got[at - 1]))
  t.is(server.stats().websockets.dropped.oldest, sent - got.length)
})

test('latest keeps the last message of each topic', async (t) => {
  const { client, socket, server } = await flood(
    t,
    { overflow: 'latest' },
    (flooded) => flooded.socket.bufferedAmount > BACKLOG / 2,
  )
  socket.subscribe('price/+')
  for (let i = 0; i < 200; i++) {
    server.publish('price/a', `a${i}`.padEnd(PIECE))
    server.publish('price/b', `b${i}`.padEnd(PIECE))
    if (i % 8 === 0) await turn()
  }
  server.publish('price/end', 'end')
  client.socket.resume()
  const got: string[] = []
  for (let message = await client.next(); message !== 'end'; message = await client.next()) {
    got.push(String(message).trim())
  }
  t.true(got.includes('a199') && got.includes('b199'))
  t.true(got.length < 400)
  t.true(server.stats().websockets.dropped.latest > 0)
})

test('one socket can have another rule', async (t) => {
  let socket: ServerWebSocket<unknown> | undefined
  const { open, server } = await serve(t, {
    '/': webSocket({
      limits: { backlog: BACKLOG },
      open(opened) {
        socket = opened
        t.true(opened.setOverflow('dropNewest', 64 * 1024))
      },
    }),
  })
  const client = await open()
  client.socket.pause()
  await until(() => socket !== undefined)
  while (server.stats().websockets.dropped.newest === 0) {
    socket!.send(Buffer.alloc(PIECE))
    await turn()
  }
  t.is(socket!.readyState, 1)
})

test('a program that waits for drain sends all of it', async (t) => {
  const COUNT = 1500
  let drains = 0
  const { open } = await serve(t, {
    '/': webSocket({
      upgrade: () => ({ data: { next: 0 } }),
      message: (socket) => more(socket),
      drain(socket) {
        drains++
        more(socket)
      },
    }),
  })
  const more = (socket: ServerWebSocket<{ next: number }>): void => {
    while (socket.data.next < COUNT) {
      if (socket.send(`${socket.data.next++}`.padEnd(PIECE)) === 'buffered') return
    }
    if (socket.data.next++ === COUNT) socket.send('last')
  }
  const client = await open()
  client.socket.send('go')
  const got = await numbers(client)
  t.deepEqual(
    got,
    Array.from({ length: COUNT }, (_, i) => i),
  )
  t.true(drains > 1)
})

test('a paused socket gets nothing until it is resumed, and then everything in order', async (t) => {
  const got: string[] = []
  let socket: ServerWebSocket<unknown> | undefined
  const { open } = await serve(t, {
    '/': webSocket({
      message(from, message) {
        socket = from
        got.push(String(message).trim())
        if (got.length === 1) from.pause()
        if (got.length === 1000) from.send('all')
      },
    }),
  })
  const client = await open()
  for (let i = 0; i < 1000; i++) client.socket.send(`${i}`.padEnd(i % 10 === 0 ? 20_000 : 100))
  while (got.length === 0) await turn()
  const other = await open('/next')
  for (let i = 0; i < 50; i++) await other.ask('x')
  t.deepEqual(got, ['0'])
  t.true(socket!.isPaused)
  socket!.resume()
  t.is(await client.next(), 'all')
  t.deepEqual(
    got,
    Array.from({ length: 1000 }, (_, i) => String(i)),
  )
})

test('a fast client is slowed down by a paused socket', async (t) => {
  let socket: ServerWebSocket<unknown> | undefined
  let bytes = 0
  const { open } = await serve(t, {
    '/': webSocket({
      open(opened) {
        socket = opened
        opened.pause()
      },
      message: (_socket, message) => void (bytes += message.length),
    }),
  })
  const client = await open()
  const TOTAL = 64 * 1_000_000
  for (let i = 0; i < 64; i++) client.socket.send(Buffer.alloc(1_000_000))
  const other = await open('/next')
  for (let i = 0; i < 100; i++) await other.ask('x')
  t.is(bytes, 0)
  t.true(client.socket.bufferedAmount > TOTAL / 2)
  socket!.resume()
  await until(() => bytes >= TOTAL)
  t.is(bytes, TOTAL)
})

test('a client that floods with pings and reads nothing costs no memory', async (t) => {
  const { raw, open } = await serve(t, { '/': webSocket({}) })
  const client = await raw()
  client.wire.pause()
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frameOf(9, 'x'.repeat(100))))
  const before = process.memoryUsage.rss()
  for (let i = 0; i < 20; i++) {
    client.wire.send(pings)
    await turn()
  }
  const other = await open('/next')
  for (let i = 0; i < 100; i++) await other.ask('x')
  t.true(process.memoryUsage.rss() - before < 100 * 1024 * 1024)
})
