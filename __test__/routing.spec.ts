import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { fetch, request } from 'undici'
import { createServer, DECLINED, fixed, staticFiles, type Server, type ServerOptions } from '#dist/index'
import { Wire } from './_helpers/wire'

// Routes and fixed answers over real sockets, with the core that is shipped.

/** A server that is closed with the test. */
async function listen(t: ExecutionContext, given: ServerOptions | Server): Promise<{ url: string; port: number }> {
  const server = 'route' in given ? given : createServer(given)
  const { url, port } = await server.listen({ host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 0 }))
  return { url: url!, port }
}

const text = async (url: string, options: Parameters<typeof fetch>[1] = {}): Promise<string> => {
  const answer = await fetch(url, options)
  return `${answer.status} ${await answer.text()}`
}

test('requests reach the handler of their route with its parameters, decoded', async (t) => {
  const server = createServer((request, response) => response.end(`no route for ${request.path}`))
  server
    .get('/users/:id', (request, response) => response.end(`${request.route} ${request.params.id}`))
    .get('/users/me', (_request, response) => response.end('me'))
    .post('/users', async (request, response) => response.end(`made ${await request.text()}`))
    .get('/files/:name.json', (request, response) => response.end(`json ${request.params.name}`))
    .get('/files/*path', (request, response) => response.end(`file ${request.params.path}`))
    .get('/:a/:b', (request, response) => response.end(`${request.params.a} and ${request.params.b}`))
  const { url } = await listen(t, server)
  t.is(await text(`${url}/users/7`), '200 /users/:id 7')
  t.is(await text(`${url}/users/me?x=/users/7`), '200 me')
  t.is(await text(`${url}/users/gr%C3%BCezi%20%2F`), '200 /users/:id grüezi /')
  t.is(await text(`${url}/%75sers/%41`), '200 /users/:id A')
  t.is(await text(`${url}/users`, { method: 'POST', body: 'ann' }), '200 made ann')
  t.is(await text(`${url}/files/a.json`), '200 json a')
  t.is(await text(`${url}/files/a/b%2Fc.json`), '200 file a/b/c.json')
  t.is(await text(`${url}/x/y`), '200 x and y')
  t.is(await text(`${url}/x`), '200 no route for /x')
  t.is(await text(`${url}/`), '200 no route for /')
})

test('a parameter that is no UTF-8 is answered 400, and the connection goes on', async (t) => {
  const server = createServer().get('/users/:id', (request, response) => response.end(request.params.id))
  const { port } = await listen(t, server)
  const wire = await Wire.open(port)
  t.is((await wire.ask('GET /users/%ff HTTP/1.1\r\nhost: a\r\n\r\n')).status, 400)
  t.is((await wire.ask('GET /users/ok HTTP/1.1\r\nhost: a\r\n\r\n')).body.toString(), 'ok')
  wire.destroy()
})

test('404, 405 with Allow, HEAD and OPTIONS are answered by themselves', async (t) => {
  const server = createServer()
  server.get('/a', (_request, response) => response.end('four')).put('/a', (_request, response) => response.end())
  const { url } = await listen(t, server)
  t.is((await fetch(`${url}/b`)).status, 404)
  const wrong = await fetch(`${url}/a`, { method: 'POST' })
  t.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, HEAD, PUT, OPTIONS'])
  const options = await fetch(`${url}/a`, { method: 'OPTIONS' })
  t.deepEqual([options.ok, options.headers.get('allow')], [true, 'GET, HEAD, PUT, OPTIONS'])
  const head = await request(`${url}/a`, { method: 'HEAD' })
  t.deepEqual([head.statusCode, head.headers['content-length'], await head.body.text()], [200, '4', ''])
})

test('a trailing slash makes another path, unless it is ignored', async (t) => {
  const routes = { 'GET /a': fixed({ body: 'a' }), 'GET /b/': fixed({ body: 'b' }) }
  const strict = await listen(t, { routes })
  const ignoring = await listen(t, { routes, trailingSlash: 'ignore' })
  const statuses = async (url: string): Promise<number[]> =>
    Promise.all(['/a', '/a/', '/b', '/b/'].map(async (target) => (await fetch(url + target)).status))
  t.deepEqual(await statuses(strict.url), [200, 404, 404, 200])
  t.deepEqual(await statuses(ignoring.url), [200, 200, 200, 200])
})

