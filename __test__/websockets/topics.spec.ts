import test from 'ava'
import { webSocket, type WebSocketRoute } from '#dist/index'
import { serve, type Client } from './served'

/** `sub topic` and `unsub topic` subscribe and unsubscribe, `topic=message` publishes to the others. */
const room = (): WebSocketRoute =>
  webSocket({
    message(socket, given) {
      const message = String(given)
      if (message.startsWith('sub ')) socket.send(String(socket.subscribe(message.slice(4))))
      else if (message.startsWith('unsub ')) socket.send(String(socket.unsubscribe(message.slice(6))))
      else {
        const [topic, text] = message.split('=')
        socket.send(String(socket.publish(topic, text)))
      }
    },
  })

test('what is published reaches all who want it, once each, and no other', async (t) => {
  const { open, server } = await serve(t, { '/': room() })
  const clients: Client[] = []
  for (const topics of [['news/rain'], ['news/+'], ['#', 'news/rain', 'news/+'], ['news'], ['other/#'], []]) {
    const client = await open()
    for (const topic of topics) t.is(await client.ask(`sub ${topic}`), 'true')
    clients.push(client)
  }
  t.is(server.subscriberCount('news/rain'), 2)
  t.true(server.publish('news/rain', 'wet'))
  t.true(server.publish('end', 'end'))
  for (const client of clients.slice(0, 3)) t.is(await client.next(), 'wet')
  t.is(await clients[2].next(), 'end')
  // The others have got nothing before what they are answered now.
  for (const client of clients) t.is(await client.ask('sub z'), 'true')
})

test('a socket that publishes does not get its own', async (t) => {
  const { open } = await serve(t, { '/': room() })
  const [one, two] = [await open(), await open()]
  for (const client of [one, two]) await client.ask('sub a')
  t.is(await one.ask('a=hello'), 'true')
  t.is(await two.next(), 'hello')
  t.is(await two.ask('a=back'), 'true')
  t.is(await one.next(), 'back')
})

test('unsubscribing ends it, closing too', async (t) => {
  const { open, server } = await serve(t, { '/': room() })
  const [one, two] = [await open(), await open()]
  for (const client of [one, two]) await client.ask('sub a')
  t.is(await one.ask('unsub a'), 'true')
  t.is(await one.ask('unsub a'), 'false')
  server.publish('a', 'news')
  t.is(await two.next(), 'news')
  t.is(await one.ask('sub b'), 'true')
  two.socket.close()
  await two.closed
  while (server.subscriberCount('a') !== 0) await one.ask('sub c')
  t.is(server.subscriberCount('b'), 1)
  t.true(server.publish('b', 'last'))
  // Both answers of the loop above come first.
  let message = await one.next()
  while (message !== 'last') message = await one.next()
  t.is(message, 'last')
})

test('published and sent messages of one socket keep their order, whatever their size', async (t) => {
  const { open, server } = await serve(t, {
    '/': webSocket({
      open: (socket) => socket.subscribe('a'),
      message(socket) {
        for (let i = 0; i < 300; i += 3) {
          socket.send(`${i}`)
          server.publish('a', `${i + 1}`.padEnd(i % 2 === 0 ? 10 : 60_000))
          socket.send(Buffer.from(`${i + 2}`.padEnd(i % 2 === 0 ? 40_000 : 10)))
        }
      },
    }),
  })
  const client = await open()
  client.socket.send('go')
  for (let i = 0; i < 300; i++) t.is(String(await client.next()).trim(), String(i))
})

test('text and bytes are published as they are, to compressing sockets too', async (t) => {
  const { open, server } = await serve(t, {
    '/plain': webSocket({ open: (socket) => socket.subscribe('a') }),
    '/compressed': webSocket({ open: (socket) => socket.subscribe('a'), compression: { contextTakeover: true } }),
  })
  const clients = [await open('/plain'), await open('/compressed', [], { perMessageDeflate: true })]
  // The client may hear of it first.
  while (server.subscriberCount('a') < 2) await new Promise((resolve) => setImmediate(resolve))
  const text = 'grün '.repeat(5000)
  server.publish('a', text)
  server.publish('a', Buffer.from(text))
  server.publish('a', text, { compress: false })
  server.publish('a', Buffer.from('as text'), { binary: false })
  for (const client of clients) {
    t.is(await client.next(), text)
    t.deepEqual(await client.next(), Buffer.from(text))
    t.is(await client.next(), text)
    t.is(await client.next(), 'as text')
  }
})

test('half of the subscribers vanish while something is published, and the others get all of it', async (t) => {
  const { open, server } = await serve(t, { '/': room() })
  const clients = await Promise.all(Array.from({ length: 40 }, () => open()))
  for (const client of clients) await client.ask('sub a')
  for (let i = 0; i < 100; i++) {
    server.publish('a', `${i}`)
    if (i % 5 === 0) clients.splice(0, 1)[0].socket.terminate()
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const client of clients) for (let i = 0; i < 100; i++) t.is(await client.next(), `${i}`)
  t.true(server.stats().websockets.published >= clients.length * 100)
})
