import { execFile, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { Agent, Client, fetch, request } from 'undici'
import { createServer, type CodedError, type Handler, type Server, type ServerOptions } from '#dist/index'

// The clients people use, over real sockets, against a server with its defaults.

const MIB = 1024 * 1024
const run = promisify(execFile)
const curl = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run('curl', ['--silent', '--show-error', '--noproxy', '*', ...args])

const hasCurl = spawnSync('curl', ['--version']).status === 0
if (!hasCurl) console.error('curl is not installed: the tests with it are skipped (Debian: apt-get install curl)')
const testCurl = hasCurl ? test : test.skip

// undici ------------------------------------------------------------------------------------------------------------------------------------------------

test('fetch gets status, headers and body', async (t) => {
  const { url } = await serve(t, (_request, response) => {
    response.status = 201
    response.setHeader('content-type', 'text/plain')
    response.appendHeader('set-cookie', ['a=1', 'b=2'])
    response.end('made')
  })
  const answer = await fetch(url)
  t.is(answer.status, 201)
  t.is(answer.statusText, 'Created')
  t.is(answer.headers.get('content-type'), 'text/plain')
  t.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2'])
  t.is(await answer.text(), 'made')
})

test('fetch posts a string, JSON, bytes and a form', async (t) => {
  const { url } = await serve(t, echo)
  const bytes = randomBytes(100_000)
  const form = new URLSearchParams({ name: 'grüezi', size: '1' })
  t.is(await (await fetch(url, { method: 'POST', body: 'grüezi' })).text(), 'grüezi')
  t.deepEqual(await (await fetch(url, { method: 'POST', body: JSON.stringify({ a: [1] }) })).json(), { a: [1] })
  t.deepEqual(Buffer.from(await (await fetch(url, { method: 'PUT', body: bytes })).arrayBuffer()), bytes)
  t.is(await (await fetch(url, { method: 'POST', body: form })).text(), form.toString())
})

test('fetch streams a body up, chunked, and the answer down', async (t) => {
  const { url } = await serve(t, async (request, response) => {
    t.is(request.headers.get('transfer-encoding'), 'chunked')
    for await (const chunk of request) if (!response.write(chunk)) await response.drain()
    response.end()
  })
  const pieces = Array.from({ length: 64 }, () => randomBytes(16 * 1024))
  const answer = await fetch(url, { method: 'POST', body: Readable.from(pieces), duplex: 'half' })
  t.is(hash(Buffer.from(await answer.arrayBuffer())), hash(...pieces))
})

test('fetch that is aborted aborts the signal of the request', async (t) => {
  const controller = new AbortController()
  let aborted: (reason: unknown) => void
  const reason = new Promise<unknown>((resolve) => (aborted = resolve))
  const { url } = await serve(t, (request, response) => {
    if (request.path === '/after') return response.end('after')
    request.signal.addEventListener('abort', () => aborted(request.signal.reason))
    return controller.abort()
  })
  await t.throwsAsync(fetch(url, { signal: controller.signal }), { any: true, name: 'AbortError' })
  t.is(((await reason) as CodedError).code, 'ERR_CLIENT_GONE')
  t.is(await (await fetch(`${url}/after`)).text(), 'after')
})

test('fetch follows a redirect', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.path === '/there') return response.end('there')
    response.status = 302
    return response.setHeader('location', '/there').end()
  })
  const answer = await fetch(`${url}/here`)
  t.true(answer.redirected)
  t.is(await answer.text(), 'there')
})

test('undici.request gets trailers and informational answers', async (t) => {
  const { url } = await serve(t, (_request, response) => {
    response.informational(103, { link: '</a.css>; rel=preload' })
    response.write('hello')
    response.trailers({ 'x-sum': '5' })
    response.end()
  })
  const informed: number[] = []
  const { statusCode, body, trailers } = await request(url, {
    onInfo: ({ statusCode: status }) => void informed.push(status),
  })
  t.is(statusCode, 200)
  t.is(await body.text(), 'hello')
  t.deepEqual(trailers, { 'x-sum': '5' })
  t.deepEqual(informed, [103])
})

