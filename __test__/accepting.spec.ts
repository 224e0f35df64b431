import ava from 'ava'
import { useBinding } from '#dist/binding'
import { createServer, DECLINED, type Handler, type Request, type Response } from '#dist/index'
import { fakeBinding } from './_helpers/fake-lane'
import { serve, settle } from './_helpers/serve'

useBinding(fakeBinding)
const test = ava.serial
let connection = 1500

const say =
  (text: string): Handler =>
  (_request: Request, response: Response) =>
    response.end(text)

/** Waits for a connection, and says whether it has come. */
function waiting(promise: Promise<void>): { come: boolean } {
  const state = { come: false }
  void promise.then(() => (state.come = true))
  return state
}

test('acceptRequest asks the core for one connection, and resolves when it has come', async (t) => {
  const { server, lane, id, tell } = await serve({ accept: 'manual', handler: say('own') })
  t.like(lane.listened.at(-1), { pullAccept: true })
  const first = waiting(server.acceptRequest())
  const second = waiting(server.acceptRequest())
  await settle()
  t.deepEqual(lane.acceptsAsked.slice(-2), [
    { server: id, count: 1 },
    { server: id, count: 1 },
  ])
  t.deepEqual([first.come, second.come], [false, false])
  await tell((batch) => batch.accepted(++connection, 0, id))
  t.deepEqual([first.come, second.come], [true, false])
  await tell((batch) => batch.accepted(++connection, 0, id))
  t.true(second.come)
})

test('all requests of a connection go to the handler it was accepted for, those of others do not', async (t) => {
  const { server, id, tell } = await serve({ accept: 'manual', handler: say('own') })
  void server.acceptRequest(say('one'))
  void server.acceptRequest([() => DECLINED, say('two')])
  void server.acceptRequest()
  const [one, two, three] = [++connection, ++connection, ++connection]
  const sent = await tell((batch) => {
    batch.accepted(one, 4, id).accepted(two, 0, id).accepted(three, 0, id)
    for (const name of [one, two, three]) {
      for (const sequence of [0, 1]) {
        batch.request({ server: id, connection: name, generation: name === one ? 4 : 0, sequence })
      }
    }
  })
  t.is(sent.map(({ body }) => body).join(), 'one,one,two,two,own,own')
})

test('a number used again does not inherit the handler', async (t) => {
  const { server, id, ask, tell } = await serve({ accept: 'manual', handler: say('own') })
  void server.acceptRequest(say('one'))
  await tell((batch) => batch.accepted(++connection, 1, id))
  t.is((await ask({ connection, generation: 2 }))[0]!.body, 'own')
  void server.acceptRequest()
  await tell((batch) => batch.accepted(connection, 1, id))
  t.is((await ask({ connection, generation: 1, sequence: 1 }))[0]!.body, 'own')
})

test('routes go before the handler, which is asked when they decline, and 501 after that', async (t) => {
  const server = createServer({ accept: 'manual', host: '127.0.0.1' })
  server.get('/', say('route')).get('/declines', () => DECLINED)
  const { id, tell, ask } = await serve(server)
  void server.acceptRequest([
    (request, response) => (request.path === '/none' ? DECLINED : void response.end('accepted')),
    () => DECLINED,
  ])
  await tell((batch) => batch.accepted(++connection, 0, id))
  t.is((await ask({ connection, route: 1 }))[0]!.body, 'route')
  t.is((await ask({ connection, sequence: 1, route: 2, target: '/declines' }))[0]!.body, 'accepted')
  t.is((await ask({ connection, sequence: 2, target: '/none' }))[0]!.status, 501)
  t.is((await ask({ connection: ++connection }))[0]!.status, 404)
})

test('closing the server rejects who waits, and nobody has to look', async (t) => {
  const { server, id, tell } = await serve({ accept: 'manual' })
  const waits = [server.acceptRequest(), server.acceptRequest(say('x'))]
  void server.acceptRequest()
  const closing = server.close()
  for (const wait of waits) await t.throwsAsync(wait, { code: 'ERR_SERVER_CLOSED' })
  await tell((batch) => batch.accepted(++connection, 0, id).serverClosed(id))
  await closing
  await t.throwsAsync(server.acceptRequest(), { code: 'ERR_NOT_ACCEPTING', message: /does not listen/ })
})

test('acceptRequest wants a server that listens by hand, and a handler', async (t) => {
  const server = createServer({ host: '127.0.0.1' })
  await t.throwsAsync(server.acceptRequest(), { code: 'ERR_NOT_ACCEPTING' })
  await server.listen()
  await t.throwsAsync(server.acceptRequest(), { code: 'ERR_NOT_ACCEPTING', message: /accepts connections by itself/ })
  const manual = createServer({ host: '127.0.0.1' })
  await manual.listen({ accept: 'manual' })
  await t.throwsAsync(manual.acceptRequest('x' as never), { code: 'ERR_INVALID_OPTION' })
  await t.throwsAsync(createServer().listen({ accept: 'pull' as never }), { code: 'ERR_INVALID_OPTION' })
})

test('shouldAcceptRequest counts descriptors', async (t) => {
  const { server, lane } = await serve({ accept: 'manual' })
  lane.descriptorTable = { open: 90, limit: 96 }
  t.true(server.shouldAcceptRequest())
  t.false(server.shouldAcceptRequest(6))
  lane.descriptorTable = { open: 91, limit: 96 }
  t.false(server.shouldAcceptRequest())
  t.true(server.shouldAcceptRequest(0))
  lane.descriptorTable = { open: 1e6, limit: Infinity }
  t.true(server.shouldAcceptRequest(1e9))
  for (const wrong of [-1, 1.5, Number.NaN, '5']) {
    t.throws(() => server.shouldAcceptRequest(wrong as number), { code: 'ERR_INVALID_ARGUMENT' })
  }
})

test('that descriptors run short is told to onError, and printed without one', async (t) => {
  const reported: unknown[] = []
  const { tell, id } = await serve({ onError: (error) => reported.push(error) })
  const text = 'ERR_DESCRIPTORS_LOW - No connection is accepted.'
  await tell((batch) => batch.connectionError(text, id))
  t.like(reported[0], { code: 'ERR_DESCRIPTORS_LOW', message: 'No connection is accepted. (ERR_DESCRIPTORS_LOW)' })
  const printed: unknown[] = []
  const { error: original } = console
  console.error = (error: unknown) => void printed.push((error as { code: string }).code)
  try {
    const silent = await serve({})
    await silent.tell((batch) => batch.connectionError(text, silent.id))
  } finally {
    console.error = original
  }
  t.deepEqual(printed, ['ERR_DESCRIPTORS_LOW'])
})
