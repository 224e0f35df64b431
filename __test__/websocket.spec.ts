import ava from 'ava'
import { Batch, type Sent } from './_helpers/fake-lane'
import type { SentToSocket } from './_helpers/fake-socket-records'
import { serve, settle, type Served } from './_helpers/serve'
import { createServer, ServerWebSocket, webSocket, type WebSocketDefinition } from '#dist/index'

const test = ava.serial
let connections = 3000

interface Opened extends Served {
  socket: ServerWebSocket<unknown>
  /** Which connection it is. */
  name: { connection: number }
  reported: unknown[]
  accepted: SentToSocket
}

const HANDSHAKE = [
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
] as const

/** A server with one route, and a WebSocket opened on it. */
async function open<Data>(
  definition: WebSocketDefinition<Data>,
  { writeBuffer = 1024, headers = [] as ReadonlyArray<readonly [string, string]>, extensions = '' } = {},
): Promise<Opened> {
  const reported: unknown[] = []
  let socket: ServerWebSocket<unknown> | undefined
  const server = createServer({ limits: { writeBuffer }, onError: (error, context) => reported.push(error, context) })
  server.websocket('/socket', {
    ...definition,
    open(opened, request) {
      socket = opened
      return definition.open?.(opened, request)
    },
  } as WebSocketDefinition<Data>)
  const served = await serve(server)
  const name = { connection: ++connections }
  const [accepted] = await served.ask({ ...name, route: 1, target: '/socket', headers: [...HANDSHAKE, ...headers] })
  await served.tell((batch) => batch.opened(name, extensions))
  return { ...served, socket: socket!, name, reported, accepted: accepted!.socket! }
}

/** What was done for sockets, in short. */
function told(sent: readonly Sent[]): unknown[] {
  return sent.map(({ kind, socket }) => {
    if (kind === 'SEND') return socket!.text
    if (kind === 'CONTROL') return [socket!.operation, socket!.argument, socket!.text ?? '']
    if (kind === 'TOPIC') return [socket!.operation, socket!.topic]
    return kind === 'PUBLISH' ? [socket!.topic, socket!.text] : kind
  })
}

test('a route for WebSockets is one of GET that the core knows as such', async (t) => {
  const { table } = await serve(
    createServer({
      routes: { '/a': webSocket({}), 'GET /b/:id': { target: webSocket({ timeouts: { handshake: 0 } }) } },
    }).websocket('/c', {}),
  )
  t.deepEqual(
    table.routes.map(({ methods, pattern, kind, handlerTimeout }) => [methods, pattern, kind, handlerTimeout]),
    [
      [['GET'], '/a', 3, 10_000],
      [['GET'], '/b/:id', 3, 0],
      [['GET'], '/c', 3, 10_000],
    ],
  )
  const server = createServer()
  t.throws(() => server.post('/a', webSocket({})), { code: 'ERR_ROUTE_INVALID', message: /begin with GET/ })
  t.throws(() => server.get('/a', webSocket({}), { timeouts: { handler: 1 } }), { code: 'ERR_ROUTE_INVALID' })
})

test('the core gets the settings of a definition, once for each', async (t) => {
  const { lane, ask } = await open({ limits: { message: 5, backlog: Infinity }, overflow: 'latest', pong() {} })
  const before = lane.settings.length
  t.deepEqual(lane.settings.at(-1), {
    messageBytes: 5,
    frameBytes: 5,
    fragments: 131_072,
    backlogBytes: Infinity,
    overflow: 3,
    idle: 120_000,
    sendPings: true,
    lifetime: 0,
    close: 5000,
    streaming: false,
    reportPings: false,
    reportPongs: true,
  })
  await ask({ connection: ++connections, route: 1 })
  t.is(lane.settings.length, before)
  await open({ compression: { contextTakeover: { client: true }, serverWindowBits: 10 }, part() {} })
  t.true(lane.settings.at(-1)!.streaming)
  t.deepEqual(lane.settings.at(-1)!.compression, {
    threshold: 1024,
    level: 1,
    serverContextTakeover: false,
    clientContextTakeover: true,
    serverWindowBits: 10,
    clientWindowBits: 12,
  })
})