test('undici sends an upload after 100 Continue', async (t) => {
  const { url } = await serve(t, echo)
  const agent = new Agent()
  t.teardown(() => agent.destroy())
  const { body } = await request(url, {
    dispatcher: agent,
    method: 'POST',
    body: 'x'.repeat(1000),
    expectContinue: true,
  })
  t.is((await body.text()).length, 1000)
})

test('undici pipelines requests on one connection and gets each its own answer', async (t) => {
  const ports = new Set<number | undefined>()
  let most = 0
  let waiting = 0
  const { url } = await serve(t, async (request, response) => {
    ports.add(request.remotePort)
    most = Math.max(most, ++waiting)
    // The later ones of every ten are answered first.
    for (let turns = 10 - (Number(request.path.slice(1)) % 10); turns > 0; turns--) await turn()
    waiting--
    response.end(request.path)
  })
  const client = new Client(url, { pipelining: 10 })
  t.teardown(() => client.destroy())
  const paths = Array.from({ length: 100 }, (_, index) => `/${index}`)
  const answers = await Promise.all(
    paths.map(async (path) => (await client.request({ method: 'GET', path, blocking: false })).body.text()),
  )
  t.deepEqual(answers, paths)
  t.is(ports.size, 1)
  t.true(most > 1, 'handlers run at the same time')
})

// node:http ---------------------------------------------------------------------------------------------------------------------------------------------

test('an agent of node:http that keeps connections alive uses one for all its requests', async (t) => {
  const ports = new Set<number | undefined>()
  const { url, server } = await serve(t, async (request, response) => {
    ports.add(request.remotePort)
    response.end(await request.bytes())
  })
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  for (let count = 0; count < 20; count++) t.is(await askWith(agent, url, 'POST', `body ${count}`), `body ${count}`)
  t.is(ports.size, 1)
  t.is(server.stats().accepted, 1)
})

test('an agent of node:http that does not keep connections opens one for each request', async (t) => {
  const { url, server } = await serve(t, echo)
  const agent = new HttpAgent({ keepAlive: false })
  t.teardown(() => agent.destroy())
  for (let count = 0; count < 5; count++) t.is(await askWith(agent, url, 'POST', 'a'), 'a')
  t.is(server.stats().accepted, 5)
})

test('fifty requests of node:http at once are answered, each with its own body', async (t) => {
  const { url } = await serve(t, echo)
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 8 })
  t.teardown(() => agent.destroy())
  const bodies = Array.from({ length: 50 }, (_, index) => `${index} `.repeat(index * 200))
  t.deepEqual(await Promise.all(bodies.map((body) => askWith(agent, url, 'PUT', body))), bodies)
})

// curl --------------------------------------------------------------------------------------------------------------------------------------------------

testCurl('curl gets an answer', async (t) => {
  const { url } = await serve(t, (request, response) => response.end(`${request.method} ${request.url}\n`))
  t.is((await curl(`${url}/a?b`)).stdout, 'GET /a?b\n')
})

testCurl('curl uses one connection for two addresses', async (t) => {
  const { url, server } = await serve(t, (request, response) => response.end(request.path))
  t.is((await curl(`${url}/a`, `${url}/b`)).stdout, '/a/b')
  t.is(server.stats().accepted, 1)
})

testCurl('curl --http1.0 gets an answer, in one piece and in pieces', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.path === '/pieces') response.write(`${request.httpVersion} `)
    response.end('end')
  })
  t.is((await curl('--http1.0', `${url}/`)).stdout, 'end')
  t.is((await curl('--http1.0', `${url}/pieces`)).stdout, '1.0 end')
})

