import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import test from 'ava'
import { WebSocket as Client } from 'ws'
import { fixed, staticFiles } from '#dist/index'
import { WebSocket, WebSocketServer } from '#dist/ws/index'
import { failureOf } from '#dist/ws/failure'
import {
  connect,
  CONNECTED,
  createNodeServer,
  createServer,
  HTTP,
  request as httpRequest,
  WS,
} from '../_helpers/transport'
import { secureOwnServers } from './libraries'
import { ask, HANDSHAKE, rest } from './raw'

// What is of millrace/ws alone: its refusals, and how it shares a server with routes.

secureOwnServers()

const home = path.dirname(require.resolve('millrace/package.json'))

test('a client is refused, and told where there are some', (t) => {
  const make = (): unknown => new (WebSocket as unknown as new (url: string) => unknown)('ws://localhost')
  t.throws(make, { code: 'ERR_INVALID_ARGUMENT', message: /server’s side only.*global WebSocket.*undici and ws/ })
})

test('a server of node:http is refused, and told what to use', (t) => {
  const server = createNodeServer() as never
  t.throws(() => new WebSocketServer({ server }), {
    code: 'ERR_INVALID_OPTION',
    message: /createServer\(\) of millrace/,
  })
})

test('a handshake of node:http is refused, and told what to use', async (t) => {
  const wss = new WebSocketServer({ noServer: true })
  const server = createNodeServer()
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  const seen = new Promise<void>((resolve) => {
    server.on('upgrade', (request, socket, head) => {
      t.throws(() => wss.handleUpgrade(request as never, socket as never, head, () => t.fail()), {
        code: 'ERR_INVALID_ARGUMENT',
        message: /createServer\(\) of millrace/,
      })
      socket.destroy()
      resolve()
    })
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  httpRequest({ port, headers: HANDSHAKE })
    .on('error', () => undefined)
    .end()
  await seen
})

test('a handshake behind a request without an answer costs the connection', async (t) => {
  const server = createServer({ handler: () => new Promise(() => undefined) })
  const wss = new WebSocketServer({ server, path: '/ws' })
  const closed: number[] = []
  wss.on('connection', (socket) => socket.on('close', (code) => closed.push(code)))
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 0 }))
  const socket = connect(port).on('error', () => undefined)
  const lines = Object.entries(HANDSHAKE).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  socket.write(`GET /hangs HTTP/1.1\r\nhost: a\r\n\r\nGET /ws HTTP/1.1\r\nhost: a\r\n${lines.join('')}\r\n`)
  let received = ''
  socket.on('data', (chunk) => (received += String(chunk)))
  await once(socket, 'close')
  t.is(received, '')
  while (closed.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  t.deepEqual(closed, [1006])
  t.is(wss.clients.size, 0)
  t.is(server.stats().pending, 0)
})

test('a client that is faster than events of one a turn has to wait', async (t) => {
  const server = createServer({ limits: { queuedBytes: 65_536 } })
  const wss = new WebSocketServer({ server, allowSynchronousEvents: false })
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 0 }))
  const COUNT = 5000
  let [handled, most] = [0, 0]
  const done = new Promise<void>((resolve) => {
    wss.on('connection', (socket) => {
      socket.on('message', (message) => {
        if ((message as Buffer).readUInt32LE() !== handled) t.fail('out of order')
        handled++
        most = Math.max(most, server.stats().websockets.messagesReceived - handled)
        t.false(socket.isPaused)
        if (handled === COUNT) resolve()
      })
    })
  })
  const client = new Client(`${WS}://127.0.0.1:${port}`)
  await once(client, 'open')
  const payload = Buffer.alloc(10_000)
  for (let n = 0; n < COUNT; n++) {
    payload.writeUInt32LE(n)
    client.send(Buffer.from(payload))
  }
  await done
  t.true(most < COUNT / 5, `${most} messages waited in memory`)
  client.terminate()
})

test('what is sent before the client knows of its WebSocket is counted in bufferedAmount', async (t) => {
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const counted = new Promise<number[]>((resolve) => {
    wss.on('connection', (ws) => {
      ws.send(Buffer.alloc(1000))
      const early = ws.bufferedAmount
      ws.once('message', () => resolve([early, ws.bufferedAmount]))
    })
  })
  await once(wss, 'listening')
  t.teardown(() => wss.close())
  const client = new Client(`${WS}://127.0.0.1:${(wss.address() as AddressInfo).port}`)
  client.once('message', () => client.send('all here'))
  t.deepEqual(await counted, [1000, 0])
  client.terminate()
})