test('a request is accepted with a protocol, headers and data, and opened', async (t) => {
  const { accepted, socket } = await open(
    {
      upgrade: (request, response) => {
        response.setHeader('set-cookie', 'a=1')
        return { headers: { 'x-path': request.path }, data: { user: 7 } }
      },
      protocols: ['two', 'three'],
      compression: true,
    },
    {
      headers: [
        ['Sec-WebSocket-Protocol', 'one, three,two'],
        ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits'],
      ],
      extensions: 'permessage-deflate',
    },
  )
  t.is(accepted.fields, 'set-cookie: a=1\r\nx-path: /socket\r\nsec-websocket-protocol: three\r\n')
  t.is(accepted.key, 'dGhlIHNhbXBsZSBub25jZQ==')
  t.is(accepted.offers, 'permessage-deflate; client_max_window_bits')
  t.like(socket, { protocol: 'three', extensions: 'permessage-deflate', readyState: 1, remoteAddress: '127.0.0.1' })
  t.deepEqual(socket.data, { user: 7 })
  t.is(socket.remotePort, 5000)
})

test('a request is accepted after an await', async (t) => {
  const { socket } = await open({
    async upgrade() {
      await settle()
      return { protocol: '', data: 'late' }
    },
  })
  t.is(socket.data, 'late')
  t.is(socket.protocol, '')
})

test('answering, or setting a status, refuses', async (t) => {
  for (const upgrade of [
    (_, response) => void response.setHeader('x-why', 'no'),
    (_, response) => response.end('no'),
    async (_, response) => {
      await settle()
      response.end('no')
      return { data: 1 }
    },
    (_, response) => void (response.status = 403),
    (_, response) => void response.send([Buffer.from('no')]),
  ] satisfies Array<NonNullable<WebSocketDefinition<unknown>['upgrade']>>) {
    const { ask } = await serve(createServer().websocket('/', { upgrade: upgrade as never }))
    const sent = await ask({ connection: ++connections, route: 1, headers: HANDSHAKE })
    const kinds = sent.map(({ kind }) => kind)
    if (kinds.includes('ACCEPT')) t.is(sent[0]!.socket!.fields, 'x-why: no\r\n')
    else t.regex(kinds.join(), /^(RESPOND|HEAD,CHUNK,END)$/)
  }
})

for (const [what, result] of [
  ['a protocol the client has not offered', { protocol: 'other' }],
  ['a header that the handshake decides about', { headers: { 'sec-websocket-accept': 'x' } }],
  ['a header that says where a body ends', { headers: { 'content-length': '1' } }],
  ['a header that splits the answer', { headers: { 'x-a': 'a\r\nb' } }],
  ['a name that nobody knows', { protocols: 'x' }],
  ['false', false],
] as const) {
  test(`an upgrade that gives ${what} answers 500 and is reported once`, async (t) => {
    const reported: unknown[] = []
    const server = createServer({ onError: (error) => reported.push(error) })
    const { ask } = await serve(server.websocket('/', { upgrade: () => result as never }))
    t.like(await ask({ connection: ++connections, route: 1, headers: HANDSHAKE }), { 0: { status: 500 }, length: 1 })
    t.is(reported.length, 1)
    t.regex((reported[0] as { code: string }).code, /^ERR_INVALID_/)
  })
}

test('an upgrade that throws or rejects answers 500 and is reported once', async (t) => {
  for (const upgrade of [
    () => {
      throw new Error('now')
    },
    async () => {
      await settle()
      throw new Error('later')
    },
  ]) {
    const reported: unknown[] = []
    const server = createServer({ onError: (error) => reported.push((error as Error).message) })
    const { ask, lane } = await serve(server.websocket('/', { upgrade }))
    const before = lane.sent.length
    await ask({ connection: ++connections, route: 1, headers: HANDSHAKE })
    await settle()
    t.like(lane.sent.slice(before), { 0: { status: 500 }, length: 1 })
    t.is(reported.length, 1)
  }
})

