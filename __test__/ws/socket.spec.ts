import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket as Client, type WebSocket, type WebSocketServer } from 'ws'
import { libraries } from './libraries'
import { portOf, same, urlOf, type Stage } from './parity'
import { OVER_TLS } from '../_helpers/transport'
import { frame, open, rest } from './raw'

// WebSocket as doc/ws.md of `ws` describes it, on the server's side.

const BOTH = ['ws', 'undici'] as const
const ONE = ['ws'] as const

same(
  'a WebSocket is open before its client knows, and what it sends at once arrives in order',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve({ perMessageDeflate: true })
    const over = new Promise<void>((resolve) => {
      wss.on('connection', (ws) => {
        // Over TLS, `ws` counts the answer to the handshake too.
        const buffered = OVER_TLS ? 0 : ws.bufferedAmount
        log('connection', ws.readyState, ws.extensions, ws.isPaused, ws.url, buffered)
        ws.send('first', (error) => log('sent first', error?.message))
        ws.send('second', (error) => log('sent second', error?.message))
        ws.ping()
        ws.close(4001, Buffer.from('done'))
        log(ws.readyState)
        ws.send('late', (error) => log(error?.message))
        ws.on('close', (code) => {
          log('close', code)
          resolve()
        })
      })
    })
    const client = await connect(wss)
    const messages = [await client.next(), await client.next()]
    const end = await client.closed
    await over
    log(client.extensions(), messages, end)
  },
  [
    ['connection', 1, 'permessage-deflate', false, undefined, 0],
    2,
    'WebSocket is not open: readyState 2 (CLOSING)',
    ['sent first', undefined],
    ['sent second', undefined],
    ['close', 4001],
    ['permessage-deflate', ['first', 'second'], [4001, 'done']],
  ],
)

same(
  'the constants are on the class and on each socket',
  ONE,
  async ({ lib, serve, connect, log }) => {
    const wss = await serve()
    const [[ws]] = await Promise.all([once(wss, 'connection'), connect(wss)])
    for (const of of [lib.WebSocket, ws]) log(of.CONNECTING, of.OPEN, of.CLOSING, of.CLOSED)
    log(ws instanceof lib.WebSocket)
  },
  [[0, 1, 2, 3], [0, 1, 2, 3], true],
)

same(
  'binaryType says what binary messages are given as, and text is always a Buffer',
  ONE,
  async (stage) => {
    const { ws, client, log } = await pair(stage)
    const seen = new Promise<void>((resolve) => {
      ws.on('message', (data: unknown, isBinary: boolean) => {
        const kind = Array.isArray(data) ? 'list' : (data as object).constructor.name
        const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer)
        log(ws.binaryType, kind, bytes.toString(), isBinary)
        if (String(bytes) === 'end') resolve()
        if (isBinary) ws.binaryType = (['arraybuffer', 'fragments', 'nonsense'] as const)[next++] as never
      })
    })
    let next = 0
    for (const text of ['one', 'two', 'three', 'four']) client.send(Buffer.from(text))
    client.send('end')
    await seen
  },
  [
    ['nodebuffer', 'Buffer', 'one', true],
    ['arraybuffer', 'ArrayBuffer', 'two', true],
    ['fragments', 'list', 'three', true],
    ['fragments', 'list', 'four', true],
    ['fragments', 'Buffer', 'end', false],
  ],
)

same(
  'a Blob is received and sent, in its place',
  ONE,
  async (stage) => {
    const { ws, client, log } = await pair(stage)
    ws.binaryType = 'blob' as never
    const seen = once(ws, 'message')
    client.send(Buffer.from('blob'))
    const [blob] = (await seen) as [Blob]
    log(blob instanceof Blob, await blob.text())
    ws.send(new Blob(['a', 'b']) as never)
    ws.send('behind')
    const told = new Promise<void>((resolve) => {
      ws.send(new Blob(['c']) as never, (error) => resolve(log('callback', error?.message)))
    })
    ws.close()
    log(ws.readyState)
    const messages = await collect(client)
    // The client may have it before it is known to be on its way.
    await told
    log(messages)
  },
  [[true, 'blob'], 2, ['callback', undefined], ['ab', 'behind', 'c']],
)

