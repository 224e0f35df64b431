import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Client } from 'undici'
import { createServer, type CodedError, type Connection, type Handler } from '#dist/index'
import { Wire } from './_helpers/wire'

// The connection under a request, over real sockets.

test('shows both addresses and what has gone through, also when it is over', async (t) => {
  let connection: Connection | undefined
  const { port } = await serve(t, (request, response) => {
    connection ??= request.connection
    response.end('hello')
  })
  const wire = await Wire.open(port)
  const sent = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  wire.send(sent)
  const answer = await wire.answer()
  t.is(answer.body.toString(), 'hello')
  t.is(connection!.remoteAddress, '127.0.0.1')
  t.is(connection!.remotePort, wire.localPort)
  t.is(connection!.localAddress, '127.0.0.1')
  t.is(connection!.localPort, port)
  t.is(connection!.bytesRead, sent.length)
  // The client may have read before the core has counted.
  while (connection!.bytesWritten === 0) await turn()
  t.true(connection!.bytesWritten > answer.body.length)
  const written = connection!.bytesWritten
  wire.destroy()
  await untilGone(port)
  t.is(connection!.bytesWritten, written)
  t.is(connection!.localPort, port)
})

test('a connection of a Unix domain socket has counts and no addresses', async (t) => {
  const file = path.join(tmpdir(), `millrace-connection-${process.pid}.sock`)
  let connection!: Connection
  const server = createServer({
    handler: (request, response) => {
      ;({ connection } = request)
      response.end('hello')
    },
  })
  await server.listen({ path: file })
  t.teardown(() => server.close({ timeout: 0 }))
  const client = new Client('http://unix', { socketPath: file })
  t.teardown(() => client.destroy())
  await (await client.request({ method: 'GET', path: '/' })).body.text()
  t.true(connection.bytesRead > 0)
  const { remoteAddress, remotePort, localAddress, localPort } = connection
  t.deepEqual([remoteAddress, remotePort, localAddress, localPort], [undefined, undefined, undefined, undefined])
})

test('two requests of one connection have the same id, those of two connections have not', async (t) => {
  const { url } = await serve(t, (request, response) => response.end(request.connection.id))
  const [one, two] = [new Client(url), new Client(url)]
  t.teardown(() => Promise.all([one.destroy(), two.destroy()]))
  const ask = async (client: Client): Promise<string> =>
    (await client.request({ method: 'GET', path: '/' })).body.text()
  const ids = [await ask(one), await ask(one), await ask(two)]
  t.is(ids[0], ids[1])
  t.not(ids[0], ids[2])
})

test('reads a piece for each call and writes with a callback for each', async (t) => {
  const told: Array<CodedError | null> = []
  const { url } = await serve(t, (request, response) => {
    const { connection } = request
    t.is(request.connection, connection)
    connection.read(function echo(chunk, error, size, same) {
      t.is(error, null)
      t.is(same, connection)
      if (chunk === null) return void response.end()
      t.is(size, chunk.length)
      connection.write([chunk, '|'], (failed) => {
        told.push(failed)
        connection.read(echo)
      })
    })
  })
  const body = new ReadableStream({
    start(controller) {
      for (const word of ['one', 'two', 'three']) controller.enqueue(Buffer.from(word))
      controller.close()
    },
  })
  const answer = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)
  t.is((await answer.text()).replaceAll('|', ''), 'onetwothree')
  t.true(told.length > 0)
  t.true(told.every((error) => error === null))
})

test('after a failed write every later one fails with the same error', async (t) => {
  let resolve!: () => void
  const seen = new Promise<void>((done) => (resolve = done))
  let connection!: Connection
  const { port } = await serve(t, (request) => {
    connection = request.connection
    resolve()
  })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await seen
  t.false(connection.hasError)
  t.is(connection.error, null)
  socket.resetAndDestroy()
  const fail = (): Promise<CodedError> =>
    new Promise((told) => {
      const write = (): void =>
        void connection.write('x', (error) => (error === null ? setImmediate(write) : told(error)))
      write()
    })
  const first = await fail()
  t.is(await fail(), first)
  t.true(connection.hasError)
  t.is(connection.error, first)
})

test('read wants a callback', async (t) => {
  const { url } = await serve(t, (request, response) => {
    const error = t.throws(() => request.connection.read(undefined as never)) as CodedError
    response.end(error.code)
  })
  t.is(await (await fetch(url)).text(), 'ERR_INVALID_ARGUMENT')
})

async function untilGone(port: number): Promise<void> {
  // A later connection is served after the earlier one's end was seen.
  const socket = connect(port, '127.0.0.1')
  socket.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  socket.resume()
  await once(socket, 'close')
}

async function serve(t: ExecutionContext, handler: Handler): Promise<{ url: string; port: number }> {
  const server = createServer(handler)
  const { url, port } = await server.listen({ host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 0 }))
  return { url: url!, port }
}
