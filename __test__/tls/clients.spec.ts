import { execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import ava, { type ExecutionContext } from 'ava'
import { Agent, request, WebSocket as UndiciWebSocket } from 'undici'
import { webSocket, type Handler } from '#dist/index'
import { Deferred } from '../faults/served'
import { testOpenssl, Workshop } from './openssl'
import { serve } from './served'

// The clients people use and the tools they look at a server with.

const test = ava.serial

const testCurl = present('curl', ['--version'], 'curl') ? test : test.skip
const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)
if (CHROMIUM === undefined)
  console.error('Chromium is not installed: the test with it is skipped (Debian: apt-get install chromium)')
const testChromium = CHROMIUM === undefined ? test.skip : test

const CLOSING = 'GET /facts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const KEPT = 'GET /facts HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** Answers with what TLS has agreed on. */
const facts: Handler = (request, response) => {
  const { version, cipher, resumed, serverName } = request.tls!
  return response.end(`${request.secure} ${version} ${cipher} ${resumed} ${serverName};`)
}

for (const [option, version] of [
  ['-tls1_2', 'TLSv1.2'],
  ['-tls1_3', 'TLSv1.3'],
] as const) {
  testOpenssl(`openssl s_client speaks ${version}, and resumes it`, async (t) => {
    const { port, ca, stillServes } = await serve(t, facts)
    const workshop = await Workshop.open(t)
    const trust = ['-CAfile', workshop.file('ca.pem', ca), '-verify_return_error']
    const file = workshop.file('session')
    const first = await sClient(port, [option, ...trust, '-sess_out', file], [CLOSING])
    t.regex(first, /Verify(?: return code|Return code)?: 0 \(ok\)|Verification: OK/)
    t.regex(first, new RegExp(`New, ${version}, Cipher is `))
    t.regex(first, new RegExp(`true ${version} TLS_\\w+ false localhost;`))
    const second = await sClient(port, [option, ...trust, '-sess_in', file], [CLOSING])
    t.regex(second, new RegExp(`Reused, ${version}, Cipher is `))
    t.regex(second, new RegExp(`true ${version} TLS_\\w+ true localhost;`))
    await stillServes()
  })
}

testOpenssl('openssl s_client may ask for other keys again and again', async (t) => {
  const { port, stillServes } = await serve(t, facts)
  const said = await sClient(port, ['-tls1_3'], [KEPT, 'K\n', KEPT, 'k\n', KEPT, 'K\n', CLOSING])
  t.is(said.match(/KEYUPDATE/g)?.length, 3)
  t.is(said.match(/true TLSv1\.3/g)?.length, 4)
  await stillServes()
})

testOpenssl('openssl s_client may not renegotiate', async (t) => {
  const { port, stillServes } = await serve(t, facts)
  const said = await sClient(port, ['-tls1_2'], [KEPT, 'R\n', CLOSING])
  t.regex(said, /RENEGOTIATING/)
  t.regex(said, /no renegotiation/)
  t.is(said.match(/true TLSv1\.2/g)?.length, 1)
  await stillServes()
})

testOpenssl('openssl s_client of an old version is told that it is too old', async (t) => {
  const { port, stillServes } = await serve(t, facts)
  for (const option of ['-tls1', '-tls1_1']) {
    t.regex(await sClient(port, [option, '-cipher', 'DEFAULT@SECLEVEL=0'], []), /alert protocol version/)
  }
  await stillServes()
})

testCurl('curl gets, posts and keeps its connection, by TLS 1.2 and 1.3', async (t) => {
  const { port, ca, stillServes } = await serve(t, async (request, response) => {
    response.end(request.method === 'POST' ? await request.bytes() : request.tls!.version)
  })
  const workshop = await Workshop.open(t)
  const cacert = ['--cacert', workshop.file('ca.pem', ca)]
  const body = randomBytes(300_000)
  const upload = workshop.file('upload', body)
  const url = `https://localhost:${port}/`
  for (const [versions, version] of [
    [['--tls-max', '1.2'], 'TLSv1.2'],
    [['--tlsv1.3'], 'TLSv1.3'],
  ] as const) {
    const shown = ['--write-out', ' %{http_code} %{http_version} %{num_connects}\n']
    const got = await curl(...cacert, ...versions, ...shown, url, url)
    t.is(got.stdout, `${version} 200 1.1 1\n${version} 200 1.1 0\n`)
    const echoed = workshop.file('echoed')
    await curl(...cacert, ...versions, '--data-binary', `@${upload}`, '--output', echoed, url)
    t.is(spawnSync('cmp', [upload, echoed]).status, 0)
  }
  t.like(await t.throwsAsync(curl(url)), { code: 60 } as never)
  await stillServes()
})

testCurl('curl that speaks plain HTTP to the port is told so', async (t) => {
  const { port, stillServes } = await serve(t, facts)
  const { stdout } = await curl('--write-out', ' %{http_code}', `http://localhost:${port}/`)
  t.regex(stdout, /https[^]* 400$/i)
  await stillServes()
})

