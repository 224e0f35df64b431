import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { fetch, request } from 'undici'

// Every file of examples/answers runs as a program of its own and does what its first lines say.

const folder = path.join(path.dirname(require.resolve('millrace/package.json')), 'examples', 'answers')
const shown = new Set<string>()

show('whole.mjs', async (t, url) => {
  const answer = await fetch(url)
  t.deepEqual(await answer.json(), { hello: 'world' })
  t.is(answer.headers.get('content-length'), '17')
  const teapot = await fetch(`${url}/teapot`)
  t.is(teapot.status, 418)
  t.is(teapot.statusText, 'Short And Stout')
})

show('parts.mjs', async (t, url) => {
  const answer = await fetch(url)
  t.is(answer.headers.get('content-length'), '80')
  t.is((await answer.text()).split('\n')[9], 'line 09')
})

show('chunked.mjs', async (t, url) => {
  const informational: number[] = []
  const answer = await request(url, { onInfo: ({ statusCode }) => informational.push(statusCode) })
  t.is(await answer.body.text(), 'one\ntwo\nthree\n')
  t.regex(String(answer.trailers.digest), /^sha-256=/)
  t.deepEqual(informational, [103])
})

show('sources.mjs', async (t, url) => {
  t.is(await (await fetch(`${url}/generator`)).text(), '1\n2\n3\n')
  t.is(await (await fetch(`${url}/stream`)).text(), source('sources.mjs'))
  const blob = await fetch(`${url}/blob`)
  t.is(blob.headers.get('content-type'), 'text/plain')
  t.is(await blob.text(), 'A blob knows its type.\n')
  const handle = await fetch(`${url}/handle`)
  t.is(handle.headers.get('content-length'), String(Buffer.byteLength(source('sources.mjs'))))
  t.is(await handle.text(), source('sources.mjs'))
  t.is((await fetch(`${url}/else`)).status, 404)
})

show('body-writer.mjs', async (t, url) => {
  const answer = await fetch(url)
  t.is(answer.headers.get('content-length'), '1600000')
  const lines = (await answer.text()).split('\n')
  t.is(lines.length, 100_001)
  t.is(lines[99_999], '99999'.padStart(15))
  t.is((await fetch(`${url}/?lines=none`)).status, 500)
})

show('files.mjs', async (t, url) => {
  const whole = await fetch(`${url}/source`)
  t.is(await whole.text(), source('files.mjs'))
  t.is(whole.headers.get('content-type'), 'text/javascript; charset=utf-8')
  const part = await fetch(`${url}/source`, { headers: { range: 'bytes=0-27' } })
  t.is(part.status, 206)
  t.is(await part.text(), source('files.mjs').slice(0, 28))
  const again = await fetch(`${url}/source`, { headers: { 'if-none-match': whole.headers.get('etag')! } })
  t.is(again.status, 304)
  t.is(
    await (await fetch(`${url}/framed`)).text(),
    `--- begin ---\n${source('files.mjs').slice(0, 100)}\n--- end ---\n`,
  )
  const page = await fetch(`${url}/static/README.md`)
  t.is(await page.text(), source('README.md'))
  t.is(page.headers.get('cache-control'), 'max-age=60')
  t.is((await fetch(`${url}/static/../../package.json`)).status, 404)
  t.is((await fetch(`${url}/static/%2e%2e/%2e%2e/package.json`)).status, 404)
})

show('fixed.mjs', async (t, url) => {
  const health = await fetch(`${url}/health`)
  t.deepEqual(await health.json(), { status: 'ok' })
  t.is(health.headers.get('cache-control'), 'no-store')
  t.is((await fetch(`${url}/health`, { headers: { 'if-none-match': health.headers.get('etag')! } })).status, 304)
  t.is(await (await fetch(`${url}/count`)).text(), 'nobody yet\n')
  t.is(await (await fetch(`${url}/`)).text(), 'done\n')
  t.is(await (await fetch(`${url}/count`)).text(), '1 so far\n')
})

show('routes.mjs', async (t, url) => {
  t.is(await (await fetch(`${url}/users/ann%20b/posts/42`)).text(), 'post 42 of ann b\n')
  const wrong = await fetch(`${url}/users/ann/posts/42`, { method: 'DELETE' })
  t.is(wrong.status, 405)
  t.is(wrong.headers.get('allow'), 'GET, HEAD, OPTIONS')
  t.is((await fetch(`${url}/admin`)).status, 401)
  t.is(await (await fetch(`${url}/admin`, { headers: { authorization: 'open sesame' } })).text(), 'welcome\n')
  t.is(await (await fetch(`${url}/notes`, { method: 'POST', body: 'short' })).text(), '5 letters\n')
  t.is((await fetch(`${url}/notes`, { method: 'POST', body: 'x'.repeat(1001) })).status, 413)
  t.is((await fetch(`${url}/nowhere`)).status, 404)
})

show('compression.mjs', async (t, url) => {
  const answer = await fetch(url)
  t.is(answer.headers.get('vary')?.toLowerCase(), 'accept-encoding')
  t.not(answer.headers.get('content-encoding'), null)
  t.is(((await answer.json()) as unknown[]).length, 500)
  t.is(await (await fetch(`${url}/ticks`)).text(), 'tick 0\ntick 1\ntick 2\ntick 3\ntick 4\n')
  const echoed = await fetch(`${url}/echo`, {
    method: 'POST',
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync('{"a":1}'),
  })
  t.deepEqual(await echoed.json(), { a: 1 })
})

show('connection.mjs', async (t, url) => {
  const body = 'x'.repeat(300_000)
  t.is(await (await fetch(url, { method: 'POST', body })).text(), body)
})

show('raw-socket.mjs', async (t, url) => {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nhello')
  t.regex(await text(socket), /^HTTP\/1\.1 101 [^]*\r\n\r\nHELLO$/)
  const plain = await fetch(url)
  t.is(plain.status, 426)
  t.is(plain.headers.get('upgrade'), 'shout')
})

show('accepting.mjs', async (t, url) => {
  t.is(await (await fetch(url)).text(), 'you are 127.0.0.1\n')
  t.is(await (await fetch(url, { headers: { connection: 'close' } })).text(), 'you are 127.0.0.1\n')
})

test('every file is shown, and listed in the README', (t) => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.mjs'))
  t.deepEqual([...shown].sort(), files.sort())
  for (const name of files) t.true(source('README.md').includes(`(${name})`), name)
})

function show(name: string, check: (t: ExecutionContext, url: string) => Promise<void>): void {
  shown.add(name)
  test(`${name} does what it says`, async (t) => {
    const child = spawn(process.execPath, [path.join(folder, name)], {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let errors = ''
    child.stderr.on('data', (chunk) => (errors += chunk))
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    await check(t, line)
    t.is(child.exitCode, null)
    if (name !== 'body-writer.mjs') t.is(errors, '')
  })
}

function source(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8')
}
