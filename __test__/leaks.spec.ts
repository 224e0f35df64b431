import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import ava from 'ava'
import { KIB, MIB, connections, returns, start, type Client, type Program } from './_helpers/leaks'
import type { Held } from './_helpers/leaks-program'

// What a server held for a client is given back. Each test warms the program up with the same work as it then measures,
// so that what is left is caches, arenas and compiled code; the bounds are far above their noise and far below what one
// forgotten record of each exchange would come to.

const test = process.platform === 'linux' ? ava.serial : ava.serial.skip

/** Requests that are on their way at once on each connection. */
const DEPTH = 25

test('100,000 requests leave nothing behind', async (t) => {
  const program = await start(t)
  await requests(program.port, 20_000)
  const before = await program.measure()
  await requests(program.port, 100_000)
  t.is((await program.measure()).requests, before.requests + 100_000)
  // A record of 100 bytes forgotten with each request would be 10 MB.
  await returns(t, program, before, 8 * MIB)
})

test('5,000 connections leave nothing behind', async (t) => {
  const program = await start(t)
  await connections(2_000, () => openClient(program.port))
  const before = await program.measure()
  await connections(5_000, () => openClient(program.port))
  // A connection forgotten with its state would be some KiB, 5,000 of them more than 10 MB.
  await returns(t, program, before, 8 * MIB)
})

test('10,000 connections that send nothing leave nothing behind', async (t) => {
  const program = await start(t)
  await silence(program, Math.min(1_000, SILENT))
  const before = await program.measure()
  const during = await silence(program, SILENT)
  // A state of its own for each would be 1 KiB and more, a buffer 16 KiB and more.
  const each = (during.rss - before.rss) / SILENT
  t.true(each < 3 * KIB, `${each.toFixed()} bytes each`)
  await returns(t, program, before, 16 * MIB)
})

test('8,000 WebSockets that are idle take little each, and leave nothing behind', async (t) => {
  const program = await start(t)
  await webSockets(program, Math.min(500, SOCKETS))
  const before = await program.measure()
  const during = await webSockets(program, SOCKETS)
  // What is in the core, and an object of JavaScript; up to half of it is how far V8's young generation grows meanwhile.
  const each = (during.rss - before.rss) / SOCKETS
  t.log(`${each.toFixed()} bytes each`)
  t.true(each < 3 * KIB, `${each.toFixed()} bytes each`)
  await returns(t, program, before, 32 * MIB)
})

test('aborted uploads leave nothing behind', async (t) => {
  const program = await start(t)
  await abortedUploads(program, 200)
  const before = await program.measure()
  await abortedUploads(program, 500)
  // 300 KiB of each are on the server when it is cut, which would be 150 MB. What is kept are spare buffers for bodies,
  // at most 8 MiB, that the warm-up may not have filled.
  await returns(t, program, before, 20 * MIB)
})

test('terminated workers leave nothing behind', async (t) => {
  const program = await start(t)
  for (let i = 0; i < 6; i++) await terminatedWorker(program)
  const before = await program.measure()
  for (let i = 0; i < 20; i++) await terminatedWorker(program)
  // A worker's inbox, outbox and heap come to more than 5 MB; twenty of them to more than 100.
  await returns(t, program, before, 40 * MIB)
})

/** As many as descriptors are allowed for, if those are less. */
const SILENT = Math.min(10_000, descriptorLimit() - 500)
const SOCKETS = Math.min(8_000, descriptorLimit() - 500)

function descriptorLimit(): number {
  if (process.platform !== 'linux') return 0
  // Node raises its own soft limit to the hard one.
  return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
}

// What clients do ---------------------------------------------------------------------------------------------------

/** Asks for so many answers over a few connections, several at a time, some with bodies. */
async function requests(port: number, count: number): Promise<void> {
  const each = count / 8 / DEPTH
  await Promise.all(Array.from({ length: 8 }, () => conversation(port, each)))
}