test('a client that leaves while upgrade waits gets no answer, and opens nothing', async (t) => {
  let go: (() => void) | undefined
  let opened = 0
  const server = createServer().websocket('/', {
    upgrade: () => new Promise<void>((resolve) => (go = resolve)),
    open: () => opened++,
  })
  const { ask, tell, lane } = await serve(server)
  const name = { connection: ++connections }
  await ask({ ...name, route: 1, headers: HANDSHAKE })
  await tell((batch) => batch.abort(2, name))
  const before = lane.sent.length
  go!()
  await settle()
  t.is(lane.sent.length, before)
  // What nobody has accepted is not let live.
  t.deepEqual(told(await tell((batch) => batch.opened(name))), [['terminate', 0, '']])
  t.is(opened, 0)
})

test('an accepted request cannot be answered any more', async (t) => {
  let error: unknown
  const { reported } = await open({
    upgrade(_request, response) {
      process.nextTick(() => {
        try {
          response.end()
        } catch (thrown) {
          error = thrown
        }
      })
    },
  })
  t.like(error, { code: 'ERR_ANSWERED' })
  t.deepEqual(reported, [])
})

test('messages arrive as text and as bytes, and are sent so', async (t) => {
  const got: unknown[] = []
  const { tell, name, socket } = await open({
    message(from, message, isBinary) {
      got.push(message, isBinary)
      from.send(message)
    },
  })
  const sent = await tell((batch) =>
    batch
      .message('text', name)
      .message('grün', name)
      .message(Buffer.from([1, 2, 3]), name)
      .message('x'.repeat(40_000), { ...name, large: true })
      .message('nobody', { connection: name.connection, generation: 9 })
      .message('nobody', { connection: 123_456_789 }),
  )
  t.deepEqual(got, ['text', false, 'grün', false, Buffer.from([1, 2, 3]), true, 'x'.repeat(40_000), false])
  t.deepEqual(
    sent.map(({ socket: { flags, text, bytes } = {} }) => [flags, flags!.includes('BINARY') ? bytes : text]),
    [
      [['COMPRESS'], 'text'],
      [['COMPRESS'], 'grün'],
      [['BINARY', 'COMPRESS'], Buffer.from([1, 2, 3])],
      [['LARGE', 'COMPRESS', 'WANT_DRAIN'], 'x'.repeat(40_000)],
    ],
  )
  t.is(socket.send('x'), 'buffered')
})

test('text can be had as bytes, and bytes sent as text', async (t) => {
  const got: unknown[] = []
  const { tell, name, socket } = await open({ textAs: 'buffer', message: (_, message) => got.push(message) })
  await tell((batch) => batch.message('grün', name).message('groß'.repeat(9000), { ...name, large: true }))
  t.deepEqual(got, [Buffer.from('grün'), Buffer.from('groß'.repeat(9000))])
  const sent = await tell(() => {
    socket.send(Buffer.from('a'), { binary: false })
    socket.send('b', { binary: true, compress: false })
    socket.send(new Uint16Array([1]).buffer)
    socket.send(new DataView(Uint8Array.of(7, 8).buffer, 1))
  })
  t.deepEqual(
    sent.map(({ socket: { flags, bytes } = {} }) => [flags, bytes]),
    [
      [['COMPRESS'], Buffer.from('a')],
      [['BINARY'], Buffer.from('b')],
      [['BINARY', 'COMPRESS'], Buffer.from([1, 0])],
      [['BINARY', 'COMPRESS'], Buffer.from([8])],
    ],
  )
})

test('a message that is none, or an option that is none, is refused and harms nothing', async (t) => {
  const { socket, tell } = await open({})
  for (const message of [7, null, undefined, {}, ['a']]) {
    t.throws(() => socket.send(message as never), { code: 'ERR_INVALID_CHUNK' })
    t.throws(() => void socket.write(message as never), { code: 'ERR_INVALID_CHUNK' })
  }
  t.throws(() => socket.send('a', { compres: true } as never), { code: 'ERR_INVALID_OPTION' })
  t.throws(() => socket.send('a', { binary: 1 } as never), { code: 'ERR_INVALID_OPTION' })
  t.throws(() => socket.send('a', { fragment: 5 } as never), { code: 'ERR_INVALID_OPTION' })
  t.throws(() => socket.send('a', true as never), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => void socket.write('a', null as never), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => void socket.write('a', { fragment: -1 }), { code: 'ERR_INVALID_OPTION', instanceOf: RangeError })
  t.throws(() => socket.ping('x'.repeat(126)), { code: 'ERR_INVALID_ARGUMENT', instanceOf: RangeError })
  t.throws(() => socket.setOverflow('newest' as never, 1), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => socket.setOverflow('latest', 1.5), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => socket.cork(undefined as never), { code: 'ERR_INVALID_ARGUMENT' })
  t.deepEqual(await tell(() => socket.send('fine')).then(told), ['fine'])
})

