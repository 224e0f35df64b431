import { once, type EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { Refused } from './clients'
import { portOf, same } from './parity'
import { HTTP, OVER_TLS, WS } from '../_helpers/transport'
import { ask, open } from './raw'

// The programs of the README of `ws`, each with that package and with millrace/ws.

const BOTH = ['ws', 'undici'] as const

same(
  'a simple server sends and receives',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    wss.on('connection', (ws) => {
      ws.on('error', console.error)
      ws.on('message', (data) => log(`received: ${String(data)}`, Buffer.isBuffer(data)))
      ws.send('something')
    })
    const client = await connect(wss)
    log(await client.next())
    client.send('grüezi')
    client.close()
    await client.closed
  },
  ['something', ['received: grüezi', true]],
)

same(
  'binary data is sent and received as it is',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    wss.on('connection', (ws) => {
      ws.on('message', (data: Buffer, isBinary) => log(data.toString('hex'), isBinary))
      const array = new Float32Array(5)
      for (let i = 0; i < array.length; ++i) array[i] = i / 2
      ws.send(array)
      ws.send(array.buffer)
      ws.send(array.subarray(1, 2))
      ws.send(new DataView(array.buffer, 4, 4))
      ws.send([1, 2, 3])
      ws.send(42)
      ws.send('')
      ws.send(undefined as never)
    })
    const client = await connect(wss)
    for (let i = 0; i < 8; i++) log(await client.next())
    client.send(Buffer.from([1, 2, 3]))
    client.send(new Uint8Array(0))
    client.close()
    await client.closed
  },
  [
    '0x000000000000003f0000803f0000c03f00000040',
    '0x000000000000003f0000803f0000c03f00000040',
    '0x0000003f',
    '0x0000003f',
    '0x010203',
    '42',
    '',
    '0x',
    ['010203', true],
    ['', true],
  ],
)

for (const isIncluded of [true, false]) {
  same(
    `a message is broadcast to all clients, the sender ${isIncluded ? 'included' : 'excluded'}`,
    BOTH,
    async ({ lib, serve, connect, log }) => {
      const wss = await serve()
      wss.on('connection', (ws) => {
        ws.on('message', (data, isBinary) => {
          wss.clients.forEach((client) => {
            if ((isIncluded || client !== ws) && client.readyState === lib.WebSocket.OPEN) {
              client.send(data, { binary: isBinary })
            }
          })
        })
      })
      const clients = await Promise.all([connect(wss), connect(wss), connect(wss)])
      log(wss.clients.size)
      clients[0].send('to all')
      clients[0].send(Buffer.from([7]))
      for (const client of isIncluded ? clients : clients.slice(1)) log(await client.next(), await client.next())
      log(clients.flatMap(({ rest }) => rest))
    },
    isIncluded
      ? [3, ['to all', '0x07'], ['to all', '0x07'], ['to all', '0x07'], []]
      : [3, ['to all', '0x07'], ['to all', '0x07'], []],
  )
}

same(
  'several servers share one HTTP server',
  BOTH,
  async ({ lib, share, connect, log }) => {
    const wss1 = new lib.WebSocketServer({ noServer: true })
    const wss2 = new lib.WebSocketServer({ noServer: true })
    wss1.on('connection', (ws) => ws.send('one'))
    wss2.on('connection', (ws) => ws.send('two'))
    const shared = share()
    shared.onUpgrade((upgrade) => {
      const { pathname } = new URL(upgrade.path, 'wss://base.url')
      if (pathname === '/foo') upgrade.to(wss1)
      else if (pathname === '/bar') upgrade.to(wss2)
      else upgrade.refuse(404)
    })
    const port = await shared.listen()
    log(await (await connect(`${WS}://127.0.0.1:${port}/foo`)).next())
    log(await (await connect(`${WS}://127.0.0.1:${port}/bar?a=1`)).next())
    log(wss1.clients.size, wss2.clients.size)
    log(await connect(`${WS}://127.0.0.1:${port}/baz`).catch((error) => error instanceof Refused))
    log(await (await fetch(`${HTTP}://127.0.0.1:${port}/foo`)).text())
  },
  ['one', 'two', [1, 1], true, 'plain'],
)

