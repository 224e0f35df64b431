import { once } from 'node:events'
import test from 'ava'
import { WebSocket as UndiciWebSocket } from 'undici'
import { webSocket } from '#dist/index'
import { HTTP, WS } from '../_helpers/transport'
import { until } from '../answers/served'
import { Deferred, serve } from './served'

test('undici’s WebSocket talks to it, as that of browsers does', async (t) => {
  const ended = new Deferred<unknown[]>()
  const { port } = await serve(t, {
    '/': webSocket({
      protocols: ['chat'],
      compression: true,
      message: (socket, message) => socket.send(message),
      close: (_socket, ...how) => ended.resolve(how),
    }),
  })
  const socket = new UndiciWebSocket(`${WS}://127.0.0.1:${port}/`, ['other', 'chat'])
  socket.binaryType = 'arraybuffer'
  await once(socket as never, 'open')
  t.is(socket.protocol, 'chat')
  const ask = async (data: string | ArrayBuffer): Promise<unknown> => {
    const answer = new Promise((resolve) => {
      socket.addEventListener('message', (event: { data: unknown }) => resolve(event.data), { once: true })
    })
    socket.send(data)
    return answer
  }
  t.is(await ask('grün'), 'grün')
  t.is(await ask('x'.repeat(100_000)), 'x'.repeat(100_000))
  const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at).buffer
  t.deepEqual(Buffer.from((await ask(bytes)) as ArrayBuffer), Buffer.from(bytes))
  const closed = new Promise<{ code: number; wasClean: boolean }>((resolve) => {
    socket.addEventListener('close', resolve as never)
  })
  socket.close(3333, 'bye')
  t.like(await closed, { code: 3333, wasClean: true })
  t.deepEqual(await ended.promise, [3333, 'bye', true])
})

test('many clients talk at once', async (t) => {
  const { open, server } = await serve(t, {})
  const clients = await Promise.all(Array.from({ length: 200 }, () => open('/next')))
  await Promise.all(
    clients.map(async (client, id) => {
      for (let i = 0; i < 20; i++) t.is(await client.ask(`${id} ${i}`), `${id} ${i}`)
    }),
  )
  t.is(server.stats().websockets.open, 200)
  for (const { socket } of clients) socket.close()
  await Promise.all(clients.map(({ closed }) => closed))
  while (server.stats().websockets.open > 0) await new Promise((resolve) => setImmediate(resolve))
  t.like(server.stats().websockets, { open: 0, opened: 200, messagesReceived: 4000, messagesSent: 4000 })
})

test('requests and WebSockets share a server', async (t) => {
  const { port, open } = await serve(t, { '/plain': (_request, response) => response.end('plain') })
  const client = await open('/next')
  const answer = await fetch(`${HTTP}://127.0.0.1:${port}/plain`)
  t.is(await answer.text(), 'plain')
  t.is(await client.ask('x'), 'x')
})

test('a ping is answered with what it came with, and told to who asks', async (t) => {
  const pings: string[] = []
  const { open } = await serve(t, {
    '/': webSocket({ ping: (_socket, data) => pings.push(String(data)), open: (socket) => socket.ping('from here') }),
  })
  const client = await open()
  client.socket.ping('beat')
  const [data] = (await once(client.socket, 'pong')) as [Buffer]
  t.is(String(data), 'beat')
  // The core answers, and tells JavaScript afterwards.
  await until(() => pings.length > 0)
  t.deepEqual(pings, ['beat'])
})
