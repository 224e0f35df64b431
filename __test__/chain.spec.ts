import { AsyncLocalStorage } from 'node:async_hooks'
import ava from 'ava'
import { createServer, DECLINED, type CodedError, type Handler } from '#dist/index'
import { serve, settle } from './_helpers/serve'

const test = ava.serial
let connection = 1200

const decline: Handler = () => DECLINED
const declineLater: Handler = async () => {
  await settle()
  return DECLINED
}

test('a handler that declines leaves the request to the next, and no trace on the response', async (t) => {
  const { ask } = await serve([
    (_request, response) => {
      response.status = 418
      response.reason = 'Not Me'
      response.setHeader('x-first', '1')
      response.trailers({ 'x-end': '1' })
      return DECLINED
    },
    (_request, response) => {
      t.deepEqual(
        [response.status, response.reason, response.getHeaderNames(), response.headersSent],
        [200, '', [], false],
      )
      response.setHeader('x-second', '2')
      response.end('second')
    },
  ])
  const sent = await ask({ connection: ++connection })
  t.like(sent, { 0: { kind: 'RESPOND', status: 200, reason: '', body: 'second' }, length: 1 })
  t.is(sent[0]!.fields, 'x-second: 2\r\n')
})

test('declining may take its time, and so may the next', async (t) => {
  const { ask, lane } = await serve([
    declineLater,
    decline,
    declineLater,
    async (request, response) => {
      await settle()
      response.end(request.path)
    },
  ])
  const before = lane.sent.length
  await ask({ connection: ++connection, target: '/late' })
  for (let turns = 0; turns < 8; turns++) await settle()
  t.deepEqual(
    lane.sent.slice(before).map(({ kind, body }) => [kind, body]),
    [['RESPOND', '/late']],
  )
})

test('a route’s handlers come before the server’s, and 501 after all', async (t) => {
  const order: string[] = []
  const note =
    (name: string): Handler =>
    () => {
      order.push(name)
      return DECLINED
    }
  const server = createServer({ handler: [note('server'), note('last')] })
  server.get('/', [note('first'), note('second')])
  const { ask } = await serve(server)
  const routed = await ask({ connection: ++connection, route: 1 })
  t.like(routed, { 0: { status: 501, body: 'Not Implemented\n' }, length: 1 })
  t.deepEqual(order.splice(0), ['first', 'second', 'server', 'last'])
  t.like(await ask({ connection: ++connection }), { 0: { status: 501 }, length: 1 })
  t.deepEqual(order, ['server', 'last'])
})

test('a route that declines on a server without a handler is answered 501, no route at all 404', async (t) => {
  const server = createServer()
  server.get('/', decline)
  const { ask } = await serve(server)
  t.like(await ask({ connection: ++connection, route: 1 }), { 0: { status: 501 } })
  t.like(await ask({ connection: ++connection, target: '/other' }), { 0: { status: 404 } })
})

test('declining after something was sent is an error: a begun answer is cut, a complete one stays', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push((error as CodedError).code),
    handler: [
      (request, response) => {
        if (request.path === '/begun') response.write('half')
        else response.end('all')
        return DECLINED
      },
      () => t.fail('was asked'),
    ],
  })
  const begun = await ask({ connection: ++connection, target: '/begun' })
  t.deepEqual(
    begun.map(({ kind }) => kind),
    ['HEAD', 'CHUNK', 'RESET'],
  )
  t.like(await ask({ connection: ++connection }), { 0: { body: 'all' }, length: 1 })
  t.deepEqual(reported, ['ERR_DECLINED_LATE', 'ERR_DECLINED_LATE'])
})

test('a later handler that throws or rejects is reported once and answers 500', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push(error),
    handler: [
      decline,
      (request) => {
        if (request.path === '/throws') throw 'thrown'
        return Promise.reject('rejected')
      },
    ],
  })
  t.like(await ask({ connection: ++connection, target: '/throws' }), { 0: { status: 500 }, length: 1 })
  t.like(await ask({ connection: ++connection, target: '/rejects' }), { 0: { status: 500 }, length: 1 })
  t.deepEqual(reported, ['thrown', 'rejected'])
})

test('a handler that declines a request whose client has gone leaves it at that', async (t) => {
  let go!: () => void
  const { ask, tell, lane } = await serve([
    () => new Promise((resolve) => (go = () => resolve(DECLINED))),
    () => t.fail('was asked'),
  ])
  const name = { connection: ++connection }
  await ask(name)
  await tell((batch) => batch.abort(2, name))
  const before = lane.sent.length
  go()
  await settle()
  t.is(lane.sent.length, before)
})

test('the body goes to whoever reads it', async (t) => {
  const { ask } = await serve([
    declineLater,
    async (request, response) => response.end((await request.text()).toUpperCase()),
  ])
  const sent = await ask({ connection: ++connection, method: 'POST', inline: 'body' })
  t.is(sent.at(-1)?.body ?? (await settle(), sent.at(-1)?.body), 'BODY')
})

test('what a handler enters before it declines is not seen by other requests', async (t) => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const { tell, id } = await serve([
    (request) => {
      seen.push(storage.getStore())
      storage.enterWith(request.path)
      return DECLINED
    },
    (_request, response) => response.end('x'),
  ])
  await tell((batch) => {
    for (const target of ['/1', '/2', '/3']) batch.request({ server: id, connection: ++connection, target })
  })
  t.deepEqual(seen, [undefined, undefined, undefined])
})

test('a list given to a server or a route is copied', async (t) => {
  const handlers: Handler[] = [(_request, response) => response.end('first')]
  const { ask } = await serve({ handler: handlers })
  handlers[0] = () => t.fail('was changed')
  t.is((await ask({ connection: ++connection }))[0]!.body, 'first')
})
