import ava from 'ava'
import { createServer } from '#dist/index'
import { useBinding } from '#dist/binding'
import { Batch, fakeBinding, lanes } from './_helpers/fake-lane'
import { serve, settle } from './_helpers/serve'

useBinding(fakeBinding)
const test = ava.serial

test('listen gives the address, and shows it', async (t) => {
  const server = createServer({ host: '127.0.0.1' })
  t.false(server.listening)
  t.is(server.address, null)
  const address = await server.listen({ port: 8080 })
  t.deepEqual(address, { address: '127.0.0.1', port: 8080, family: 'IPv4', url: 'http://127.0.0.1:8080' })
  t.is(server.address, address)
  t.true(server.listening)
})

test('an address of all interfaces has a url that can be opened', async (t) => {
  t.is((await createServer().listen(8081)).url, 'http://localhost:8081')
  t.is((await createServer({ host: '0.0.0.0' }).listen(8082)).url, 'http://localhost:8082')
  t.is((await createServer({ host: '::1' }).listen(8083)).url, 'http://[::1]:8083')
  t.is(lanes[0]!.listened.at(-3)!['host'], '::')
})

test('a Unix domain socket has a path and no url', async (t) => {
  const address = await createServer().listen({ path: '/tmp/x.sock' })
  t.deepEqual(address, { address: '/tmp/x.sock', port: 0, family: 'unix', path: '/tmp/x.sock' })
  t.like(lanes[0]!.listened.at(-1), { path: '/tmp/x.sock', host: undefined, port: 0 })
  t.is((await createServer({ path: '/tmp/y.sock' }).listen()).path, '/tmp/y.sock')
})

test('a host name is looked up', async (t) => {
  const { address } = await createServer().listen({ host: 'localhost', port: 1 })
  t.regex(address, /^(127\.0\.0\.1|::1)$/)
})

test('a name nobody knows rejects with ENOTFOUND, host and port', async (t) => {
  const server = createServer()
  const error = await t.throwsAsync(server.listen({ host: 'no-such-host.invalid', port: 7 }))
  t.like(error, { address: 'no-such-host.invalid', port: 7, syscall: 'getaddrinfo' })
  t.regex((error as NodeJS.ErrnoException).code!, /^(ENOTFOUND|EAI_AGAIN)$/)
  t.false(server.listening)
})

test('an error of the system rejects with its code, and the server can try again', async (t) => {
  const server = createServer({ host: '127.0.0.1' })
  lanes[0]!.listenError = new Error('EADDRINUSE: Address already in use (os error 98)')
  await t.throwsAsync(server.listen(9), { code: 'EADDRINUSE', message: /127\.0\.0\.1:9.*another port/ })
  t.is((await server.listen(9)).port, 9)
})

test('without IPv6 all addresses of IPv4 are listened on', async (t) => {
  lanes[0]!.listenError = new Error('EAFNOSUPPORT: Address family not supported (os error 97)')
  t.is((await createServer().listen(10)).address, '0.0.0.0')
  lanes[0]!.listenError = new Error('EACCES: Permission denied (os error 13)')
  await t.throwsAsync(createServer().listen(80), { code: 'EACCES' })
})

test('listening twice gives the same address, elsewhere is refused', async (t) => {
  const server = createServer({ host: '127.0.0.1' })
  const before = lanes[0]!.listened.length
  const [one, two] = await Promise.all([server.listen(11), server.listen(11)])
  t.is(one, two)
  t.is(await server.listen(), one)
  t.is(await server.listen({ host: '127.0.0.1', port: 11 }), one)
  t.is(lanes[0]!.listened.length, before + 1)
  await t.throwsAsync(server.listen(12), { code: 'ERR_ALREADY_LISTENING', message: /127\.0\.0\.1 port 11/ })
  await t.throwsAsync(server.listen({ path: '/tmp/x' }), { code: 'ERR_ALREADY_LISTENING' })
  await t.throwsAsync(server.listen({ prot: 1 } as never), { code: 'ERR_INVALID_OPTION' })
  await t.throwsAsync(server.listen('x' as never), { code: 'ERR_INVALID_OPTION' })
})

test('close resolves when the core says so, and again', async (t) => {
  const { server, lane, id, tell } = await serve(() => {})
  let closed = 0
  const first = server.close({ timeout: 1000 }).then(() => closed++)
  t.false(server.listening)
  t.is(server.address, null)
  const second = server.close().then(() => closed++)
  await settle()
  t.is(closed, 0)
  t.deepEqual(lane.closed.slice(-2), [
    { server: id, timeout: 1000 },
    { server: id, timeout: -1 },
  ])
  await tell((batch) => batch.serverClosed(id))
  await Promise.all([first, second])
  t.is(closed, 2)
  await server.close()
  t.deepEqual(lane.forgotten.slice(-1), [id])
  await tell((batch) => batch.serverClosed(id))
})

test('closing what does not listen resolves at once, a bad timeout is refused', async (t) => {
  const server = createServer()
  await server.close()
  await t.throwsAsync(server.close({ timeout: -1 }), { code: 'ERR_INVALID_OPTION' })
  await t.throwsAsync(server.close({ timeout: '1' as never }), { code: 'ERR_INVALID_OPTION' })
})

