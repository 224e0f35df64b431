import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Server, ServerOptions, WebSocketServer } from 'ws'
import { HTTP, WS } from '../_helpers/transport'
import { different, portOf, same, urlOf } from './parity'
import { ask, frame, HANDSHAKE, open } from './raw'

// WebSocketServer as doc/ws.md of `ws` describes it.

const BOTH = ['ws', 'undici'] as const
const ONE = ['ws'] as const

same(
  'the callback and the event tell that it listens, and address() where',
  ONE,
  async ({ lib, log, onEnd }) => {
    await new Promise<void>((resolve) => {
      const wss: WebSocketServer = new lib.WebSocketServer({ port: 0, host: '127.0.0.1' }, () => log('callback'))
      onEnd(() => wss.close())
      wss.on('listening', () => {
        const { address, family, port } = wss.address() as { address: string; family: string; port: number }
        log(address, family, port > 0)
        resolve()
      })
    })
  },
  ['callback', ['127.0.0.1', 'IPv4', true]],
)

same(
  'a port that is taken is an error event',
  ONE,
  async ({ lib, serve, log }) => {
    const port = portOf(await serve())
    const second = new lib.WebSocketServer({ port, host: '127.0.0.1' })
    const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException]
    log(error.code, second.address())
  },
  [['EADDRINUSE', null]],
)

same(
  'one of port, server and noServer is given',
  ONE,
  async ({ lib, share, log }) => {
    const { server } = share()
    const wrong: Array<ServerOptions | undefined> = [{}, { port: 0, noServer: true }, { server, noServer: true }]
    wrong.push({ port: 0, server }, undefined)
    for (const options of wrong) {
      try {
        log(new lib.WebSocketServer(options))
      } catch (error) {
        log(error instanceof TypeError, (error as Error).message.replace(/ \(ERR_\w+\)$/, ''))
      }
    }
    const detached = new lib.WebSocketServer({ noServer: true })
    try {
      log(detached.address())
    } catch (error) {
      log((error as Error).message)
    }
  },
  [
    ...Array.from({ length: 5 }, () => [
      true,
      'One and only one of the "port", "server", or "noServer" options must be specified',
    ]),
    'The server is operating in "noServer" mode',
  ],
)

same(
  'a request without an upgrade is answered 426',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve()
    const answer = await fetch(`${HTTP}://127.0.0.1:${portOf(wss)}/`)
    log(answer.status, answer.headers.get('content-type'), await answer.text())
  },
  [[426, 'text/plain', 'Upgrade Required']],
)

same(
  'another path than its own is answered 400',
  ONE,
  async ({ serve, connect, log }) => {
    const wss = await serve({ path: '/chat' })
    log((await ask(portOf(wss))).status)
    log(await ask(portOf(wss), HANDSHAKE, { path: '/chat/more' }).then(({ status, body }) => [status, body]))
    await connect(urlOf(wss, '/chat'))
    await connect(urlOf(wss, '/chat?room=1'))
    log(wss.clients.size, wss.shouldHandle({ url: '/chat?a' } as never), wss.shouldHandle({ url: '/' } as never))
  },
  [400, [400, 'Bad Request'], [2, true, false]],
)

same(
  'shouldHandle can be overridden',
  ONE,
  async ({ lib, log, onEnd }) => {
    class Picky extends lib.WebSocketServer {
      override shouldHandle(request: IncomingMessage): boolean {
        return request.headers['x-pass'] === 'yes'
      }
    }
    const wss = new Picky({ port: 0, host: '127.0.0.1' })
    onEnd(() => wss.close())
    await once(wss, 'listening')
    log((await ask(portOf(wss))).status, (await ask(portOf(wss), { ...HANDSHAKE, 'x-pass': 'yes' })).status)
  },
  [[400, 101]],
)

const { 'sec-websocket-key': _key, ...WITHOUT_KEY } = HANDSHAKE

