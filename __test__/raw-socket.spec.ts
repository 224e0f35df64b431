import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer as listen, type AddressInfo, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import test, { type ExecutionContext } from 'ava'
import { createServer, type CodedError, type Handler, type RawSocket, type ServerOptions } from '#dist/index'
import { Wire } from './_helpers/wire'

// Connections that leave HTTP, over real sockets.

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n'

test('after an Upgrade bytes go both ways, also those sent with the request', async (t) => {
  const { port } = await serve(t, (_request, response) => {
    const socket = response.upgrade({ upgrade: 'echo' })
    void pipeline(socket, socket)
  })
  const socket = connect(port, '127.0.0.1')
  socket.write(`${UPGRADE}early`)
  const { head, rest } = await readHead(socket)
  t.regex(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  t.regex(head, /\r\nupgrade: echo\r\n/i)
  t.regex(head, /\r\nConnection: upgrade\r\n/i)
  const late = randomBytes(1_000_000)
  socket.end(late)
  const echoed = Buffer.concat([rest, await buffer(socket)])
  t.is(echoed.subarray(0, 5).toString(), 'early')
  t.true(echoed.subarray(5).equals(late))
})

test('after CONNECT a tunnel to another server carries what both sides say', async (t) => {
  const target = listen((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  t.teardown(() => target.close())
  const { port } = await serve(t, async (request, response) => {
    const [host, number] = request.url.split(':')
    const onward = connect(Number(number), host)
    await once(onward, 'connect')
    const socket = response.upgrade()
    void pipeline(socket, onward, socket).catch(() => undefined)
  })
  const socket = connect(port, '127.0.0.1')
  const there = `127.0.0.1:${(target.address() as AddressInfo).port}`
  socket.write(`CONNECT ${there} HTTP/1.1\r\nHost: ${there}\r\n\r\n`)
  const { head, rest } = await readHead(socket)
  t.regex(head, /^HTTP\/1\.1 200 /)
  t.notRegex(head, /content-length|transfer-encoding/i)
  socket.end('through the tunnel')
  t.is(rest.toString() + (await text(socket)), 'through the tunnel')
})

test('what the client does not read holds the writer back', async (t) => {
  let socket!: RawSocket
  const { port } = await serve(t, (_request, response) => void (socket = response.upgrade()))
  const wire = await Wire.open(port)
  wire.send(UPGRADE)
  await wire.answer()
  wire.pause()
  const piece = Buffer.alloc(1_000_000)
  let written = 0
  while (socket.write(piece)) {
    written++
    // Gives the core a chance to take it, and so to say that it takes no more.
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.true(written < 100)
  const drained = once(socket, 'drain')
  wire.resume()
  await drained
  t.pass()
})

test('what the program does not read is not received', async (t) => {
  let socket!: RawSocket
  const { port } = await serve(t, (_request, response) => void (socket = response.upgrade()), {
    limits: { bodyWindow: 65_536 },
  })
  const client = connect(port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write(UPGRADE)
  await readHead(client)
  const flood = Buffer.alloc(64 * 1024 * 1024)
  let flushed = false
  client.write(flood, () => (flushed = true))
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.false(flushed)
  t.true(socket.bytesRead < 1_000_000)
  client.destroy()
})

test('a client that is reset ends the socket, and the process goes on', async (t) => {
  let socket!: RawSocket
  const { port } = await serve(t, (_request, response) => void (socket = response.upgrade()))
  const client = connect(port, '127.0.0.1')
  client.write(UPGRADE)
  await readHead(client)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  // Without a listener for errors: what a client does must not end the program.
  socket.resume()
  client.resetAndDestroy()
  await closed
  t.true(socket.destroyed)
})

test('destroying the socket closes the connection', async (t) => {
  const { port } = await serve(t, (_request, response) => void response.upgrade().destroy())
  const client = connect(port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write(UPGRADE)
  client.resume()
  await once(client, 'close')
  t.pass()
})

test('a socket knows its addresses, its counts and silence', async (t) => {
  let socket!: RawSocket
  const { port } = await serve(t, (_request, response) => void (socket = response.upgrade()))
  const wire = await Wire.open(port)
  wire.send(UPGRADE)
  await wire.answer()
  t.is(socket.remoteAddress, '127.0.0.1')
  t.is(socket.localPort, port)
  t.is(socket.bytesRead, UPGRADE.length)
  // The client may have read before the core has counted.
  while (socket.bytesWritten === 0) await new Promise((resolve) => setImmediate(resolve))
  t.is(socket.setNoDelay().setKeepAlive(), socket)
  await new Promise<void>((resolve) => socket.setTimeout(1, resolve))
  socket.destroy()
  await wire.closed()
})

test('what is written goes through a tunnel whatever its method or status', async (t) => {
  const { port } = await serve(t, (request, response) => {
    // Neither may have a body as an answer.
    response.status = request.method === 'CONNECT' ? 204 : 304
    response.upgrade().end('through')
  })
  for (const [line, status] of [
    ['HEAD / HTTP/1.1', 101],
    ['GET / HTTP/1.1', 101],
    ['CONNECT a:1 HTTP/1.1', 204],
  ] as const) {
    const socket = connect(port, '127.0.0.1')
    socket.write(UPGRADE.replace('GET / HTTP/1.1', line))
    const { head, rest } = await readHead(socket)
    t.regex(head, new RegExp(`^HTTP/1.1 ${status} `), line)
    socket.end()
    t.is(rest.toString() + (await text(socket)), 'through', line)
  }
})

test('CONNECT is granted by a status of success only, and can be refused after that', async (t) => {
  const { port } = await serve(t, (_request, response) => {
    response.status = 403
    t.throws(() => response.upgrade(), { code: 'ERR_INVALID_STATUS' })
    response.end('no')
  })
  const wire = await Wire.open(port)
  wire.send('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
  const { status, body } = await wire.answer()
  t.deepEqual([status, body.toString()], [403, 'no'])
  wire.destroy()
})

test('upgrading is refused where there is nothing to upgrade to', async (t) => {
  const codes: string[] = []
  const { port } = await serve(t, (_request, response) => {
    codes.push((t.throws(() => response.upgrade()) as CodedError).code)
    response.end()
  })
  const wire = await Wire.open(port)
  wire.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.is((await wire.answer()).status, 200)
  t.deepEqual(codes, ['ERR_NO_UPGRADE'])
  wire.destroy()
})

test('closing the server ends tunnels when its patience ends', async (t) => {
  let socket!: RawSocket
  const { port, server } = await serve(t, (_request, response) => void (socket = response.upgrade()))
  const client = connect(port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write(UPGRADE)
  await readHead(client)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  await server.close({ timeout: 10 })
  await closed
  t.is(server.stats().pending, 0)
})

async function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  let received = Buffer.alloc(0)
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    received = Buffer.concat([received, chunk])
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) continue
    socket.pause()
    return { head: received.subarray(0, end + 4).toString('latin1'), rest: received.subarray(end + 4) }
  }
}

async function serve(t: ExecutionContext, handler: Handler, options: ServerOptions = {}) {
  const server = createServer({ handler, ...options })
  const { port } = await server.listen({ host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 0 }))
  return { server, port }
}