async function conversation(port: number, rounds: number): Promise<void> {
  const socket = await open(port)
  const hello = 'GET /hello HTTP/1.1\r\nHost: leaks\r\n\r\n'
  const post = 'POST /post HTTP/1.1\r\nHost: leaks\r\nContent-Length: 5\r\nX-Mark: unique\r\n\r\nhello'
  const message = hello.repeat(DEPTH - 5) + post.repeat(5)
  let left = rounds * DEPTH
  let tail = ''
  socket.setEncoding('latin1')
  const done = new Promise<void>((resolve, reject) => {
    socket.on('close', () => reject(new Error(`closed with ${left} answers to come`)))
    socket.on('data', (text: string) => {
      // A status line may be cut in two; the tail is shorter than one.
      const seen = tail + text
      const before = left
      left -= seen.split('HTTP/1.1 200').length - 1
      tail = seen.slice(-11)
      if (Math.ceil(before / DEPTH) > Math.ceil(left / DEPTH) && left > 0) socket.write(message)
      if (left === 0) resolve()
    })
  })
  socket.write(message)
  await done
  socket.destroy()
}

/** Connects and says nothing; measures while so many do, then has them go. */
async function silence(program: Program, count: number): Promise<Held> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Math.min(200, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(program.port)))))
  }
  let held = await program.measure()
  while (held.connections < count) held = await program.measure()
  for (const socket of sockets) socket.destroy()
  return held
}

/** Opens WebSockets, of which each is asked once; measures while they are idle, then has them go. */
async function webSockets(program: Program, count: number): Promise<Held> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Math.min(200, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => webSocket(program.port)))))
  }
  const held = await program.measure()
  for (const socket of sockets) socket.destroy()
  return held
}

async function webSocket(port: number): Promise<Socket> {
  const socket = await open(port)
  socket.write(
    'GET /socket HTTP/1.1\r\nHost: leaks\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await once(socket, 'data')
  // An empty binary message, masked.
  socket.write(Buffer.from([0x82, 0x80, 0, 0, 0, 0]))
  await once(socket, 'data')
  return socket
}

/**
 * Uploads some of a body and resets, half of them while the handler reads. The next ones come when nothing is left of
 * those before: otherwise how many are on the server at once, and so how far its heap grows, would be left to chance.
 */
async function abortedUploads(program: Program, count: number): Promise<void> {
  const part = Buffer.alloc(300 * KIB, 'x')
  const { accepted } = await program.measure()
  for (let i = 0; i < count; i += 20) {
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const socket = await open(program.port)
        const target = index % 2 === 0 ? '/upload' : '/unread'
        socket.write(`PUT ${target} HTTP/1.1\r\nHost: leaks\r\nContent-Length: 8000000\r\n\r\n`)
        await new Promise((resolve) => socket.write(part, resolve))
        socket.resetAndDestroy()
      }),
    )
    while ((await program.quiet()).accepted < accepted + i + 20);
  }
}

/** Has a worker terminated in the middle of an upload, a download and a request that is never answered. */
async function terminatedWorker(program: Program): Promise<void> {
  const ports = await program.startWorker()
  const sockets = await Promise.all([ports[0], ports[0], ports[1]].map(open))
  const [upload, download, never] = sockets
  upload.write('PUT /upload HTTP/1.1\r\nHost: leaks\r\nContent-Length: 8000000\r\n\r\n')
  upload.write(Buffer.alloc(300 * KIB))
  download.write('GET /download HTTP/1.1\r\nHost: leaks\r\n\r\n')
  never.write('GET /never HTTP/1.1\r\nHost: leaks\r\n\r\n')
  // Whether with a reset or without is the system's choice.
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve))))
  await program.workerEnded()
}

async function openClient(port: number): Promise<Client> {
  const socket = await open(port)
  return { socket, reset: () => socket.resetAndDestroy() }
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}
