import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { DECLINED, webSocket } from '#dist/index'
import { Wire } from '../_helpers/wire'
import { until } from '../answers/served'
import { frameOf, HANDSHAKE, requestText, serve } from './served'

test('the handshake of RFC 6455 1.3 is answered as there', async (t) => {
  const { ask } = await serve(t, { '/': webSocket({}) })
  const answer = await ask('/', { Origin: 'http://example.com' })
  t.is(answer.status, 101)
  t.is(answer.header('upgrade')?.toLowerCase(), 'websocket')
  t.is(answer.header('connection')?.toLowerCase(), 'upgrade')
  t.is(answer.header('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  t.is(answer.header('sec-websocket-protocol'), undefined)
  t.is(answer.header('sec-websocket-extensions'), undefined)
})

for (const [what, status, headers] of [
  ['no upgrade', 426, { Upgrade: null }],
  ['another protocol', 426, { Upgrade: 'h2c' }],
  ['a connection that says nothing of it', 426, { Connection: 'keep-alive' }],
  ['an old version', 426, { 'Sec-WebSocket-Version': '8' }],
  ['no version', 426, { 'Sec-WebSocket-Version': null }],
  ['no key', 400, { 'Sec-WebSocket-Key': null }],
  ['a key that is too short', 400, { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
  ['a body', 400, { 'Content-Length': '1' }],
] as const) {
  test(`a request with ${what} is refused with ${status} before upgrade is asked`, async (t) => {
    let asked = 0
    const { ask, server } = await serve(t, { '/': webSocket({ upgrade: () => void asked++ }) })
    const answer = await ask('/', headers)
    t.is(answer.status, status)
    if (status === 426) t.is(answer.header('upgrade')?.toLowerCase(), 'websocket')
    if (what === 'an old version') t.is(answer.header('sec-websocket-version'), '13')
    t.is(asked, 0)
    t.is(server.stats().websockets.refused, 1)
  })
}

test('another method is refused with 405, HEAD too, and OPTIONS is answered', async (t) => {
  const { ask } = await serve(t, { '/': webSocket({}) })
  t.is((await ask('/', {}, 'HEAD')).status, 405)
  const options = await ask('/', {}, 'OPTIONS')
  t.is(options.status, 204)
  t.true(options.header('allow')!.includes('GET'))
  const answer = await ask('/', {}, 'POST')
  t.is(answer.status, 405)
  t.true(answer.header('allow')!.includes('GET'))
})

test('upgrade refuses with whatever it answers, at once or later, and the connection goes on', async (t) => {
  const { ask, raw } = await serve(t, {
    '/now': webSocket({
      upgrade(_request, response) {
        response.status = 401
        response.setHeader('www-authenticate', 'Basic')
        return response.end('who are you?')
      },
    }),
    '/later': webSocket({
      async upgrade(_request, response) {
        await sleep(1)
        response.status = 403
      },
    }),
    '/thrown': webSocket({
      upgrade() {
        throw new Error('secret')
      },
    }),
    '/declined': webSocket({ upgrade: () => DECLINED }),
    '/*rest': (_request, response) => response.end('ordinary'),
  })
  const now = await ask('/now', {})
  t.is(now.status, 401)
  t.is(now.header('www-authenticate'), 'Basic')
  t.is(now.body.toString(), 'who are you?')
  t.is((await ask('/later', {})).status, 403)
  const thrown = await ask('/thrown', {})
  t.is(thrown.status, 500)
  t.false(thrown.body.toString().includes('secret'))
  t.is((await ask('/declined', {})).status, 501)
  // The client of a refused request can ask for something else.
  const { wire } = await raw('/next')
  wire.destroy()
})

test('a refused client can ask again on its connection', async (t) => {
  const { port } = await serve(t, {
    '/:who': webSocket({
      upgrade: (request, response) => (request.params['who'] === 'no' ? response.end('no') : undefined),
      open: (socket) => socket.send('welcome'),
    }),
  })
  const wire = await Wire.open(port)
  t.teardown(() => wire.destroy())
  t.is((await wire.ask(requestText('/no', HANDSHAKE))).body.toString(), 'no')
  wire.send(requestText('/yes', HANDSHAKE))
  t.is((await wire.answer()).status, 101)
  t.is((await wire.bytes(9)).toString('latin1'), '\x81\x07welcome')
})

test('the first of the client’s protocols that is known is agreed on, or the one upgrade says', async (t) => {
  const { open } = await serve(t, {
    '/listed': webSocket({ protocols: ['b', 'c'], open: (socket) => socket.send(socket.protocol) }),
    '/chosen': webSocket({ upgrade: () => ({ protocol: 'a' }), open: (socket) => socket.send(socket.protocol) }),
  })
  const listed = await open('/listed', ['a', 'c', 'b'])
  t.is(await listed.next(), 'c')
  t.is(listed.socket.protocol, 'c')
  const chosen = await open('/chosen', ['b', 'a'])
  t.is(chosen.socket.protocol, 'a')
  await t.throwsAsync(open('/chosen', ['b']), { message: /500/ })
  await t.throwsAsync(open('/listed', ['x']), { message: /subprotocol/ })
})

test('parameters, query, headers and addresses of the request are known, also afterwards', async (t) => {
  let kept: { path: string; header: string | null } | undefined
  const { open } = await serve(t, {
    '/rooms/:room': webSocket({
      upgrade: (request) => ({
        headers: { 'x-room': request.params.room! },
        data: [request.params.room, request.searchParams.get('user')],
      }),
      open(socket, request) {
        setTimeout(() => {
          kept = { path: request.path, header: request.headers.get('x-mark') }
          socket.send(JSON.stringify([socket.data, socket.remoteAddress, socket.remotePort === request.remotePort]))
        }, 5)
      },
    }),
  })
  const client = await open('/rooms/gr%C3%BCn?user=7', [], { headers: { 'x-mark': 'here' } })
  t.deepEqual(JSON.parse((await client.next()) as string), [['grün', '7'], '127.0.0.1', true])
  t.deepEqual(kept, { path: '/rooms/gr%C3%BCn', header: 'here' })
})

test('an upgrade that takes too long is answered 503', async (t) => {
  const { ask } = await serve(t, {
    '/': webSocket({ upgrade: () => new Promise<void>(() => undefined), timeouts: { handshake: 50 } }),
  })
  t.is((await ask('/', {})).status, 503)
})

test('a client that leaves while upgrade waits opens nothing and is not reported', async (t) => {
  let go: (() => void) | undefined
  let opened = 0
  const { port, reported, server, open } = await serve(t, {
    '/': webSocket({
      upgrade: (request) =>
        new Promise<void>((resolve) => {
          request.signal.addEventListener('abort', () => resolve())
          go = resolve
        }),
      open: () => opened++,
    }),
  })
  const wire = await Wire.open(port)
  wire.send(requestText('/', HANDSHAKE))
  await until(() => go !== undefined)
  wire.reset()
  while (server.stats().connections !== 0) await sleep(1)
  const other = await open('/next')
  t.is(await other.ask('on'), 'on')
  t.is(opened, 0)
  t.deepEqual(reported, [])
})

test('what a client sends with its handshake is received', async (t) => {
  const { port } = await serve(t, {})
  const wire = await Wire.open(port)
  t.teardown(() => wire.destroy())
  wire.send(Buffer.concat([Buffer.from(requestText('/next', HANDSHAKE)), frameOf(1, 'early')]))
  t.is((await wire.answer()).status, 101)
  t.is((await wire.bytes(7)).toString('latin1'), '\x81\x05early')
})