test('a fast program is told to wait, and when to go on', async (t) => {
  let drains = 0
  const { socket, tell, name } = await open({ drain: () => drains++ }, { writeBuffer: 1024 })
  const chunk = 'x'.repeat(300)
  const results: string[] = []
  const sent = await tell(() => {
    for (let i = 0; i < 4; i++) results.push(socket.send(chunk))
  })
  t.deepEqual(results, ['sent', 'sent', 'sent', 'buffered'])
  t.deepEqual(
    sent.map(({ socket: record }) => record!.flags!.includes('WANT_DRAIN')),
    [false, true, false, false],
  )
  await tell((batch) => batch.drained(100, name))
  t.is(drains, 1)
  t.is(socket.send(chunk), 'sent')
  // Asked for again, but nobody was told to wait.
  socket.send(chunk)
  await tell((batch) => batch.drained(0, name))
  t.is(drains, 1)
})

test('bufferedAmount is what waits here, on its way, and in the core', async (t) => {
  const { socket, lane, tell, name } = await open({})
  const info = { localAddress: '', localPort: 0, bytesRead: 0, bytesWritten: 0 }
  socket.send('grün')
  lane.connections = { ...info, queued: 100, received: 0 }
  t.is(socket.bufferedAmount, 105)
  lane.connections = { ...info, queued: 3, received: 5 }
  t.is(socket.bufferedAmount, 3)
  lane.connections = null
  t.is(socket.bufferedAmount, 0)
  await tell((batch) => batch.socketClosed(1000, '', name))
  t.is(socket.bufferedAmount, 0)
})

test('writes are made one at a time and promise the bytes transferred', async (t) => {
  const { socket, tell, name } = await open({})
  const settled: unknown[] = []
  const sent = await tell(() => {
    socket.write('grün', { fragment: 2 }).then((bytes) => settled.push(bytes))
    socket.write(Buffer.from('second')).then((bytes) => settled.push(bytes))
    t.is(socket.send('behind'), 'buffered')
    socket.write('third').catch((error: unknown) => settled.push(error))
  })
  t.deepEqual(told(sent), ['grün'])
  t.like(sent[0]!.socket, { fragment: 2, flags: ['NOTIFY', 'COMPRESS'] })
  t.deepEqual(settled, [])
  const next = await tell((batch) => batch.sentMessage(sent[0]!.socket!.token!, 0, 5, name))
  t.deepEqual(told(next), ['second', 'behind'])
  t.deepEqual(settled, [5])
  const last = await tell((batch) => batch.sentMessage(next[0]!.socket!.token!, 0, 6, name))
  t.deepEqual(told(last), ['third'])
  await tell((batch) => batch.sentMessage(last[0]!.socket!.token!, 3, 0, name))
  t.is(settled[1], 6)
  t.like(settled[2], { code: 'ERR_WEBSOCKET_DROPPED', bytesTransferred: 0 })
})

test('a program that was told to wait behind a write is told when to go on', async (t) => {
  let drains = 0
  const { socket, tell, name } = await open({ drain: () => drains++ })
  const [first] = await tell(() => {
    void socket.write('first')
    void socket.write('second')
    t.is(socket.send('behind'), 'buffered')
    void socket.write('third')
  })
  const next = await tell((batch) => batch.sentMessage(first!.socket!.token!, 0, 5, name))
  t.deepEqual(told(next), ['second', 'behind'])
  t.true(next[0]!.socket!.flags!.includes('WANT_DRAIN'))
  await tell((batch) => batch.drained(0, name))
  t.is(drains, 0)
  const [last] = await tell((batch) => batch.sentMessage(next[0]!.socket!.token!, 0, 6, name))
  t.true(last!.socket!.flags!.includes('WANT_DRAIN'))
  await tell((batch) => batch.drained(0, name))
  t.is(drains, 1)
})