test('what other servers take as further arguments is refused, not passed over', async (t) => {
  const callback = (): void => t.fail()
  const server = createServer()
  const listen = server.listen.bind(server) as (...given: unknown[]) => Promise<unknown>
  const refused = { code: 'ERR_INVALID_OPTION' }
  await t.throwsAsync(listen(0, callback), { ...refused, message: /one argument, but was given the function callback/ })
  await t.throwsAsync(listen(0, '127.0.0.1'), { ...refused, message: /"127\.0\.0\.1" as well/ })
  await t.throwsAsync(listen(0, undefined, callback), refused)
  t.false(server.listening)
  const websocket = server.websocket.bind(server) as (...given: unknown[]) => unknown
  t.throws(() => websocket('/', {}, callback), { ...refused, message: /2 arguments/ })
  t.throws(() => (createServer as (...given: unknown[]) => unknown)({}, callback), {
    ...refused,
    message: /option `handler`/,
  })
  await t.throwsAsync(server.close(callback as never), refused)
  await t.throwsAsync(server.close({ timeuot: 1 } as never), { ...refused, message: /Did you mean timeout/ })
})

test('a server that is about to listen is closed once it does', async (t) => {
  const server = createServer({ host: '127.0.0.1' })
  const opening = server.listen(13)
  const closing = server.close()
  await opening
  await settle()
  const lane = lanes[0]!
  t.is(lane.closed.at(-1)!.server, lane.listened.length)
  await lane.deliver(new Batch().serverClosed(lane.listened.length))
  await closing
  t.false(server.listening)
})

test('a closed server can listen again, also when asked before it is closed', async (t) => {
  const { server, id, tell } = await serve((_request, response) => void response.end('again'))
  void server.close()
  const again = server.listen({ port: 14 })
  await settle()
  t.false(server.listening)
  await tell((batch) => batch.serverClosed(id))
  t.is((await again).port, 14)
  const sent = await tell((batch) => batch.request({ server: lanes[0]!.listened.length, connection: 1 }))
  t.is(sent[0]!.body, 'again')
})

test('a server keeps the process alive while it listens or closes, unless told otherwise', async (t) => {
  const lane = lanes[0]!
  const idle = lane.references
  const one = await serve(() => {})
  const start = lane.references
  const two = await serve(() => {})
  t.is(lane.references, start, 'the lane is referenced once')
  void one.server.close()
  await one.tell((batch) => batch.serverClosed(one.id))
  two.server.unref()
  two.server.unref()
  t.is(two.server.ref(), two.server)
  t.is(lane.references, start)
  const three = createServer({ host: '127.0.0.1' }).unref()
  await three.listen(15)
  t.true(lane.references >= idle)
})

test('await using closes', async (t) => {
  const { server, id, tell } = await serve(() => {})
  const done = server[Symbol.asyncDispose]()
  await tell((batch) => batch.serverClosed(id))
  await done
  t.false(server.listening)
})

test('stats are zero before listening, and a snapshot', async (t) => {
  const stats = createServer().stats()
  t.deepEqual(
    [stats.connections, stats.requests, stats.pending, stats.queuedBytes, stats.errors.handler],
    [0, 0, 0, 0, 0],
  )
})

test('connection errors go to onError, and nowhere without one, except when they are ours', async (t) => {
  const reported: unknown[] = []
  const { tell, id, server } = await serve({
    onError: (error, context) => reported.push(error, context),
    handler: () => {},
  })
  await tell((batch) => batch.connectionError('ERR_HTTP_BARE_LF 1.2.3.4:5 A line ends badly.', id))
  const [error, context] = reported as [NodeJS.ErrnoException, { server: unknown; request?: unknown }]
  t.like(error, {
    code: 'ERR_HTTP_BARE_LF',
    message: 'A line ends badly. (from 1.2.3.4:5) (ERR_HTTP_BARE_LF)',
    remoteAddress: '1.2.3.4:5',
  })
  t.is(context.server, server)
  t.false('request' in context)

  const printed: unknown[] = []
  const { error: original } = console
  console.error = (text: unknown) => void printed.push((text as NodeJS.ErrnoException).code)
  try {
    const silent = await serve(() => {})
    await silent.tell((batch) => {
      batch.connectionError('ERR_HTTP_BARE_LF 1.2.3.4:5 A line ends badly.', silent.id)
      batch.connectionError('ERR_ACCEPT - Too many open files', silent.id)
    })
  } finally {
    console.error = original
  }
  t.deepEqual(printed, ['ERR_ACCEPT'])
})

test('without a handler every request is answered 404', async (t) => {
  const { tell, id } = await serve({})
  t.like(await tell((batch) => batch.request({ server: id, connection: 2 })), {
    0: { status: 404, body: 'Not Found\n' },
  })
})

test('a request for a server that has gone is answered all the same', async (t) => {
  const { tell } = await serve({})
  t.like(await tell((batch) => batch.request({ server: 9999, connection: 3 })), { 0: { kind: 'RESPOND', status: 500 } })
})

test('servers of one thread share its lane', async (t) => {
  const [one, two] = [await serve((_, response) => response.end('1')), await serve((_, response) => response.end('2'))]
  const sent = await one.tell((batch) => {
    for (const { id } of [one, two, one, two]) batch.request({ server: id, connection: 4 })
  })
  t.is(sent.map(({ body }) => body).join(''), '1212')
  t.is(lanes.length, 1)
})
