import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import ava from 'ava'
import { detach, type RequestRecord } from '#dist/inbound'
import type { Request, Response } from '#dist/index'
import { serve } from './_helpers/serve'

const test = ava.serial

test('shows method, url, path and query as received', async (t) => {
  const kept: Request[] = []
  const { tell, id } = await serve((request, response) => {
    kept.push(request)
    response.end()
  })
  await tell((batch) =>
    batch
      .request({ server: id, method: 'GET', target: '/a%20b/c?x=1&y=2' })
      .request({ server: id, method: 'BREW', target: '/pot', headers: [['Host', 'h']] })
      .request({ server: id, method: 'OPTIONS', target: '*' })
      .request({ server: id, method: 'GET', target: 'http://example.org/p?q' })
      .request({ server: id, method: 'GET', target: '/?' }),
  )
  await tell((batch) => batch.request({ server: id, target: '/overwrites/the/buffer' }))
  t.deepEqual(
    kept.map(({ method, url, path, query }) => [method, url, path, query]),
    [
      ['GET', '/a%20b/c?x=1&y=2', '/a%20b/c', 'x=1&y=2'],
      ['BREW', '/pot', '/pot', ''],
      ['OPTIONS', '*', '*', ''],
      ['GET', 'http://example.org/p?q', '/p', 'q'],
      ['GET', '/?', '/', ''],
      ['GET', '/overwrites/the/buffer', '/overwrites/the/buffer', ''],
    ],
  )
})

test('parses the query on demand, once', async (t) => {
  const { ask } = await serve((request, response) => {
    t.is(request.searchParams.get('x'), '1 2')
    t.is(request.searchParams, request.searchParams)
    response.end()
  })
  await ask({ target: '/?x=1+2&y' })
})

test('shows the headers', async (t) => {
  const { ask } = await serve((request, response) => {
    t.is(request.headers, request.headers)
    response.end(request.headers.get('x-request-id') ?? '')
  })
  const [sent] = await ask({
    headers: [
      ['Host', 'h'],
      ['X-Request-Id', '42'],
    ],
  })
  t.is(sent!.body, '42')
})

test('shows the version', async (t) => {
  const { ask } = await serve((request, response) => response.end(request.httpVersion))
  t.is((await ask({}))[0]!.body, '1.1')
  t.is((await ask({ http10: true }))[0]!.body, '1.0')
})

test('shows the remote address and port', async (t) => {
  const { ask } = await serve((request, response) => {
    response.end(`${request.remoteAddress} ${request.remotePort}`)
  })
  const body = async (address: string | Uint8Array | null): Promise<string> =>
    (await ask({ address, port: 1234, headers: [['host', 'h']] }))[0]!.body!
  t.is(await body('203.0.113.255'), '203.0.113.255 1234')
  t.is(await body(null), 'undefined undefined')
  const ipv6 = (...groups: number[]): Uint8Array =>
    Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]))
  t.is(await body(ipv6(0, 0, 0, 0, 0, 0, 0, 1)), '::1 1234')
  t.is(await body(ipv6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 0)), '2001:db8:0:0:1:: 1234')
  t.is(await body(ipv6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1)), '2001:db8:0:1:1:1:1:1 1234')
  t.is(await body(ipv6(0, 0, 0, 0, 0, 0, 0, 0)), ':: 1234')
  t.is(await body(ipv6(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1)), '::ffff:127.0.0.1 1234')
})

test('stays valid when the buffer is used again', async (t) => {
  const kept: Request[] = []
  const { ask } = await serve((got, response) => {
    kept.push(got)
    response.end()
  })
  await ask({ method: 'POST', target: '/1?a', headers: [['host', 'one']], port: 1 })
  await ask({ method: 'PUT', target: '/22?bb', headers: [['host', 'two']], port: 2 })
  t.deepEqual(
    kept.map(({ method, url, headers, remotePort }) => [method, url, headers.get('host'), remotePort]),
    [
      ['POST', '/1?a', 'one', 1],
      ['PUT', '/22?bb', 'two', 2],
    ],
  )
})

test('lets go of the text of its batch when asked, and shows the same', async (t) => {
  const kept: Request[] = []
  const { tell, id } = await serve((request, response) => {
    kept.push(request)
    response.end()
  })
  const address = Uint8Array.from([0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 7])
  await tell((batch) =>
    batch
      .request({ server: id, target: `/${'x'.repeat(1000)}` })
      .request({ server: id, method: 'BREW', target: '/pot?s=1', headers: [['Host', 'grüezi']], address })
      .request({ server: id }),
  )
  const request = kept[1] as Request & RequestRecord
  const show = (): unknown[] => [request.method, request.url, request.path, request.query, request.remoteAddress]
  const before = show()
  detach(request)
  t.is(request._text.length, 'BREW/pot?s=1\nhost:Agrüezi'.length + 16)
  t.deepEqual(show(), before)
  t.is(request.headers.get('host'), 'grüezi')
  detach(request)
  t.deepEqual(show(), before)
})

test('aborts its signal when the client goes, before and after it was asked for', async (t) => {
  const kept: Request[] = []
  const { ask, tell } = await serve((request) => void kept.push(request))
  await ask({ connection: 1 })
  await ask({ connection: 2 })
  const { signal } = kept[0]!
  t.false(signal.aborted)
  await tell((batch) => batch.abort(2, { connection: 1 }).abort(2, { connection: 2 }))
  for (const request of kept) {
    t.true(request.signal.aborted)
    t.is(request.signal.reason.code, 'ERR_CLIENT_GONE')
  }
})

test('a client that closes its sending side aborts the signal and can still be answered', async (t) => {
  let answer!: () => void
  const { ask, tell } = await serve((request, response) => {
    answer = () => response.end(String(request.signal.aborted))
  })
  await ask({ connection: 3 })
  await tell((batch) => batch.abort(1, { connection: 3 }))
  answer()
  const [sent] = await tell((batch) => batch)
  t.is(sent!.body, 'true')
})

for (const [reason, how] of [
  [2, 'has gone'],
  [1, 'has closed its sending side'],
] as const) {
  test(`what ends by its signal when the client ${how} is no news, whatever error it makes of it`, async (t) => {
    const reported: unknown[] = []
    const own = new Error('of the program')
    const handlers: Record<string, (request: Request, response: Response) => Promise<unknown>> = {
      '/timer': ({ signal }) => sleep(60_000, undefined, { signal }),
      '/reason': ({ signal }) => once(signal, 'abort').then(() => signal.throwIfAborted()),
      '/source': ({ signal }, response) => response.send(sleeping(signal)),
      '/own': ({ signal }) => once(signal, 'abort').then(() => Promise.reject(own)),
      '/other': ({ signal }) => once(signal, 'abort').then(() => sleep(1, undefined, { signal: AbortSignal.abort() })),
    }
    const { ask, tell } = await serve({
      handler: (request, response) => handlers[request.path](request, response),
      onError: (error) => reported.push(error),
    })
    for (const [at, target] of Object.keys(handlers).entries()) await ask({ connection: 10 + at, target })
    await tell((batch) => [0, 1, 2, 3, 4].reduce((all, at) => all.abort(reason, { connection: 10 + at }), batch))
    t.is(reported[0], own)
    t.deepEqual(
      reported.map((error) => (error as Error).name),
      ['Error', 'AbortError'],
    )
  })
}

async function* sleeping(signal: AbortSignal): AsyncGenerator<string> {
  yield 'first'
  await sleep(60_000, undefined, { signal })
}