test('a write that fails says why and how far it came', async (t) => {
  const { socket, tell, name } = await open({})
  for (const [outcome, code] of [
    [1, 'ERR_WEBSOCKET_CLOSED'],
    [2, 'ERR_SERVER_CLOSED'],
    [16 + 32, 'ERR_WRITE_FAILED'],
  ] as const) {
    let promise: Promise<number>
    const [sent] = await tell(() => (promise = socket.write('message')))
    await tell((batch) => batch.sentMessage(sent!.socket!.token!, outcome, 3, name))
    await t.throwsAsync(promise!, { code })
    t.is(await promise!.catch(({ bytesTransferred }) => bytesTransferred), 3)
  }
})

test('writes that wait when the socket is closed fail, and so do later ones', async (t) => {
  const { socket, tell, name } = await open({})
  const first = socket.write('first')
  const second = socket.write('second')
  t.true(socket.close(1000, 'bye'))
  t.is(socket.readyState, ServerWebSocket.CLOSING)
  const late = socket.write('late')
  const sent = await tell((batch) => batch.socketClosed(1006, 'cut', { ...name, clean: false }))
  // The Close frame would have gone behind the second message.
  t.deepEqual(told(sent), ['first'])
  for (const promise of [first, second, late]) {
    await t.throwsAsync(promise, { code: 'ERR_WEBSOCKET_CLOSED' })
    t.is(await promise.catch(({ bytesTransferred }) => bytesTransferred), 0)
  }
})

test('a streamed message goes in parts, and others go on', async (t) => {
  const { socket, tell, name } = await open({})
  const settled: unknown[] = []
  const message = socket.stream({ compress: false })
  const sent = await tell(() => {
    message.write('one\ud83d').then((bytes) => settled.push(bytes))
    socket.send('between')
    message.write('\ude00two').then((bytes) => settled.push(bytes))
    message.end().then((bytes) => settled.push(bytes))
    t.throws(() => void message.write('late'), { code: 'ERR_WRITE_AFTER_END' })
  })
  t.deepEqual(
    sent.map(({ socket: record }) => [record!.text, record!.flags]),
    [
      ['one', ['NOTIFY', 'MORE', 'PART']],
      ['between', ['COMPRESS']],
      ['\u{1f600}two', ['NOTIFY', 'MORE', 'PART']],
      ['', ['NOTIFY', 'PART']],
    ],
  )
  await tell((batch) => {
    for (const { socket: record } of sent) if (record!.token !== 0) batch.sentMessage(record!.token!, 0, 1, name)
  })
  t.deepEqual(settled, [1, 1, 1])
})

test('a second streamed message waits for the end of the first, and for what was written before it', async (t) => {
  const { socket, tell, name } = await open({})
  const first = socket.stream()
  const second = socket.stream()
  const sent = await tell(() => {
    void first.write(Buffer.from('a'))
    void socket.write('whole')
    void second.write('b')
    void second.end('c')
    socket.send('last')
  })
  t.deepEqual(told(sent), ['a', 'whole'])
  t.true(sent[0]!.socket!.flags!.includes('BINARY'))
  t.deepEqual(told(await tell(() => first.end())), ['', 'b', 'c', 'last'])
  const lost = socket.stream()
  const part = lost.write('x')
  await tell((batch) => batch.socketClosed(1001, '', name))
  await t.throwsAsync(part, { code: 'ERR_WEBSOCKET_CLOSED' })
  await t.throwsAsync(lost.end(), { code: 'ERR_WEBSOCKET_CLOSED' })
})