test('the core refuses a conflict and a pattern that is none, and names both', async (t) => {
  const server = createServer().get('/users/:id', () => {})
  const { url } = await listen(t, server)
  t.throws(() => server.get('/users/:name', () => {}), {
    code: 'ERR_ROUTE_CONFLICT',
    message: /GET "\/users\/:name".*\/users\/:id/,
  })
  for (const pattern of ['users', '/a/*', '/*a/b', '/a?b', '/:a/:a', '/:a?', '/a#b', '']) {
    t.throws(() => server.get(pattern, () => {}), { code: 'ERR_ROUTE_INVALID' }, pattern)
  }
  server.get('/users/:id/posts', (request, response) => response.end(request.params.id))
  // Routes are there from the next tick on, and Bun's `fetch`, which sends from a thread of its own, can be faster.
  await new Promise((resolve) => process.nextTick(resolve))
  t.is(await text(`${url}/users/1/posts`), '200 1')
})

test('five hundred routes find each its own', async (t) => {
  const server = createServer()
  for (let i = 0; i < 500; i++) {
    server.get(`/api/thing${i}/:id/part${i % 7}/:item`, (request, response) => {
      response.end(`${i} ${request.params.id} ${request.params.item}`)
    })
  }
  const { url } = await listen(t, server)
  for (const i of [0, 1, 250, 499]) t.is(await text(`${url}/api/thing${i}/a/part${i % 7}/b`), `200 ${i} a b`)
  t.is((await fetch(`${url}/api/thing500/a/part0/b`)).status, 404)
})

test('a handler that declines leaves the request to the next, in the end to 501', async (t) => {
  const server = createServer((request, response) => {
    if (request.path === '/nobody') return DECLINED
    return response.end(`server ${response.getHeaderNames().length}`)
  })
  server.get('/:who', [
    (_request, response) => {
      response.setHeader('x-trace', '1')
      return DECLINED
    },
    async (request, response) => (request.params.who === 'me' ? response.end('me') : DECLINED),
  ])
  const { url } = await listen(t, server)
  t.is(await text(`${url}/me`), '200 me')
  t.is(await text(`${url}/you`), '200 server 0')
  t.is(await text(`${url}/nobody`), '501 Not Implemented\n')
})

test('a route has limits and timeouts of its own', async (t) => {
  const server = createServer({ limits: { bodyBytes: 10 }, onError: () => {} })
  const echo = async (request: { text(): Promise<string> }, response: { end(body: string): unknown }) =>
    response.end(await request.text())
  server.post('/small', echo, { limits: { bodyBytes: 3 } })
  server.post('/plain', echo)
  server.post('/large', echo, { limits: { bodyBytes: 100 } })
  server.get('/late', () => {}, { timeouts: { handler: 50 } })
  const { url } = await listen(t, server)
  const post = (target: string, body: string) => text(url + target, { method: 'POST', body })
  t.is(await post('/small', 'abc'), '200 abc')
  t.regex(await post('/small', 'abcd'), /^413 /)
  t.is(await post('/plain', 'abcdefghij'), '200 abcdefghij')
  t.regex(await post('/plain', 'abcdefghijk'), /^413 /)
  t.is(await post('/large', 'x'.repeat(100)), `200 ${'x'.repeat(100)}`)
  t.regex(await text(`${url}/late`), /^503 /)
})

test('a fixed answer is given as told, also to HEAD, and 304 to who has it', async (t) => {
  const { url } = await listen(t, {
    routes: {
      'GET /': fixed({ body: { ok: true }, headers: { 'x-own': '1' }, lastModified: new Date(0) }),
      'GET /gone': fixed({ status: 410, reason: 'Long Gone', body: 'gone' }),
    },
  })
  const first = await fetch(url)
  t.is(await first.text(), '{"ok":true}')
  const header = (name: string) => first.headers.get(name)
  t.deepEqual(['content-type', 'content-length', 'x-own', 'last-modified'].map(header), [
    'application/json',
    '11',
    '1',
    'Thu, 01 Jan 1970 00:00:00 GMT',
  ])
  t.truthy(header('date'))
  const again = await fetch(url, { headers: { 'if-none-match': header('etag')! } })
  t.deepEqual([again.status, await again.text(), again.headers.get('etag')], [304, '', header('etag')])
  const head = await request(url, { method: 'HEAD' })
  t.deepEqual([head.statusCode, head.headers['content-length'], await head.body.text()], [200, '11', ''])
  const gone = await fetch(`${url}/gone`)
  t.deepEqual([gone.status, gone.statusText, await gone.text()], [410, 'Long Gone', 'gone'])
})