same(
  'handshakes that are none are refused with a reason',
  ONE,
  async ({ serve, log }) => {
    const port = portOf(await serve())
    const wrong: Array<[object, string?]> = [
      [HANDSHAKE, 'POST'],
      [{ ...HANDSHAKE, upgrade: 'h2c' }],
      [WITHOUT_KEY],
      [{ ...HANDSHAKE, 'sec-websocket-key': 'short==' }],
      [{ ...HANDSHAKE, 'sec-websocket-version': '12' }],
      [{ ...HANDSHAKE, 'sec-websocket-protocol': 'a,,b' }],
      [{ ...HANDSHAKE, 'sec-websocket-protocol': 'a,a' }],
    ]
    for (const [headers, method = 'GET'] of wrong) {
      const answer = await ask(port, headers as never, { method })
      log(answer.status, answer.body, answer.headers['sec-websocket-version'], answer.headers['content-type'])
    }
  },
  [
    [405, 'Invalid HTTP method', undefined, 'text/html'],
    [400, 'Invalid Upgrade header', undefined, 'text/html'],
    [400, 'Missing or invalid Sec-WebSocket-Key header', undefined, 'text/html'],
    [400, 'Missing or invalid Sec-WebSocket-Key header', undefined, 'text/html'],
    [400, 'Missing or invalid Sec-WebSocket-Version header', '13, 8', 'text/html'],
    [400, 'Invalid Sec-WebSocket-Protocol header', undefined, 'text/html'],
    [400, 'Invalid Sec-WebSocket-Protocol header', undefined, 'text/html'],
  ],
)

same(
  'wsClientError leaves the answer to its listener',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve()
    wss.on('wsClientError', (error: Error, socket: Duplex, request: IncomingMessage) => {
      log(error.message, request.url)
      socket.on('error', console.error)
      socket.end('HTTP/1.1 418 Teapot\r\nX-Why: no\r\nContent-Length: 5\r\nConnection: close\r\n\r\nshort')
    })
    const { status, headers, body } = await ask(portOf(wss), WITHOUT_KEY, { path: '/a' })
    log(status, headers['x-why'], body)
  },
  [
    ['Missing or invalid Sec-WebSocket-Key header', '/a'],
    [418, 'no', 'short'],
  ],
)

same(
  'a socket that is destroyed during the handshake is cut',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve({
      verifyClient: ({ req }: { req: IncomingMessage }) => {
        req.socket.destroy()
        return true
      },
    })
    log(await ask(portOf(wss)).catch((error) => error.code))
    log(wss.clients.size)
  },
  ['ECONNRESET', 0],
)

same(
  'the first subprotocol is chosen, or what handleProtocols says',
  BOTH,
  async ({ serve, connect, log }) => {
    const plain = await serve()
    log((await connect(plain, { protocols: ['b', 'a'] })).protocol(), (await connect(plain)).protocol())
    const choosing = await serve({
      handleProtocols: (protocols, request) => {
        log(protocols instanceof Set, [...protocols].join(), request.url)
        return protocols.has('a') ? 'a' : false
      },
    })
    const seen = once(choosing, 'connection')
    log((await connect(choosing, { protocols: ['b', 'a'] })).protocol())
    const [ws] = await seen
    log(ws.protocol)
  },
  [['b', ''], [true, 'b,a', '/'], 'a', 'a'],
)

same(
  'listeners of headers see them and add to them',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve()
    wss.on('headers', (headers, request) => {
      log(headers.slice(0, 3), request.url)
      headers.push('X-Served-By: me', 'Set-Cookie: a=1', 'Set-Cookie: b=2')
    })
    const { headers } = await ask(portOf(wss))
    log(headers['x-served-by'], headers['set-cookie'], headers['sec-websocket-accept'])
  },
  [
    [['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'], '/'],
    ['me', ['a=1', 'b=2'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
  ],
)

same(
  'clients has the open ones, and has lost one when its close is told',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    const closed = new Promise<void>((resolve) => {
      wss.on('connection', (ws) => {
        log(wss.clients.has(ws), wss.clients.size, ws.readyState)
        ws.on('close', () => {
          log(wss.clients.has(ws), ws.readyState)
          resolve()
        })
      })
    })
    ;(await connect(wss)).close()
    await closed
  },
  [
    [true, 1, 1],
    [false, 3],
  ],
)

same(
  'clientTracking: false has no clients',
  ONE,
  async ({ serve, connect, log }) => {
    const wss = await serve({ clientTracking: false })
    const client = await connect(wss)
    log(wss.clients)
    client.close()
    await client.closed
  },
  [undefined],
)

same(
  'close leaves the open ones alone, and ends with the last of them',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    wss.on('connection', (ws) => ws.on('message', (data) => ws.send(data, { binary: false })))
    const client = await connect(wss)
    wss.close((error) => log('callback', error))
    wss.on('close', () => log('event'))
    client.send('still there')
    log(await client.next())
    log(await connect(wss.address() === null ? 'ws://127.0.0.1:1' : urlOf(wss)).catch(() => 'refused'))
    client.close(1000)
    await once(wss, 'close')
    await new Promise<void>((resolve) => wss.close((error) => (log(error?.message), resolve())))
  },
  ['still there', 'refused', ['callback', undefined], 'event', 'event', 'The server is not running'],
)