test('closing sends a code and a reason once, and calls back at the end', async (t) => {
  const closed: unknown[] = []
  const { socket, tell, name } = await open({
    close(of, ...how) {
      closed.push(of.readyState, of.send('x'), ...how)
    },
  })
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, '1000', null, Number.NaN]) {
    t.throws(() => socket.close(code as number), { code: 'ERR_INVALID_ARGUMENT', instanceOf: RangeError })
  }
  t.throws(() => socket.close(1000, 'ü'.repeat(62)), { code: 'ERR_INVALID_ARGUMENT', instanceOf: RangeError })
  const sent = await tell(() => {
    t.true(socket.close(4999, 'ü'.repeat(61)))
    t.false(socket.close())
    t.is(socket.send('late'), 'closed')
    t.false(socket.ping())
  })
  t.deepEqual(told(sent), [['close', 4999, 'ü'.repeat(61)]])
  await tell((batch) => batch.socketClosed(4999, 'tschüs', name))
  t.deepEqual(closed, [3, 'closed', 4999, 'tschüs', true])
  t.is(socket.readyState, ServerWebSocket.CLOSED)
  t.deepEqual(
    [socket.terminate(), socket.close(), socket.pause(), socket.resume(), socket.setOverflow('close', 1)],
    [false, false, false, false, false],
  )
  t.deepEqual([socket.subscribe('a'), socket.unsubscribe('a'), socket.publish('a', 'b')], [false, false, false])
})

test('a close without a code, with a reason alone, and a cut', async (t) => {
  const first = await open({})
  t.deepEqual(told(await first.tell(() => first.socket.close())), [['close', 0, '']])
  const second = await open({})
  t.deepEqual(told(await second.tell(() => second.socket.close(undefined, 'why'))), [['close', 1000, 'why']])
  const third = await open({})
  const sent = await third.tell(() => {
    t.true(third.socket.terminate())
    t.is(third.socket.readyState, 2)
  })
  t.deepEqual(told(sent), [['terminate', 0, '']])
})

test('pings, pongs, and another rule for a slow client are handed over', async (t) => {
  const heard: unknown[] = []
  const { socket, tell, name } = await open({
    ping: (_, data) => heard.push('ping', data),
    pong: (_, data) => heard.push('pong', data),
    dropped: (_, what) => heard.push(what),
  })
  const sent = await tell((batch) => {
    batch.heartbeat('ping', 'hi', name).heartbeat('pong', '', name).dropped(2, 30, name)
    t.true(socket.ping('beat') && socket.pong(Buffer.from('b')) && socket.setOverflow('dropOldest', 4096))
    t.true(socket.setOverflow('close', Infinity))
  })
  t.deepEqual(
    sent.map(({ socket: { operation, text, argument, token } = {} }) => [operation, text ?? [argument, token]]),
    [
      ['ping', 'beat'],
      ['pong', 'b'],
      ['overflow', [2, 4096]],
      ['overflow', [0, 0xffff_ffff]],
    ],
  )
  t.deepEqual(heard, ['ping', Buffer.from('hi'), 'pong', Buffer.alloc(0), { messages: 2, bytes: 30 }])
})

test('what comes while a socket is paused is delivered later, in order, the end too', async (t) => {
  const got: unknown[] = []
  const { socket, tell, name } = await open({
    message(from, message) {
      got.push(message)
      if (message === 'two') from.pause()
      if (message === 'five') from.resume()
    },
    close: (_, code) => got.push(code),
  })
  const sent = await tell((batch) => {
    batch.message('one', name).message('two', name).message('three', name)
    batch.message('x'.repeat(20_000), { ...name, large: true })
  })
  t.deepEqual(told(sent), [['pause', 0, '']])
  t.deepEqual(got, ['one', 'two'])
  t.true(socket.isPaused)
  await tell((batch) => batch.message('four', name).socketClosed(1001, '', name))
  t.is(socket.readyState, 3)
  t.deepEqual(got, ['one', 'two'])
  socket.resume()
  t.deepEqual(got, ['one', 'two'])
  await settle()
  t.deepEqual(got, ['one', 'two', 'three', 'x'.repeat(20_000), 'four', 1001])
})