same(
  'listeners of events are called with events, once when wished, and can be taken away',
  ONE,
  async (stage) => {
    const { ws, client, log } = await pair(stage)
    const ended = new Promise<void>((resolve) => {
      const gone = (): void => log('never')
      ws.addEventListener('message', gone)
      ws.removeEventListener('message', gone)
      ws.addEventListener('message', ({ data, type, target }) => log(type, data, target === ws))
      ws.addEventListener('message', ({ data }) => log('once', data), { once: true })
      const object = { handleEvent: ({ data }: { data: unknown }) => log('object', data) }
      ws.addEventListener('message', object as never)
      ws.addEventListener('message', object as never)
      ws.addEventListener('ping' as never, gone)
      ws.addEventListener('close', ({ code, reason, wasClean }) => {
        log(code, reason, wasClean)
        resolve()
      })
    })
    client.send('text')
    client.send(Buffer.from([1]))
    client.close(4000, 'bye')
    await ended
  },
  [
    ['message', 'text', true],
    ['once', 'text'],
    ['object', 'text'],
    ['message', Buffer.from([1]), true],
    ['object', Buffer.from([1])],
    [4000, 'bye', true],
  ],
)

same(
  'onmessage and the others hold one listener each',
  ONE,
  async (stage) => {
    const { ws, client, log } = await pair(stage)
    log(ws.onmessage, ws.onclose, ws.onerror, ws.onopen)
    ws.onmessage = () => log('never')
    const listener = ({ data }: { data: unknown }): void => log(data)
    ws.onmessage = listener
    log(ws.onmessage === listener, ws.listenerCount('message'))
    ws.onerror = ({ message, error }) => log(message === error.message, error.code)
    const ended = new Promise((resolve) => (ws.onclose = resolve))
    client.send('text')
    client._socket.write(frame(0x83, 'x'))
    await ended
    ws.onmessage = null as never
    log(ws.onmessage)
  },
  [[null, null, null, null], [true, 1], 'text', [true, 'WS_ERR_INVALID_OPCODE'], null],
)

same(
  'the end is told with the code and reason of who began it',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    const told = (): Promise<[number, Buffer]> =>
      new Promise((resolve) => {
        wss.once('connection', (ws) => ws.once('close', (code, reason) => resolve([code, reason])))
      })
    const byClient: Array<[number?, string?]> = [[], [1000], [3000, 'reason'], [4999, 'grüezi']]
    for (const [code, reason] of byClient) {
      const seen = told()
      const client = await connect(wss)
      client.close(code, reason)
      const [codeThere, reasonThere] = await seen
      log(codeThere, String(reasonThere), await client.closed)
    }
    const byServer: Array<[number?, string?]> = [[], [1001], [1013, 'later'], [4000, 'mine']]
    for (const given of byServer) {
      const seen = told()
      wss.once('connection', (ws) => ws.close(...given))
      const client = await connect(wss)
      const [codeThere, reasonThere] = await seen
      log(codeThere, await client.closed)
      void reasonThere
    }
  },
  [
    [1005, '', [1005, '']],
    [1000, '', [1000, '']],
    [3000, 'reason', [3000, 'reason']],
    [4999, 'grüezi', [4999, 'grüezi']],
    [1005, [1005, '']],
    [1001, [1001, '']],
    [1013, [1013, 'later']],
    [4000, [4000, 'mine']],
  ],
)

same(
  'codes and reasons that cannot be sent throw, and leave the WebSocket open',
  ONE,
  async (stage) => {
    const { ws, log } = await pair(stage)
    for (const [code, reason] of [[1004], [1006], [999], [5000], [2000], ['1000'], [1000, 'x'.repeat(124)]] as const) {
      try {
        ws.close(code as number, reason)
        log('closed')
      } catch (error) {
        log((error as Error).constructor.name, ws.readyState)
      }
    }
  },
  [...Array.from({ length: 6 }, () => ['TypeError', 1]), ['RangeError', 1]],
)

same(
  'terminate cuts the connection, and close tells of 1006',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    const seen = new Promise<void>((resolve) => {
      wss.on('connection', (ws) => {
        ws.on('message', () => {
          ws.terminate()
          log(ws.readyState)
        })
        ws.on('close', (code, reason) => {
          log(code, String(reason), ws.readyState)
          resolve()
        })
      })
    })
    const client = await connect(wss)
    client.send('now')
    const [code] = await client.closed
    await seen
    log(code)
  },
  [2, [1006, '', 3], 1006],
)

same(
  'a connection that is lost is told with 1006',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve()
    const seen = once(wss, 'connection')
    const socket = await open(portOf(wss))
    const [ws] = await seen
    const closed = once(ws, 'close')
    socket.destroy()
    const [code, reason] = await closed
    log(code, String(reason), ws.readyState)
    ws.send('late')
    ws.send('late', (error: Error) => log(error.message))
    ws.ping(undefined, false, (error: Error) => log(error.message))
    ws.close()
    ws.terminate()
    ws.pause()
    await wait(1)
    log(ws.bufferedAmount, ws.isPaused)
  },
  [
    [1006, '', 3],
    'WebSocket is not open: readyState 3 (CLOSED)',
    'WebSocket is not open: readyState 3 (CLOSED)',
    [8, false],
  ],
)