test('undici streams up and down, and many at once', async (t) => {
  const { port, ca, server, stillServes } = await serve(t, async (asked, response) => {
    for await (const chunk of asked) if (!response.write(chunk)) await response.drain()
    response.end()
  })
  const agent = new Agent({ connect: { ca }, connections: 4, pipelining: 4 })
  const bodies = Array.from({ length: 40 }, (_, index) => randomBytes(index * 10_000))
  await Promise.all(
    bodies.map(async (body) => {
      const answer = await request(`https://localhost:${port}/`, { method: 'PUT', body, dispatcher: agent })
      t.true(body.equals(Buffer.from(await answer.body.arrayBuffer())))
    }),
  )
  t.true(server.stats().tls.handshakes <= 4)
  await agent.close()
  await stillServes()
})

test('undici’s WebSocket opens by wss', async (t) => {
  const route = webSocket({ message: (socket, message) => socket.send(`${socket.secure} ${String(message)}`) })
  const { port, ca, stillServes } = await serve(t, facts, {}, { routes: { '/socket': route } })
  const dispatcher = new Agent({ connect: { ca } })
  const socket = new UndiciWebSocket(`wss://localhost:${port}/socket`, { dispatcher })
  const answer = new Promise<unknown>((resolve, reject) => {
    socket.addEventListener('open', () => socket.send('x'.repeat(100_000)))
    socket.addEventListener('message', ({ data }) => resolve(data))
    socket.addEventListener('error', reject)
  })
  t.is(await answer, `true ${'x'.repeat(100_000)}`)
  socket.close()
  await dispatcher.close()
  await stillServes()
})

testChromium('Chromium loads a page, fetches, posts and opens a WebSocket', async (t) => {
  const told = new Deferred<string>()
  const route = webSocket({ message: (socket, message) => socket.send(`echo ${String(message)}`) })
  const pages: Handler = async (asked, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    if (asked.path === '/told') {
      told.resolve(await asked.text())
      return response.end()
    }
    if (asked.path === '/upload') return response.end(String((await asked.bytes()).length))
    return asked.path === '/' ? response.end(PAGE) : facts(asked, response)
  }
  const { port, stillServes } = await serve(t, pages, {}, { routes: { '/socket': route } })
  browse(t, `https://localhost:${port}/`)
  const [secure, seen, uploaded, socket] = JSON.parse(await told.promise) as string[]
  t.is(secure, 'true')
  t.regex(seen, /^true TLSv1\.3 TLS_\w+ \w+ localhost;$/)
  t.is(uploaded, '1000000')
  t.is(socket, 'echo from the page')
  await t.notThrowsAsync(ended(t))
  await stillServes()
})

const PAGE = `<!doctype html><title>page</title><script type="module">
const seen = await (await fetch('/facts')).text()
const uploaded = await (await fetch('/upload', { method: 'POST', body: new Uint8Array(1000000) })).text()
const socket = new WebSocket('wss://' + location.host + '/socket')
const echo = await new Promise((resolve) => {
  socket.onopen = () => socket.send('from the page')
  socket.onmessage = ({ data }) => resolve(data)
})
await fetch('/told', { method: 'POST', body: JSON.stringify([String(isSecureContext), seen, uploaded, echo]) })
</script>`

const browsers = new WeakMap<ExecutionContext, () => Promise<void>>()

/** Opens a page in a browser that is told to take any certificate. */
function browse(t: ExecutionContext, url: string): void {
  const profile = mkdtemp(path.join(tmpdir(), 'millrace-browser-'))
  const browser = profile.then((folder) => {
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--ignore-certificate-errors',
    ]
    flags.push('--no-first-run', '--disable-background-networking', `--user-data-dir=${folder}`, '--no-proxy-server')
    // A group of its own, so that its helpers end with it.
    return spawn(CHROMIUM!, [...flags, '--remote-debugging-port=0', url], { stdio: 'ignore', detached: true })
  })
  const end = async (): Promise<void> => {
    const child = await browser
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      process.kill(-child.pid!, 'SIGKILL')
      await gone
    }
    await rm(await profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
  browsers.set(t, end)
  t.teardown(end)
}

function ended(t: ExecutionContext): Promise<void> {
  return browsers.get(t)!()
}

/**
 * Has s_client connect and say this, each part once the one before it has been answered or done; gives all it printed.
 */
function sClient(port: number, args: readonly string[], parts: readonly string[]): Promise<string> {
  const options = [
    's_client',
    '-connect',
    `127.0.0.1:${port}`,
    '-servername',
    'localhost',
    '-alpn',
    'http/1.1',
    ...args,
  ]
  const child = spawn('openssl', options, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  let unheard = 0
  const left = [...parts]
  // What is printed when it is connected, has been answered, and has changed its keys.
  const marks = [/---\n$|read R BLOCK\n$/, /;$/, /KEYUPDATE\n/, /RENEGOTIATING\n/]
  const hear = (bytes: Buffer): void => {
    said += bytes.toString('latin1')
    const fresh = said.slice(unheard)
    if (left.length === 0 || !marks.some((mark) => mark.test(fresh))) return
    if (!said.includes('Verif')) return
    unheard = said.length
    child.stdin.write(left.shift()!)
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  child.stdin.on('error', () => undefined)
  return new Promise((resolve) => child.once('close', () => resolve(said)))
}

function curl(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile('curl', ['--silent', '--show-error', '--noproxy', '*', ...args], (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr })
      else reject(error as Error)
    })
  })
}

function present(command: string, args: readonly string[], debian: string): boolean {
  const isThere = spawnSync(command, args).status === 0
  if (!isThere)
    console.error(`${command} is not installed: the tests with it are skipped (Debian: apt-get install ${debian})`)
  return isThere
}