same(
  'a server that is shared gives up nothing but its clients',
  BOTH,
  async ({ lib, share, connect, log }) => {
    const shared = share()
    const wss = new lib.WebSocketServer({ server: shared.server, path: '/live' })
    wss.on('listening', () => log('listening'))
    wss.on('connection', (ws, { url }) => ws.send(url!))
    const port = await shared.listen()
    log((wss.address() as { port: number }).port === port)
    const client = await connect(`${WS}://127.0.0.1:${port}/live?a`)
    log(await client.next(), await (await fetch(`${HTTP}://127.0.0.1:${port}/live`)).text())
    log((await ask(port)).status)
    wss.close(() => log('closed'))
    client.close()
    await once(wss, 'close')
    log(await (await fetch(`${HTTP}://127.0.0.1:${port}/live`)).text())
  },
  ['listening', true, ['/live?a', 'plain'], 400, 'closed', 'plain'],
)

same(
  'sockets can be of a class that extends WebSocket',
  BOTH,
  async ({ lib, serve, connect, log }) => {
    class Named extends lib.WebSocket {
      readonly label: string
      constructor(...given: never[]) {
        super(...(given as unknown as [null]))
        this.label = `state ${this.readyState}`
        this.on('open', () => log('open', this.readyState))
      }
      shout(text: string): void {
        this.send(text.toUpperCase())
      }
    }
    const wss = (await serve({ WebSocket: Named as never })) as unknown as Server<typeof Named>
    wss.on('connection', (ws) => ws.shout(ws.label))
    log(await (await connect(wss as never)).next())
  },
  [['open', 1], 'STATE 0'],
)

same(
  'what is too long, or in too many pieces, is an error with a code',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve({ maxPayload: 10, maxFragments: 3 })
    const cases = [
      [frame(0x81, 'eleven byte')],
      [frame(0x01, '12345'), frame(0x00, '123456')],
      [frame(0x01, '1'), frame(0x00, '2'), frame(0x00, '3'), frame(0x00, '4')],
    ]
    for (const frames of cases) {
      const seen = once(wss, 'connection')
      const socket = await open(portOf(wss))
      const [ws] = await seen
      ws.on('error', (error: { code: string }) => log(error.code, error instanceof RangeError))
      const closed = new Promise<void>((resolve) => {
        ws.on('close', (code: number, reason: Buffer) => {
          log(code, String(reason))
          resolve()
        })
      })
      socket.end(Buffer.concat(frames))
      await closed
    }
  },
  [
    ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', true],
    [1006, ''],
    ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', true],
    [1006, ''],
    ['WS_ERR_TOO_MANY_BUFFERED_PARTS', true],
    [1006, ''],
  ],
)

same(
  'a client that does not answer a close is cut after closeTimeout',
  ONE,
  async ({ serve, log, onEnd }) => {
    const wss = await serve({ closeTimeout: 50 } as ServerOptions)
    const seen = once(wss, 'connection')
    const socket = await open(portOf(wss))
    onEnd(() => socket.destroy())
    const [ws] = await seen
    const start = performance.now()
    ws.close(1000, 'enough')
    log(ws.readyState)
    const [code] = await once(ws, 'close')
    const took = performance.now() - start
    log(code, took > 40 && took < 1000)
  },
  [2, [1006, true]],
)

same(
  'allowSynchronousEvents: false gives each message a turn of its own',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve({ allowSynchronousEvents: false })
    const seen = once(wss, 'connection')
    const socket = await open(portOf(wss))
    const [ws] = await seen
    const closed = once(ws, 'close')
    let turn = 0
    ws.on('message', (data: Buffer) => {
      const mine = ++turn
      log(String(data))
      void Promise.resolve().then(() => process.nextTick(() => log(mine === turn)))
    })
    socket.write(Buffer.concat([frame(0x81, 'a'), frame(0x81, 'b'), frame(0x88)]))
    await closed
    socket.destroy()
  },
  ['a', true, 'b', true],
)

different(
  'a connection that comes while it closes finds nobody, or is told so',
  ONE,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    const port = portOf(wss)
    const client = await connect(wss)
    wss.close()
    await wait(10)
    log(
      await ask(port).then(
        ({ status }) => status,
        (error) => error.code,
      ),
    )
    client.close()
    await once(wss, 'close')
  },
  { ws: ['ECONNREFUSED'], 'millrace/ws': [503] },
)