same(
  'a client is authenticated before its handshake is answered',
  ['ws'],
  async ({ lib, share, connect, log }) => {
    const wss = new lib.WebSocketServer({ noServer: true })
    const emitter: EventEmitter = wss
    emitter.on('connection', (ws: WebSocket, request: IncomingMessage, client: string) => {
      ws.on('message', (data) => log(`Received message ${String(data)} from user ${client} at ${request.url}`))
    })
    const shared = share()
    shared.onUpgrade((upgrade) => {
      void wait(1).then(() => {
        const client = /^Bearer (.+)/.exec(upgrade.header('authorization') ?? '')?.[1]
        if (client === undefined) upgrade.refuse(401)
        else upgrade.to(wss, client)
      })
    })
    const url = `${WS}://127.0.0.1:${await shared.listen()}/in`
    log(await connect(url).catch((error) => error.status))
    const client = await connect(url, { headers: { authorization: 'Bearer Ada' } })
    client.send('hello')
    client.close()
    await client.closed
  },
  [401, 'Received message hello from user Ada at /in'],
)

same(
  'verifyClient decides at once',
  ['ws'],
  async ({ serve, connect, log }) => {
    const wss = await serve({
      verifyClient: ({ origin, req, secure }: { origin: string; req: { headers: object }; secure: boolean }) => {
        log(origin, secure, 'x-key' in req.headers)
        return origin === 'https://good.example'
      },
    })
    log(await connect(wss, { headers: { origin: 'https://evil.example' } }).catch((error) => error.status))
    await connect(wss, { headers: { origin: 'https://good.example', 'x-key': '1' } })
  },
  [['https://evil.example', OVER_TLS, false], 401, ['https://good.example', OVER_TLS, true]],
)

same(
  'verifyClient decides later, with a status, a text and headers of its own',
  ['ws'],
  async ({ serve, log }) => {
    const wss = await serve({
      verifyClient: (_info, decide) => setImmediate(decide, false, 429, 'Slow down', { 'Retry-After': '120' }),
    })
    const { status, headers, body } = await ask(portOf(wss))
    log(status, headers['retry-after'], headers.connection, body)
  },
  [[429, '120', 'close', 'Slow down']],
)

same(
  'the address of a client is that of the socket, or what a proxy says',
  ['ws'],
  async ({ serve, connect, log }) => {
    const wss = await serve()
    wss.on('connection', (ws, req) => {
      const ip = (req.headers['x-forwarded-for'] as string).split(',')[0].trim()
      ws.send(`${req.socket.remoteAddress} ${typeof req.socket.remotePort} ${ip}`)
    })
    const client = await connect(wss, { headers: { 'x-forwarded-for': '192.0.2.1, 198.51.100.7' } })
    log(await client.next())
  },
  ['127.0.0.1 number 192.0.2.1'],
)

same(
  'broken connections are detected by pings, and terminated',
  BOTH,
  async ({ serve, connect, log, onEnd }) => {
    const wss = await serve()
    const alive = new WeakSet<WebSocket>()
    function heartbeat(this: WebSocket): void {
      alive.add(this)
    }
    wss.on('connection', (ws) => {
      alive.add(ws)
      ws.on('pong', heartbeat)
      ws.on('close', (code) => log(`gone: ${code}`))
    })
    const check = (): void => {
      wss.clients.forEach((ws) => {
        if (!alive.has(ws)) return ws.terminate()
        alive.delete(ws)
        ws.ping()
      })
    }
    const client = await connect(wss)
    const mute = await open(portOf(wss))
    onEnd(() => mute.destroy())
    log(wss.clients.size)
    check()
    await wait(100)
    check()
    await once(mute.resume(), 'close')
    await wait(20)
    log(wss.clients.size)
    const [last] = wss.clients
    client.close(1000)
    await once(last, 'close')
  },
  [2, 'gone: 1006', 1, 'gone: 1000'],
)

same(
  'a WebSocket is a stream of Node',
  BOTH,
  async ({ lib, serve, connect, log }) => {
    const wss = await serve()
    wss.on('connection', (ws) => {
      const duplex = lib.createWebSocketStream(ws, { encoding: 'utf8', decodeStrings: false })
      duplex.on('error', console.error)
      for (const event of ['end', 'finish', 'close']) duplex.on(event, () => log(event))
      duplex.on('data', (text: string) => {
        if (text === 'bye') duplex.end('goodbye')
        else duplex.write(text.toUpperCase())
      })
    })
    const client = await connect(wss)
    client.send('first')
    log(await client.next())
    client.send('second')
    log(await client.next())
    client.send('bye')
    log(await client.next())
    const closed = await client.closed
    await wait(20)
    log(closed)
  },
  ['FIRST', 'SECOND', 'goodbye', 'finish', 'end', 'close', [1005, '']],
)