test('a socket that pauses again while it is given what was kept keeps the rest', async (t) => {
  const got: unknown[] = []
  const { socket, tell, name } = await open({
    message(from, message) {
      got.push(message)
      from.pause()
    },
  })
  await tell((batch) => batch.message('1', name).message('2', name).message('3', name))
  socket.resume()
  await settle()
  t.deepEqual(got, ['1', '2'])
  socket.resume()
  await tell((batch) => batch.message('4', name))
  t.deepEqual(got, ['1', '2', '3'])
  socket.resume()
  await settle()
  t.deepEqual(got, ['1', '2', '3', '4'])
})

test('terminating a paused socket drops what was kept', async (t) => {
  const got: unknown[] = []
  const { socket, tell, name } = await open({
    message: (_, message) => got.push(message),
    close: (_, code) => got.push(code),
  })
  socket.pause()
  await tell((batch) => batch.message('kept', name))
  socket.terminate()
  await tell((batch) => batch.socketClosed(1006, '', { ...name, clean: false }))
  t.deepEqual(got, [1006])
})

test('parts of a message are given as they come', async (t) => {
  const got: unknown[] = []
  const { tell, name } = await open({
    part: (_, data, info) => got.push(data, info),
  })
  await tell((batch) =>
    batch.message('a', { ...name, last: false }).message(Buffer.from('b'), { ...name, first: false }),
  )
  t.deepEqual(got, [
    'a',
    { isBinary: false, isFirst: true, isLast: false },
    Buffer.from('b'),
    { isBinary: true, isFirst: false, isLast: true },
  ])
})

test('a handler that throws or rejects is reported once, and closes its socket with 1011', async (t) => {
  for (const handlers of [
    {
      message() {
        throw new Error('bad')
      },
    },
    {
      message: async () => {
        throw new Error('bad')
      },
    },
    {
      async message() {
        await settle()
        throw new Error('bad')
      },
    },
    {
      message: () => ({
        // oxlint-disable-next-line unicorn/no-thenable
        get then() {
          throw new Error('bad')
        },
      }),
    },
    {
      ping() {
        throw new Error('bad')
      },
    },
  ] satisfies WebSocketDefinition[]) {
    const { socket, tell, name, reported, lane, server } = await open(handlers)
    const before = lane.sent.length
    await tell((batch) => batch.message('x', name).heartbeat('ping', '', name))
    await settle()
    t.deepEqual(told(lane.sent.slice(before)), [['close', 1011, '']])
    t.like(reported, { 0: { message: 'bad' }, 1: { server, socket }, length: 2 })
    t.is(socket.readyState, 2)
  }
})

test('a handler that throws at the end, or after it, is only reported', async (t) => {
  const { tell, name, reported } = await open({
    close() {
      throw new Error('bad')
    },
  })
  t.deepEqual(await tell((batch) => batch.socketClosed(1000, '', name)), [])
  t.like(reported, { 0: { message: 'bad' }, length: 2 })
})

test('a handler that passes on that its client has gone has nothing to report', async (t) => {
  const { tell, name, reported } = await open({
    async message(socket) {
      await socket.write('answer')
    },
  })
  await tell((batch) => batch.message('x', name))
  await tell((batch) => batch.socketClosed(1006, '', { ...name, clean: false }))
  await settle()
  t.deepEqual(reported, [])
})

test('subscriptions are counted by their topic, and gone with the socket', async (t) => {
  const { socket, tell, name, server, id } = await open({})
  const sent = await tell(() => {
    t.true(socket.subscribe('rooms/1') && socket.subscribe('rooms/+') && socket.subscribe('#'))
    t.false(socket.subscribe('rooms/1'))
    t.true(socket.isSubscribed('rooms/+') && !socket.isSubscribed('rooms/2'))
    t.deepEqual(socket.topics, ['rooms/1', 'rooms/+', '#'])
    t.is(server.subscriberCount('rooms/1'), 1)
    t.true(server.publish('rooms/1', 'rain', { compress: false }))
    t.true(socket.publish('rooms/grün', Buffer.from('sun')))
    t.true(socket.unsubscribe('rooms/1'))
    t.false(socket.unsubscribe('rooms/1'))
    t.is(server.subscriberCount('rooms/1'), 0)
  })
  t.deepEqual(told(sent), [
    ['subscribe', 'rooms/1'],
    ['subscribe', 'rooms/+'],
    ['subscribe', '#'],
    ['rooms/1', 'rain'],
    ['rooms/grün', 'sun'],
    ['unsubscribe', 'rooms/1'],
  ])
  t.like(sent[3]!.socket, { server: id, flags: [], except: [0, 0] })
  t.like(sent[4]!.socket, { flags: ['BINARY', 'COMPRESS', 'EXCEPT'], except: [name.connection, 0] })
  t.true(server.publish('a', 'x'.repeat(40_000)))
  await tell((batch) => batch.socketClosed(1000, '', name))
  t.deepEqual(socket.topics, [])
  t.is(server.subscriberCount('rooms/+'), 0)
  t.false(server.publish('rooms/1', 'nobody'))
})

