import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { connect } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { Agent, fetch as undici } from 'undici'
import { selfSignedCertificate } from '#dist/index'

// The example application is what people try first, and what they copy from: it runs here as it does with `npm start`.

const root = path.dirname(require.resolve('millrace/package.json'))
const script = path.join(root, 'examples', 'app', 'server.mjs')
const MIB = 1024 * 1024

test('answers plain text', async (t) => {
  const { url } = await start(t)
  const answer = await fetch(`${url}hello`)
  t.is(answer.status, 200)
  t.is(answer.headers.get('content-type'), 'text/plain')
  t.is(await answer.text(), 'Hello, World!\n')
})

test('echoes a request as JSON', async (t) => {
  const { url } = await start(t)
  const answer = await fetch(`${url}echo?a=1&b=2`, { method: 'PUT', body: 'grüezi', headers: { 'x-mark': 'here' } })
  const echoed = (await answer.json()) as Record<string, any>
  t.is(echoed.method, 'PUT')
  t.is(echoed.path, '/echo')
  t.is(echoed.query, 'a=1&b=2')
  t.is(echoed.httpVersion, '1.1')
  t.is(echoed.remoteAddress, '127.0.0.1')
  t.is(echoed.headers['x-mark'], 'here')
  t.is(echoed.body, 'grüezi')
})

test('counts an upload that is larger than the default limit of a body', async (t) => {
  const { url } = await start(t)
  const answer = await fetch(`${url}upload`, { method: 'PUT', body: new Blob([new Uint8Array(9 * MIB)]) })
  const counted = (await answer.json()) as Record<string, number>
  t.is(counted.bytes, 9 * MIB)
  t.true(counted.chunks > 1)
})

test('streams a download of the size asked for', async (t) => {
  const { url } = await start(t)
  const answer = await fetch(`${url}download?bytes=${5 * MIB + 3}`)
  t.is(answer.headers.get('content-length'), String(5 * MIB + 3))
  t.is((await answer.arrayBuffer()).byteLength, 5 * MIB + 3)
})

test('says what is wrong with a size', async (t) => {
  const { url } = await start(t)
  const answer = await fetch(`${url}download?bytes=-1`)
  t.is(answer.status, 400)
  t.regex(await answer.text(), /not -1/)
})

test('serves the page with its style and script', async (t) => {
  const { url } = await start(t)
  const page = await fetch(url)
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const html = await page.text()
  for (const [, asset] of html.matchAll(/(?:href|src)="\/([^"]+)"/g)) t.is((await fetch(url + asset)).status, 200)
  t.is(page.headers.get('content-security-policy'), "default-src 'self'")
  const etag = page.headers.get('etag')!
  t.is((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304)
  t.is((await fetch(url, { method: 'DELETE' })).status, 405)
  t.is((await fetch(`${url}elsewhere`)).status, 404)
})

test('says that it is well', async (t) => {
  const { url } = await start(t)
  const health = await fetch(`${url}health`)
  t.is(health.headers.get('content-type'), 'application/json')
  t.is(health.headers.get('cache-control'), 'no-store')
  t.deepEqual(await health.json(), { status: 'ok' })
})

test('serves all of it by HTTPS with a certificate of its own, and sends there who comes without', async (t) => {
  const { url } = await start(t, ['--tls'])
  t.regex(url, /^https:\/\/127\.0\.0\.1:\d+\/$/)
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  t.teardown(() => dispatcher.destroy())
  const page = await undici(url, { dispatcher })
  for (const [, asset] of (await page.text()).matchAll(/(?:href|src)="\/([^"]+)"/g)) {
    t.is((await undici(url + asset, { dispatcher })).status, 200)
  }
  const body = Buffer.alloc(9 * MIB)
  const upload = await undici(`${url}upload`, { dispatcher, method: 'PUT', body })
  t.is(((await upload.json()) as { bytes: number }).bytes, 9 * MIB)
  const download = await undici(`${url}download?bytes=${5 * MIB + 3}`, { dispatcher })
  t.is((await download.arrayBuffer()).byteLength, 5 * MIB + 3)

  const plain = await fetch(`${url.replace('https:', 'http:')}hello?a`, { redirect: 'manual' })
  t.deepEqual([plain.status, plain.headers.get('location')], [308, `${url}hello?a`])
})

test('serves by HTTPS with the pair it is given', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-example-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const { cert, key } = selfSignedCertificate()
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') }
  await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)])
  const { url } = await start(t, ['--cert', files.cert, '--key', files.key])
  const dispatcher = new Agent({ connect: { ca: cert } })
  t.teardown(() => dispatcher.destroy())
  t.is(await (await undici(`${url}hello`, { dispatcher })).text(), 'Hello, World!\n')
})