testCurl('curl --head gets the headers and waits for no body', async (t) => {
  const { url } = await serve(t, (_request, response) => response.setHeader('x-mark', 'here').end('hello'))
  const { stdout } = await curl('--head', url)
  t.regex(stdout, /^HTTP\/1\.1 200 OK\r\n/)
  t.regex(stdout, /^x-mark: here\r$/m)
  t.regex(stdout, /^content-length: 5\r$/im)
})

for (const version of ['--http1.1', '--http1.0']) {
  testCurl(`curl -T sends a large file whole with ${version}`, async (t) => {
    const { url } = await serve(t, digest, { limits: { bodyBytes: 64 * MIB } })
    const { file, sum } = await largeFile(t, 32 * MIB + 7)
    t.is((await curl(version, '-T', file, url)).stdout, sum)
  })
}

testCurl('curl -T - sends what it does not know the length of in chunks', async (t) => {
  const { url } = await serve(t, digest)
  const { file, sum } = await largeFile(t, 5 * MIB)
  t.is((await run('sh', ['-c', `cat "$1" | curl --silent --noproxy '*' -T - "$2"`, 'sh', file, url])).stdout, sum)
})

testCurl('curl -T with a file that is too large learns it before sending it', async (t) => {
  const { url } = await serve(t, digest)
  const { file } = await largeFile(t, 9 * MIB)
  const told = ['--output', '/dev/null', '--write-out', '%{http_code} %{size_upload}']
  // By itself curl sends it after a second without an answer.
  const { stdout } = await curl('-T', file, '--expect100-timeout', '30', ...told, url)
  t.is(stdout, '413 0')
})

testCurl('curl --limit-rate gets a download whole that it takes more slowly than it comes', async (t) => {
  const bytes = randomBytes(2 * MIB)
  let full = 0
  const { url } = await serve(
    t,
    async (_request, response) => {
      for (let at = 0; at < bytes.length; at += 64 * 1024) {
        if (response.write(bytes.subarray(at, at + 64 * 1024))) continue
        full++
        await response.drain()
      }
      response.end()
    },
    { limits: { writeBuffer: 64 * 1024 } },
  )
  const output = path.join(await folder(t), 'download')
  await curl('--limit-rate', '4M', '--output', output, url)
  t.is(hash(await readFile(output)), hash(bytes))
  t.true(full > 0, 'write has said that there is no room')
})

testCurl('curl --limit-rate sends an upload slowly that arrives whole', async (t) => {
  const { url } = await serve(t, digest)
  const { file, sum } = await largeFile(t, 1 * MIB)
  t.is((await curl('--limit-rate', '2M', '-T', file, url)).stdout, sum)
})

// What the tests share ----------------------------------------------------------------------------------------------------------------------------------

async function serve(
  t: ExecutionContext,
  handler: Handler,
  options: ServerOptions = {},
): Promise<{ url: string; server: Server }> {
  const server = createServer({ ...options, handler })
  t.teardown(() => server.close({ timeout: 0 }))
  const { url } = await server.listen({ host: '127.0.0.1' })
  return { url: url!, server }
}

/** Answers with the body of the request. */
const echo: Handler = async (request, response) => response.end(await request.bytes())

/** Answers with the digest of the body, which it reads piece by piece. */
const digest: Handler = async (request, response) => {
  const sum = createHash('sha256')
  for await (const chunk of request) sum.update(chunk)
  response.end(sum.digest('hex'))
}

function hash(...pieces: readonly Buffer[]): string {
  const sum = createHash('sha256')
  for (const piece of pieces) sum.update(piece)
  return sum.digest('hex')
}

async function askWith(agent: HttpAgent, url: string, method: string, body: string): Promise<string> {
  const asking = httpRequest(url, { agent, method })
  asking.end(body)
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

async function folder(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'millrace-clients-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

async function largeFile(t: ExecutionContext, size: number): Promise<{ file: string; sum: string }> {
  const file = path.join(await folder(t), 'large')
  const bytes = randomBytes(size)
  await writeFile(file, bytes)
  return { file, sum: hash(bytes) }
}
