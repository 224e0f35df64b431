import test from 'ava'
import { createServer } from '#dist/index'
import { Wire } from './_helpers/wire'

// Connections accepted by hand, over real sockets.

const ask = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

test('each connection waits to be accepted, and goes to the handler it was accepted for', async (t) => {
  const server = createServer((_request, response) => response.end('own'))
  const { port } = await server.listen({ host: '127.0.0.1', accept: 'manual' })
  t.true(server.shouldAcceptRequest())
  const [one, two, three] = [await Wire.open(port), await Wire.open(port), await Wire.open(port)]
  for (const wire of [one, two, three]) wire.send(ask + ask)
  t.is(server.stats().accepted, 0)

  await server.acceptRequest((_request, response) => response.end('first'))
  t.is(server.stats().accepted, 1)
  for (let i = 0; i < 2; i++) t.is((await one.finalAnswer()).body.toString(), 'first')
  await Promise.all([server.acceptRequest(), server.acceptRequest((_request, response) => response.end('third'))])
  const bodies = [await two.finalAnswer(), await three.finalAnswer()].map(({ body }) => body.toString())
  t.deepEqual(bodies.sort(), ['own', 'third'])
  t.is(server.stats().accepted, 3)

  const waiting = server.acceptRequest()
  const closed = t.throwsAsync(waiting, { code: 'ERR_SERVER_CLOSED' })
  await server.close({ timeout: 0 })
  await closed
  for (const wire of [one, two, three]) wire.destroy()
})

test('a server that accepts by hand answers routes and what nobody takes', async (t) => {
  const server = createServer({ accept: 'manual', host: '127.0.0.1' })
  server.get('/', (_request, response) => response.end('route'))
  const { port } = await server.listen()
  const accepted = server.acceptRequest()
  const wire = await Wire.open(port)
  await accepted
  t.is((await wire.ask(ask)).body.toString(), 'route')
  t.is((await wire.ask('GET /none HTTP/1.1\r\nhost: a\r\n\r\n')).status, 404)
  wire.destroy()
  await server.close({ timeout: 0 })
})

test('shouldAcceptRequest knows the table of descriptors', async (t) => {
  const server = createServer()
  t.true(server.shouldAcceptRequest(5))
  if (process.platform === 'linux') t.false(server.shouldAcceptRequest(2 ** 31))
})