test('a fixed answer is replaced while it is asked for', async (t) => {
  const answer = fixed({ body: '0', headers: { 'x-number': '0' } })
  const server = createServer().get('/', answer).get('/same', answer)
  const { url } = await listen(t, server)
  const state = { done: false }
  const seen = new Set<string>()
  const asking = (async () => {
    while (!state.done) {
      const got = await fetch(url)
      const body = await got.text()
      // Never half of one and half of another.
      t.is(got.headers.get('x-number'), body)
      seen.add(body)
    }
  })()
  for (let i = 1; i <= 50; i++) {
    answer.replace({ body: String(i), headers: { 'x-number': String(i) } })
    t.is(await text(`${url}/same`), `200 ${i}`)
  }
  state.done = true
  await asking
  t.true(seen.size > 1)
})

test('a fixed answer is given compressed to those who like that, each under a tag of its own', async (t) => {
  const body = 'compressible '.repeat(500)
  const { url } = await listen(t, { compression: true, routes: { 'GET /': fixed({ body }) } })
  const ask = async (accept: string) => {
    const { headers, body: bytes } = await request(url, { headers: { 'accept-encoding': accept } })
    return { headers, bytes: Buffer.from(await bytes.arrayBuffer()) }
  }
  const plain = await ask('identity')
  const gzip = await ask('gzip')
  const br = await ask('gzip;q=0.5, br')
  t.is(plain.bytes.toString(), body)
  t.is(gunzipSync(gzip.bytes).toString(), body)
  t.is(brotliDecompressSync(br.bytes).toString(), body)
  t.deepEqual([gzip.headers['content-encoding'], br.headers['content-encoding']], ['gzip', 'br'])
  t.is(new Set([plain, gzip, br].map(({ headers }) => headers['etag'])).size, 3)
  for (const { headers } of [plain, gzip, br]) t.regex(String(headers['vary']), /accept-encoding/i)
})

for (const [what, target] of [
  ['fixed answers', fixed({ body: 'ok' })],
  ['files', staticFiles(__dirname, { index: [path.basename(__filename)] })],
] as const) {
  test(`${what} are given while JavaScript is busy`, async (t) => {
    const { url } = await listen(t, { routes: { '/busy': target } })
    const counted = new Int32Array(new SharedArrayBuffer(8))
    const client = new Worker(
      `const { workerData: { counted, url } } = require('node:worker_threads')
       const agent = new (require('node:http').Agent)({ keepAlive: true })
       const ask = () => require('node:http').get(url, { agent }, (answer) => answer.resume().on('end', () => {
         Atomics.add(counted, answer.statusCode === 200 ? 0 : 1, 1)
         Atomics.notify(counted, 0)
         ask()
       }))
       ask()`,
      { eval: true, workerData: { url: `${url}/busy`, counted } },
    )
    t.teardown(() => client.terminate())
    // This thread does nothing else until so many have been given, but for coming back should none come any more.
    while (Atomics.load(counted, 0) < 500) {
      if (Atomics.wait(counted, 0, Atomics.load(counted, 0), 10_000) === 'timed-out') break
    }
    t.true(Atomics.load(counted, 0) >= 500)
    t.is(Atomics.load(counted, 1), 0)
  })
}

test('each server has its own routes, and can listen again with them', async (t) => {
  const one = createServer().get('/', fixed({ body: 'one' }))
  const two = createServer().get('/', fixed({ body: 'two' }))
  const [first, second] = [await listen(t, one), await listen(t, two)]
  t.deepEqual([await text(first.url), await text(second.url)], ['200 one', '200 two'])
  await one.close()
  one.get('/later', fixed({ body: 'later' }))
  const { url } = await one.listen({ host: '127.0.0.1' })
  t.deepEqual([await text(url!), await text(`${url}/later`)], ['200 one', '200 later'])
})