same(
  'pings and pongs carry data both ways, and pings are answered',
  ONE,
  async (stage) => {
    const { ws, client, log } = await pair(stage)
    ws.on('ping', (data: Buffer) => log('ping', String(data)))
    ws.on('pong', (data: Buffer) => log('pong', String(data)))
    client.on('ping', (data) => log('client ping', String(data)))
    const pong = once(client, 'pong')
    const pinged = once(ws, 'ping')
    client.ping('from client')
    await pinged
    log('client pong', String((await pong)[0]))
    const answered = once(ws, 'pong')
    ws.ping('from server', false, (error) => log('callback', error?.message))
    await answered
    const unasked = once(client, 'pong')
    ws.pong(7)
    log(String((await unasked)[0]))
    try {
      ws.ping('x'.repeat(126))
    } catch (error) {
      log((error as Error).constructor.name)
    }
  },
  [
    ['ping', 'from client'],
    ['client pong', 'from client'],
    ['callback', undefined],
    ['client ping', 'from server'],
    ['pong', 'from server'],
    '7',
    'RangeError',
  ],
)

same(
  'autoPong: false leaves the answer to pings to the program',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve({ autoPong: false })
    wss.on('connection', (ws) => ws.on('ping', (data: Buffer) => ws.pong(`mine: ${String(data)}`)))
    const client = new Client(urlOf(wss))
    await once(client, 'open')
    const pong = once(client, 'pong')
    client.ping('a')
    log(String((await pong)[0]))
    client.close()
    await once(client, 'close')
  },
  ['mine: a'],
)

same(
  'a paused WebSocket keeps its messages until it is resumed',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve()
    const seen = once(wss, 'connection')
    const client = await connect(wss)
    const [ws] = await seen
    ws.on('message', (data: Buffer) => log(String(data)))
    ws.pause()
    log(ws.isPaused)
    client.send('a')
    client.send('b')
    await wait(50)
    log('resume')
    ws.resume()
    log(ws.isPaused)
    client.send('c')
    client.close()
    await once(ws, 'close')
  },
  [true, 'resume', false, 'a', 'b', 'c'],
)

same(
  'a message is sent in fragments, with the kind of the first',
  ONE,
  async ({ serve, log }) => {
    const wss = await serve()
    wss.on('connection', (ws) => {
      ws.send('frag', { fin: false })
      ws.send('', { fin: false }, (error) => log('callback', error?.message))
      ws.send('ments', { fin: true })
      ws.send('whole')
      ws.send(Buffer.from('text'), { binary: false })
      ws.send('bytes', { binary: true })
      ws.close()
    })
    const socket = await open(portOf(wss))
    const frames = rest(socket)
    socket.write(frame(0x88))
    log(await frames)
  },
  [
    ['callback', undefined],
    [
      '0104',
      '66726167',
      '0000',
      '8005',
      '6d656e7473',
      '8105',
      '77686f6c65',
      '8104',
      '74657874',
      '8205',
      '6279746573',
      '8800',
    ].join(''),
  ],
)

same(
  'callbacks are called in order, once what was sent is on its way',
  ONE,
  async (stage) => {
    const { ws, client, log } = await pair(stage)
    const big = Buffer.alloc(300_000, 1)
    const arrived = collect(client)
    const told = new Promise<void>((resolve) => {
      for (const size of [10, 100_000, 0, 300_000]) {
        ws.send(big.subarray(0, size), (error) => {
          log(size, error?.message)
          if (size === 300_000) resolve()
        })
      }
      log('returned')
    })
    await told
    ws.close()
    log((await arrived).map(({ length }) => length))
  },
  ['returned', [10, undefined], [100_000, undefined], [0, undefined], [300_000, undefined], [10, 100_000, 0, 300_000]],
)

same(
  'what is not sent is counted in bufferedAmount',
  ONE,
  async ({ serve, log, onEnd }) => {
    const wss = await serve()
    const seen = once(wss, 'connection')
    const socket = await open(portOf(wss))
    onEnd(() => socket.destroy())
    socket.pause()
    const [ws] = await seen
    for (let i = 0; i < 64; i++) ws.send(Buffer.alloc(256 * 1024))
    await wait(100)
    log(ws.bufferedAmount > 1024 * 1024)
    socket.resume()
    while (ws.bufferedAmount !== 0) await wait(10)
    log(ws.bufferedAmount)
  },
  [true, 0],
)