test('a topic that is none is refused', async (t) => {
  const { socket, server } = await open({})
  for (const topic of ['', 'a+', 'a/#/b', '#a', '++', 7, null, 'a\0b', 'x'.repeat(4097)]) {
    t.throws(() => socket.subscribe(topic as string), { code: 'ERR_INVALID_ARGUMENT' }, String(topic))
    t.throws(() => server.publish(topic as string, ''), { code: 'ERR_INVALID_ARGUMENT' })
  }
  t.throws(() => server.publish('a/+', ''), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => server.publish('a', 7 as never), { code: 'ERR_INVALID_CHUNK' })
  t.false(createServer().publish('a', 'b'))
})

for (const [definition, message] of [
  [{ mesage() {} }, /no option mesage\. Did you mean message\?/],
  [{ message: 1 }, /option message has to be a function/],
  [{ message() {}, part() {} }, /option part has to be left out/],
  [{ protocols: 'chat' }, /option protocols has to be a list of names/],
  [{ protocols: ['a b'] }, /option protocols/],
  [{ textAs: 'text' }, /option textAs has to be "string" or "buffer"/],
  [{ overflow: 'drop' }, /option overflow/],
  [{ backlog: 1 }, /no option backlog\. Did you mean limits\.backlog\?/],
  [{ limits: { message: 0 } }, /option limits\.message/],
  [{ timeouts: { idle: -1 } }, /option timeouts\.idle/],
  [{ compression: 'deflate' }, /option compression has to be true, false, or an object/],
  [{ compression: { level: 0 } }, /option compression\.level/],
  [{ compression: { serverWindowBits: 8 } }, /option compression\.serverWindowBits/],
  [{ compression: { contextTakeover: 1 } }, /option compression\.contextTakeover/],
  [{ compression: { contextTakeover: { both: true } } }, /no option compression\.contextTakeover\.both/],
  [undefined, /options has to be an object/],
] as const) {
  test(`refuses the definition ${JSON.stringify(definition) ?? 'of nothing'} (${message.source})`, (t) => {
    t.throws(() => webSocket(definition as never), { code: 'ERR_INVALID_OPTION', message })
  })
}

test('a definition can be changed afterwards without any effect', (t) => {
  const definition: WebSocketDefinition = { textAs: 'buffer' }
  const route = webSocket(definition)
  definition.textAs = 'string'
  t.is(route.definition.textAs, 'buffer')
  t.true(Object.isFrozen(route.definition))
})

test('handlers of a socket see no store of another one', async (t) => {
  const { AsyncLocalStorage } = await import('node:async_hooks')
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const { tell, name } = await open({
    message(_socket, message) {
      seen.push(storage.getStore())
      storage.enterWith(message as string)
    },
    close: () => seen.push(storage.getStore()),
  })
  await tell((batch) => batch.message('a', name).message('b', name).socketClosed(1000, '', name))
  t.deepEqual(seen, [undefined, undefined, undefined])
})

test('promises of a handler go on before the next batch', async (t) => {
  const order: unknown[] = []
  const { lane, name } = await open({
    async message(_socket, message) {
      order.push(message)
      await undefined
      order.push(`${String(message)} later`)
    },
  })
  await lane.deliver(new Batch().message('1', name), new Batch().message('2', name))
  t.deepEqual(order, ['1', '1 later', '2', '2 later'])
})