for (const [args, message] of [
  [['--key', 'key.pem'], /^--cert and --key belong together\nUsage: .*\n$/],
  [['--cert', 'cert.pem'], /^--cert and --key belong together\nUsage: .*\n$/],
  [['--tls', '--key', 'key.pem'], /^--cert and --key belong together\nUsage: .*\n$/],
  [['--tsl'], /^Unknown option '--tsl'.*\nUsage: .*\n$/],
] as Array<[string[], RegExp]>) {
  test(`is not started with ${args.join(' ')}`, async (t) => {
    const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, PORT: '0', HOST: '127.0.0.1' } })
    t.teardown(() => child.kill('SIGKILL'))
    const [said, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    t.deepEqual([said, code], ['', 2])
    t.regex(errors, message)
  })
}

test('tells of a handshake that failed in one line', async (t) => {
  const { url, child } = await start(t, ['--tls'], 'pipe')
  const errors = text(child.stderr!)
  await t.throwsAsync(undici(`${url}hello`), undefined, 'nobody vouches for its certificate')
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  t.teardown(() => dispatcher.destroy())
  t.is((await undici(`${url}hello`, { dispatcher })).status, 200)
  const junk = connect(Number(new URL(url).port), '127.0.0.1')
  junk.write(Buffer.from('160301000401000000', 'hex'))
  await once(junk.resume(), 'close')
  child.kill('SIGTERM')
  const lines = (await errors).trimEnd().split('\n')
  t.true(lines.length >= 1)
  for (const line of lines) t.regex(line, /\S \(ERR_TLS_HANDSHAKE\)$/)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`lets a request finish on ${signal}, then exits by itself`, async (t) => {
    const { url, child, says } = await start(t)
    const upload = await beginUpload(`${url}upload`)
    upload.write(new Uint8Array(1000))

    child.kill(signal)
    t.regex(await says(), new RegExp(`^${signal}: closing`))
    t.is(child.exitCode, null)
    await t.throwsAsync(fetch(`${url}hello`), undefined, 'a closing server takes no new connections')

    upload.end(new Uint8Array(234))
    const [answer] = (await once(upload, 'response')) as [IncomingMessage]
    const text = (await answer.setEncoding('utf8').toArray()).join('')
    t.is((JSON.parse(text) as { bytes: number }).bytes, 1234)
    const [code] = await once(child, 'exit')
    t.is(code, 0)
  })
}

test('exits at once on a second signal', async (t) => {
  const { url, child, says } = await start(t)
  const upload = await beginUpload(`${url}upload`)
  const failed = once(upload, 'error')
  child.kill('SIGINT')
  t.regex(await says(), /^SIGINT: closing/)
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  t.deepEqual(await exit, [1, null])
  await failed
})

if (process.platform !== 'win32') {
  test('stops gracefully when only npm is told to', async (t) => {
    // A group of its own, so that nothing stays behind if this fails.
    const npm = spawn('npm', ['start'], {
      cwd: root,
      detached: true,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    t.teardown(() => killGroup(npm.pid!))
    let said = ''
    for await (const text of npm.stdout) {
      said += text
      if (said.includes('listening')) npm.kill('SIGTERM')
    }
    t.regex(said, /SIGTERM: closing.*\nclosed\n$/s)
  })
}

test('says in one line that a port is taken', async (t) => {
  const { url } = await start(t)
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: new URL(url).port, HOST: '127.0.0.1' },
  })
  let said = ''
  child.stderr.on('data', (text) => (said += text))
  const [code] = await once(child, 'close')
  t.is(code, 1)
  t.regex(said, /^millrace cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE\)\n$/)
})

/** An upload whose handler has begun to read it: that is when the client is told to continue. */
async function beginUpload(url: string): Promise<ClientRequest> {
  const upload = request(url, { method: 'PUT', headers: { expect: '100-continue' } })
  upload.flushHeaders()
  await once(upload, 'continue')
  return upload
}

/** The running example, where it listens, and the lines it prints after that. */
async function start(
  t: ExecutionContext,
  args: readonly string[] = [],
  errors: 'inherit' | 'pipe' = 'inherit',
): Promise<{ url: string; child: ChildProcess; says: () => Promise<string> }> {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', errors],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const says = async (): Promise<string> => {
    for (;;) {
      const { done, value } = await lines.next()
      if (done === true) throw new Error('the example ended before it said more')
      if (value !== '') return value
    }
  }
  const url = /https?:\S+/.exec(await says())![0]
  return { url, child, says }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // All of it has gone, as it should have.
  }
}