same(
  'compressed messages go both ways, and can be left as they are',
  BOTH,
  async ({ serve, connect, log }) => {
    const wss = await serve({ perMessageDeflate: { threshold: 0, zlibDeflateOptions: { level: 1 } } })
    wss.on('connection', (ws) => {
      ws.on('message', (data, isBinary) => {
        ws.send(data, { binary: isBinary })
        ws.send(data, { binary: isBinary, compress: false })
      })
    })
    const client = await connect(wss)
    const text = 'abc'.repeat(5000)
    client.send(text)
    log((await client.next()) === text, (await client.next()) === text)
    client.send(Buffer.from('binary'))
    log(await client.next(), await client.next())
  },
  [
    [true, true],
    ['0x62696e617279', '0x62696e617279'],
  ],
)

const BREACHES: ReadonlyArray<[what: string, code: string, frames: Buffer]> = [
  ['a frame without a mask', 'WS_ERR_EXPECTED_MASK', frame(0x81, 'a', false)],
  ['a reserved opcode', 'WS_ERR_INVALID_OPCODE', frame(0x83, 'a')],
  ['a continuation of nothing', 'WS_ERR_INVALID_OPCODE', frame(0x80, 'a')],
  ['a message in another', 'WS_ERR_INVALID_OPCODE', Buffer.concat([frame(0x01, 'a'), frame(0x81, 'b')])],
  ['a compressed message nobody agreed on', 'WS_ERR_UNEXPECTED_RSV_1', frame(0xc1, 'a')],
  ['a fragmented ping', 'WS_ERR_EXPECTED_FIN', frame(0x09, 'a')],
  ['half of a close code', 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', frame(0x88, 'a')],
  ['a close code of its own', 'WS_ERR_INVALID_CLOSE_CODE', frame(0x88, Buffer.from([0x03, 0xec]))],
  ['text that is no UTF-8', 'WS_ERR_INVALID_UTF8', frame(0x81, Buffer.from([0xff]))],
  ['a reason that is no UTF-8', 'WS_ERR_INVALID_UTF8', frame(0x88, Buffer.from([0x03, 0xe8, 0xff]))],
]

for (const [what, code, frames] of BREACHES) {
  same(
    `${what} is an error, then the end`,
    ONE,
    async ({ serve, log }) => {
      const wss = await serve()
      const seen = once(wss, 'connection')
      const socket = await open(portOf(wss))
      const [ws] = await seen
      ws.on('message', (data: Buffer) => log(String(data)))
      ws.on('error', (error: { code: string }) => log(error.code))
      const ended = new Promise<void>((resolve) => {
        ws.on('close', (end: number, reason: Buffer) => {
          log(end, String(reason))
          resolve()
        })
      })
      socket.end(Buffer.concat([frame(0x81, 'before'), frames]))
      await ended
    },
    ['before', code, [1006, '']],
  )
}

same(
  'a stream slows a fast client down, and ends with its WebSocket',
  BOTH,
  async ({ lib, serve, connect, log }) => {
    const wss = await serve()
    const seen = once(wss, 'connection')
    const client = await connect(wss)
    const [ws] = await seen
    const stream = lib.createWebSocketStream(ws, { readableObjectMode: true, readableHighWaterMark: 2 })
    for (let i = 0; i < 20; i++) client.send(`message ${i}`)
    client.send(Buffer.from('bytes'))
    await wait(50)
    client.close()
    const all: unknown[] = []
    for await (const message of stream) all.push(message)
    log(all.length, all[0], all[19], Buffer.isBuffer(all[20]))
  },
  [[21, 'message 0', 'message 19', true]],
)

same(
  'a stream that is destroyed cuts its WebSocket',
  ONE,
  async (stage) => {
    const { ws, client, log } = await pair(stage)
    const stream = libraries[stage.name].createWebSocketStream(ws)
    stream.on('error', (error) => log(error.message))
    const closed = once(client, 'close')
    const over = new Promise((resolve) => stream.once('close', resolve))
    stream.destroy(new Error('mine'))
    const [code] = await closed
    await over
    log(code)
    log(ws.readyState)
  },
  ['mine', 1006, 3],
)

/** Both sides of one connection. */
async function pair({
  serve,
  log,
  onEnd,
}: Stage): Promise<{ wss: WebSocketServer; ws: WebSocket; client: Raw; log: Stage['log'] }> {
  const wss = await serve()
  const seen = once(wss, 'connection') as Promise<[WebSocket]>
  const client = new Client(urlOf(wss)) as Raw
  onEnd(() => client.terminate())
  const [[ws]] = await Promise.all([seen, once(client, 'open')])
  return { wss, ws, client, log }
}

type Raw = Client & { _socket: { write(bytes: Buffer): void } }

/** The messages until the end. */
async function collect(client: Client): Promise<string[]> {
  const messages: string[] = []
  client.on('message', (data: Buffer) => messages.push(String(data)))
  await once(client, 'close')
  return messages
}