test('each sentence of the core about a breach has a code of ws', (t) => {
  const folder = path.join(home, 'crates', 'millrace-ws', 'src')
  const source = readdirSync(folder)
    .filter((name) => name.endsWith('.rs'))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .join('\n')
  const sentences = [...source.matchAll(/Error::Protocol\(\s*"([^"]+)"|Error::\w+ => "([^"]+)"/g)]
  t.true(sentences.length > 12)
  for (const [, protocol, other] of sentences) {
    const error = failureOf(1002, protocol ?? other, false) as NodeJS.ErrnoException | null
    t.regex(error?.code ?? '', /^WS_ERR_/, protocol ?? other)
  }
  t.is(failureOf(1000, 'bye', false), null)
  t.is(failureOf(1006, 'close timeout', true), null)
  t.is((failureOf(1007, 'The data is corrupt.', true) as NodeJS.ErrnoException | null)?.code, 'Z_DATA_ERROR')
})

test('routes and WebSocket servers share a server, the ones for requests and the others for WebSockets', async (t) => {
  const server = createServer({
    routes: {
      'GET /': (_request, response) => void response.end('page'),
      'GET /fixed': fixed({ body: 'fixed' }),
      'GET /files/*path': staticFiles(path.join(home, 'docs')),
    },
  })
  server.websocket('/own', { open: (socket) => void socket.send('route') })
  const first = new WebSocketServer({ server, path: '/first' })
  const second = new WebSocketServer({ server, path: '/' })
  for (const [name, wss] of Object.entries({ first, second })) wss.on('connection', (ws) => ws.send(name))
  server.get('/late', (_request, response) => void response.end('late'))
  const third = new WebSocketServer({ server, path: '/late' })
  third.on('connection', (ws) => ws.send('third'))
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close({ timeout: 0 }))
  t.is(await hear(port, '/'), 'second')
  t.is(await hear(port, '/first'), 'first')
  t.is(await hear(port, '/own'), 'route')
  t.is(await hear(port, '/late'), 'third')
  t.is(await hear(port, '/nobody'), '400')
  t.is(await (await fetch(`${HTTP}://127.0.0.1:${port}/`)).text(), 'page')
  t.is(await (await fetch(`${HTTP}://127.0.0.1:${port}/late`)).text(), 'late')
  t.is(await (await fetch(`${HTTP}://127.0.0.1:${port}/fixed`)).text(), 'fixed')
  third.close()
  await once(third, 'close')
  t.is(await hear(port, '/late'), '400')
})

test('a WebSocket server may come to a server that listens', async (t) => {
  const server = createServer()
  server.post('/', (_request, response) => void response.end('posted'))
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close({ timeout: 0 }))
  const wss = new WebSocketServer({ server })
  wss.on('connection', (ws) => ws.send('here'))
  t.is(await hear(port, '/'), 'here')
  t.is(await hear(port, '/deeper/down'), 'here')
  t.is((await fetch(`${HTTP}://127.0.0.1:${port}/`)).status, 404)
  t.is(await (await fetch(`${HTTP}://127.0.0.1:${port}/`, { method: 'POST' })).text(), 'posted')
})

test('a listener that throws closes its socket and is reported, and the process goes on', async (t) => {
  const reported: unknown[] = []
  const server = createServer({ onError: (error) => void reported.push(error) })
  const wss = new WebSocketServer({ server })
  const mistake = new Error('mistake')
  wss.on('connection', (ws) => {
    ws.on('message', () => {
      throw mistake
    })
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close({ timeout: 0 }))
  const client = new Client(`${WS}://127.0.0.1:${port}`)
  await once(client, 'open')
  client.send('x')
  const [code] = await once(client, 'close')
  t.is(code, 1011)
  t.deepEqual(reported, [mistake])
})

test('what cannot become a WebSocket is refused before anybody is told of one', async (t) => {
  const server = createServer({ onError: () => t.fail() })
  const wss = new WebSocketServer({ server })
  const detached = new WebSocketServer({ noServer: true })
  server.get('/by-hand', (request, response) => detached.handleUpgrade(request, response, null, () => t.fail()))
  wss.on('connection', () => t.fail())
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close({ timeout: 0 }))
  t.is((await ask(port, { ...HANDSHAKE, 'transfer-encoding': 'chunked' })).status, 400)
  const lines = Object.entries(HANDSHAKE).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  const socket = connect(port)
  socket.write(`GET /by-hand HTTP/1.0\r\nhost: a\r\n${lines.join('')}\r\n`)
  t.regex(Buffer.from(await rest(socket), 'hex').toString(), /^HTTP\/1\.1 400 [^]*Invalid HTTP version$/)
})

test('clients that leave during their handshake leave nothing behind', async (t) => {
  const wss = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: (_info, decide) => setTimeout(decide, Math.random() * 4, true),
  })
  await once(wss, 'listening')
  const { port } = wss.address() as AddressInfo
  const lines = Object.entries(HANDSHAKE).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  const sockets = Array.from({ length: 200 }, (_, index) => {
    const socket = connect(port).once(CONNECTED, () => {
      socket.write(`GET / HTTP/1.1\r\nhost: a\r\n${lines.join('')}\r\n`)
      if (index % 2 === 0) setImmediate(() => socket.resetAndDestroy())
      else setTimeout(() => socket.destroy(), index % 6)
    })
    return once(
      socket.on('error', () => undefined),
      'close',
    )
  })
  await Promise.all(sockets)
  wss.close()
  await once(wss, 'close')
  t.is(wss.clients.size, 0)
})

/** The first message, or the status of a refusal. */
function hear(port: number, target: string): Promise<string> {
  const client = new Client(`${WS}://127.0.0.1:${port}${target}`)
  return new Promise((resolve, reject) => {
    client.on('message', (data: Buffer) => {
      resolve(String(data))
      client.close()
    })
    client.on('unexpected-response', (_request, response) => {
      resolve(String(response.statusCode))
      response.destroy()
    })
    client.on('error', reject)
  })
}
