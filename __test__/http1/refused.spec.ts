import test, { type ExecutionContext } from 'ava'
import type { CodedError, ServerOptions } from '#dist/index'
import { createServer, OVER_TLS } from '../_helpers/transport'
import { Wire } from '../_helpers/wire'
import { LIMITS, REFUSED, type Refused } from './refused-messages'

// Each message goes to a server of its own over a socket, with a request behind it that must never be seen.

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const BODY = 'x'.repeat(512 * 1024)
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n'

for (const refused of REFUSED) {
  const { what, status, message, stalls } = refused
  const bytes = stalls === true ? message : message + SMUGGLED

  test(`refuses ${what} with ${status}, sent whole`, async (t) => {
    await refuses(t, refused, (wire) => wire.send(bytes))
  })

  test(`refuses ${what} with ${status}, sent byte by byte`, async (t) => {
    await refuses(t, refused, (wire) => wire.sendByteByByte(bytes))
  })
}

test('refuses a body that comes too slowly with 408, although it never stops', async (t) => {
  const served = await serve(t, { timeouts: { body: 100, minBodyRate: 1_000_000 }, limits: { bodyBytes: 1_000_000 } })
  const wire = await Wire.open(served.port)
  wire.send('POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n')
  const trickle = setInterval(() => wire.send('x'), 5)
  t.teardown(() => clearInterval(trickle))
  t.is((await wire.answer()).status, 408)
  t.deepEqual(await served.close(), ['ERR_BODY_TIMEOUT'])
})

test('closes a connection that never says anything without an answer', async (t) => {
  const served = await serve(t, { timeouts: { headers: 100, idle: 100 } })
  const wire = await Wire.open(served.port)
  t.is(await wire.closed(), 'ended')
  await served.close()
  t.deepEqual(served.paths, [])
})

test('answers the requests before a refused one first', async (t) => {
  const served = await serve(t, {})
  const wire = await Wire.open(served.port)
  wire.send(`${NEXT}${NEXT}GET /refused HTTP/1.1\r\n\r\n${SMUGGLED}`)
  t.deepEqual(
    [(await wire.answer()).status, (await wire.answer()).status, (await wire.answer()).status],
    [200, 200, 400],
  )
  t.is(await wire.closed(), 'ended')
  t.deepEqual(served.paths, ['/next', '/next'])
})

test('lets a client that sends its refused body all the same read the refusal', async (t) => {
  const served = await serve(t, { limits: LIMITS })
  const wire = await Wire.open(served.port)
  wire.send(`POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`)
  wire.send(BODY)
  t.is((await wire.answer()).status, 413)
  t.is(await wire.closed(), 'ended')
  await served.answersNext()
})

test('says in a refusal what was wrong', async (t) => {
  const served = await serve(t, {})
  const wire = await Wire.open(served.port)
  const answer = await wire.ask('GET /refused HTTP/1.1\r\n\r\n')
  t.is(answer.header('content-type')?.split(';')[0], 'text/plain')
  t.regex(answer.body.toString(), /no Host header/)
  t.is(answer.framing, 'length')
  t.not(answer.header('date'), undefined)
})

test('tells onError about each refusal, with its code and the address it came from', async (t) => {
  const errors: Array<CodedError & { remoteAddress?: string }> = []
  let told = (): void => undefined
  const heard = new Promise<void>((resolve) => (told = resolve))
  const served = await serve(t, {
    onError: (error) => {
      errors.push(error as CodedError)
      told()
    },
  })
  const wire = await Wire.open(served.port)
  await wire.ask('GET /refused HTTP/1.1\r\n\r\n')
  await heard
  t.is(errors.length, 1)
  t.is(errors[0].code as string, 'ERR_HTTP_MISSING_HOST')
  t.regex(String(errors[0].remoteAddress), /^127\.0\.0\.1/)
})

async function refuses(
  t: ExecutionContext,
  { status, bodyError, timeouts }: Refused,
  send: (wire: Wire) => unknown,
): Promise<void> {
  // Where a head has little time, a connection is accepted once it has begun, however long the client took over that.
  // A handshake of TLS can only be begun after that, so there a head has more time.
  const isTight = timeouts?.headers !== undefined
  const accept = isTight && !OVER_TLS ? 'manual' : 'automatic'
  const time = isTight && OVER_TLS ? { ...timeouts, headers: 2000 } : timeouts
  const served = await serve(t, { limits: LIMITS, timeouts: time, accept })
  const wire = await Wire.open(served.port)
  const sending = send(wire)
  served.accepts()
  const answer = await wire.answer()
  t.is(answer.status, status)
  t.is(answer.header('connection'), 'close')
  t.is(await wire.closed(), 'ended')
  await sending
  wire.endSending()

  await served.answersNext()
  const codes = await served.close()
  // The head of a request whose body is refused may or may not have reached the handler before the fault was seen.
  t.deepEqual(served.paths, codes.length === 0 ? ['/next'] : ['/refused', '/next'])
  t.deepEqual(codes, codes.length === 0 || bodyError === undefined ? [] : [bodyError])
}

interface Served {
  readonly port: number
  /** The paths of the requests that reached the handler, in order. */
  readonly paths: string[]
  /** Accepts a connection, by a server that does so by hand. */
  accepts(): void
  /** Asks for something on a new connection. */
  answersNext(): Promise<void>
  /** Closes the server once all requests have ended; tells how reading the bodies of refused requests went. */
  close(): Promise<string[]>
}

async function serve(t: ExecutionContext, options: ServerOptions): Promise<Served> {
  const paths: string[] = []
  const outcomes: Array<Promise<string>> = []
  const server = createServer({
    ...options,
    handler: async (request, response) => {
      paths.push(request.path)
      if (request.path === '/next') return response.end('next')
      const outcome = request.bytes().then(
        () => 'read',
        (error: CodedError) => error.code,
      )
      outcomes.push(outcome)
      await outcome
      return response.end('executed')
    },
  })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  const accepts = (): void => {
    if (server.options.accept === 'manual') void server.acceptRequest()
  }
  return {
    port,
    paths,
    accepts,
    async answersNext() {
      const wire = await Wire.open(port)
      const answer = wire.ask(NEXT)
      accepts()
      t.is((await answer).body.toString(), 'next')
      wire.endSending()
      t.is(await wire.closed(), 'ended')
    },
    async close() {
      await server.close()
      return Promise.all(outcomes)
    },
  }
}
