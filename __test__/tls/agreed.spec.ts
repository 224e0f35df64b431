import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent as HttpAgent, request as requestPlain } from 'node:http'
import { Agent, request } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { Worker } from 'node:worker_threads'
import ava, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import { createServer, selfSignedCertificate, type Request, type ServerOptions, type TlsOptions } from '#dist/index'
import { WebSocketServer } from '#dist/ws/index'
import { until } from '../faults/served'
import { testOpenssl, Workshop } from './openssl'
import { ask } from './served'

// What handlers, sockets and statistics say of connections over TLS.

const test = ava.serial

const pair = selfSignedCertificate()

test('a request says what was agreed on, as the client sees it', async (t) => {
  const requests: Request[] = []
  const { port } = await listening(t, requests, { ciphers: [...TLS_1_3, ...TLS_1_2], alpn: ['foo', 'http/1.1'] })
  for (const [options, group] of [
    [{ ecdhCurve: 'X25519' }, 'X25519'],
    [{ ecdhCurve: 'prime256v1' }, 'P-256'],
    [{ ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }, undefined],
    [{ maxVersion: 'TLSv1.2' }, undefined],
    [{ ALPNProtocols: ['http/1.1'] }, undefined],
    [{ ALPNProtocols: ['http/1.1', 'foo'] }, undefined],
  ] as Array<[ConnectionOptions, string | undefined]>) {
    const client = await exchanged(port, options)
    const { tls, secure } = requests.at(-1)!
    t.true(secure)
    t.is(client.version, tls!.version)
    t.is(tls!.cipher, client.cipher)
    t.is(tls!.alpnProtocol, client.protocol || null)
    t.is(tls!.serverName, 'localhost')
    if (group !== undefined) t.is(tls!.group, group)
    t.deepEqual([tls!.resumed, tls!.earlyData, tls!.authorized, tls!.peerCertificate], [false, false, false, null])
  }
})

test('sessions are resumed, unless they are not to be', async (t) => {
  for (const [tls, expected] of [
    [{}, [false, true]],
    [{ resumption: false }, [false, false]],
  ] as Array<[TlsOptions, boolean[]]>) {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const requests: Request[] = []
      const { port, server } = await listening(t, requests, tls)
      const agent = new Agent({ keepAlive: false, minVersion: version, maxVersion: version })
      await get(port, { agent })
      await get(port, { agent })
      t.deepEqual(
        requests.map((one) => one.tls!.resumed),
        expected,
        version,
      )
      t.is(server.stats().tls.resumed, expected.filter(Boolean).length)
    }
  }
})

testOpenssl('a safe request in early data says so, and another method is answered 425', async (t) => {
  const { folder } = await Workshop.open(t)
  const requests: Request[] = []
  const { port } = await listening(t, requests, { earlyData: true })
  const say = async (input: string, ...args: string[]): Promise<string> => {
    const place = ['-connect', `127.0.0.1:${port}`, '-servername', 'localhost', '-tls1_3']
    const client = spawn('openssl', ['s_client', '-quiet', '-ign_eof', ...place, ...args], { cwd: folder })
    client.stdin.end(input)
    const answer = await text(client.stdout)
    return answer.slice(0, answer.indexOf('\r\n'))
  }
  for (const [method, status] of [
    ['GET', 'HTTP/1.1 200 OK'],
    ['POST', 'HTTP/1.1 425 Too Early'],
  ]) {
    t.is(await say(GET, '-sess_out', 'session'), 'HTTP/1.1 200 OK')
    t.deepEqual([requests.at(-1)!.tls!.earlyData, requests.at(-1)!.tls!.resumed], [false, false])
    writeFileSync(path.join(folder, 'early'), GET.replace('GET', method!))
    t.is(await say('', '-sess_in', 'session', '-early_data', 'early'), status!)
  }
  t.is(requests.length, 3)
  t.deepEqual([requests[1]!.tls!.earlyData, requests[1]!.tls!.resumed], [true, true])
})

test('a request says it also when its connection has gone, and its place is another’s', async (t) => {
  const requests: Request[] = []
  const server = createServer({
    tls: pair,
    handler(given, response) {
      requests.push(given)
      if (given.path === '/') response.end()
    },
  })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  const gone = async (target: string): Promise<Request> => {
    const under = connect(port, '127.0.0.1')
    const socket = connectTls({ socket: under, servername: 'localhost', ca: pair.cert })
    socket.write(GET.replace('/', target))
    const count = requests.length
    await until(() => requests.length > count, 'the request has come')
    socket.on('error', () => {})
    under.resetAndDestroy()
    await until(() => server.stats().connections === 0, 'the client has gone')
    return requests.at(-1)!
  }
  const unanswered = await gone('/wait')
  await until(() => unanswered.signal.aborted, 'the handler is told')
  const answered = await gone('/')
  t.is(answered.tls!.version, 'TLSv1.3')
  const { tls } = answered
  for (let i = 0; i < 3; i++) await ask(port, { ca: pair.cert })
  t.is(unanswered.tls!.version, 'TLSv1.3')
  t.is(answered.tls, tls)
})

const testUnix = process.platform === 'win32' ? test.skip : test

testUnix('a server on a Unix domain socket speaks TLS as any other', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-unix-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const place = path.join(folder, 'socket')
  const { server } = await listening(t, [], {}, { path: place })
  t.deepEqual(server.address, { address: place, port: 0, family: 'unix', path: place })
  const socket = connectTls({ socket: connect(place), servername: 'localhost', ca: pair.cert })
  socket.write(GET)
  t.regex(String(await once(socket, 'data')), /^HTTP\/1\.1 200 OK\r\n[^]*true/)
  socket.destroy()
})

test('a server in a worker thread speaks TLS, with a resolve of its own', async (t) => {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     const { createServer, selfSignedCertificate } = require(workerData)
     const pair = selfSignedCertificate()
     const found = selfSignedCertificate({ names: ['found.example'] })
     const server = createServer({
       tls: { ...pair, resolve: async (name) => (name === 'found.example' ? found : null) },
       handler: (request, response) => response.end(String(request.tls.serverName)),
     })
     server.listen({ host: '127.0.0.1' }).then(({ port }) => parentPort.postMessage({ port, ca: [pair.cert, found.cert] }))
     parentPort.once('message', () => server.close())`,
    { eval: true, workerData: require.resolve('#dist/index') },
  )
  const [{ port, ca }] = (await once(worker, 'message')) as [{ port: number; ca: [string, string] }]
  t.is(await ask(port, { ca: ca[0] }), 'localhost')
  t.is(await ask(port, { ca: ca[1], servername: 'found.example' }), 'found.example')
  worker.postMessage('close')
  t.is((await once(worker, 'exit'))[0], 0)
})

test('plain HTTP is served where it is allowed, and says that it is not secure', async (t) => {
  const requests: Request[] = []
  const { port } = await listening(t, requests, { allowPlain: true })
  t.is(await getPlain(port), '200 false')
  t.is(await get(port), 'true')
  t.deepEqual([requests[0]!.tls, requests[0]!.connection.tls], [null, null])
})

test('plain HTTP is refused, or led to https', async (t) => {
  const refusing = await listening(t, [])
  t.regex(await getPlain(refusing.port), /^400 .*https/is)
  const leading = await listening(t, [], { allowPlain: 'redirect' })
  t.is((await getPlain(leading.port)).slice(0, 3), '308')
  t.is(refusing.server.stats().tls.plainRefused, 1)
  t.is(leading.server.stats().tls.plainRefused, 1)
})

test('statistics count handshakes', async (t) => {
  const { port, server } = await listening(t, [])
  await ask(port, { ca: pair.cert })
  await t.throwsAsync(ask(port))
  await until(() => server.stats().connections === 0, 'the clients have gone')
  t.like(server.stats().tls, { handshakes: 1, failed: 1, open: 0, resumed: 0, namesAsked: 0 })
})

test('a WebSocket over TLS says so, and what was agreed on', async (t) => {
  const { port, server } = await listening(t, [])
  let said: unknown
  server.websocket('/ws', {
    open(socket, request) {
      said = [socket.secure, socket.tls!.version, socket.tls!.serverName, request.secure, request.tls!.version]
      socket.send('hello')
    },
  })
  const client = new WebSocket(`wss://localhost:${port}/ws`, { ca: pair.cert })
  const [message] = (await once(client, 'message')) as [Buffer]
  t.is(message.toString(), 'hello')
  t.deepEqual(said, [true, 'TLSv1.3', 'localhost', true, 'TLSv1.3'])
  client.close()
  await once(client, 'close')
})

test('millrace/ws on a server that speaks TLS: programs for ws see that the socket is encrypted', async (t) => {
  const { port, server } = await listening(t, [])
  const seen: unknown[] = []
  const sockets = new WebSocketServer({
    server,
    path: '/ws',
    verifyClient: ({ secure }: { secure: boolean }) => seen.push(secure) > 0,
  })
  t.teardown(() => sockets.close())
  sockets.on('connection', (socket, incoming) => {
    const { encrypted, authorized, servername, alpnProtocol } = incoming.socket
    seen.push(encrypted, authorized, servername, alpnProtocol, incoming.socket.getProtocol())
    seen.push(incoming.socket.getPeerCertificate(), incoming.socket.getPeerX509Certificate())
    socket.on('message', (data) => socket.send(data))
  })
  const client = new WebSocket(`wss://localhost:${port}/ws`, { ca: pair.cert })
  await once(client, 'open')
  client.send('hello')
  t.is(String((await once(client, 'message'))[0]), 'hello')
  t.deepEqual(seen, [true, true, false, 'localhost', false, 'TLSv1.3', {}, undefined])
  client.close()
  await once(client, 'close')
})

test('secrets of connections are written to the key log, and only where there is one', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-keys-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const keyLogFile = path.join(folder, 'keys')
  const { port } = await listening(t, [], { keyLogFile })
  const lines: string[] = []
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: pair.cert })
  socket.on('keylog', (line: Buffer) => lines.push(String(line).trim()))
  await once(socket, 'secureConnect')
  socket.end(GET).resume()
  await once(socket, 'close')
  const written = readFileSync(keyLogFile, 'utf8').trim().split('\n').sort()
  const secrets = written.filter((line) => !line.startsWith('EXPORTER'))
  t.deepEqual(secrets, lines.filter((line) => !line.startsWith('EXPORTER')).sort())
})

const TLS_1_3 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
const TLS_1_2 = ['ECDHE-ECDSA-AES128-GCM-SHA256']
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

async function listening(
  t: ExecutionContext,
  requests: Request[],
  tls: TlsOptions = {},
  options: ServerOptions = { host: '127.0.0.1' },
): Promise<{ port: number; server: ReturnType<typeof createServer> }> {
  const server = createServer({
    ...options,
    tls: { ...pair, ...tls },
    handler(given, response) {
      requests.push(given)
      // Looked up while the connection is there.
      void given.tls
      response.end(String(given.secure))
    },
  })
  t.teardown(() => server.close({ timeout: 0 }))
  return { port: (await server.listen()).port, server }
}

/** What a client of node:tls says of its connection. */
async function exchanged(
  port: number,
  options: ConnectionOptions,
): Promise<{ version: string | null; cipher: string; protocol: string | false | null }> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: pair.cert, ...options })
  await once(socket, 'secureConnect')
  const agreed = {
    version: socket.getProtocol(),
    cipher: socket.getCipher().standardName,
    protocol: socket.alpnProtocol,
  }
  socket.end(GET).resume()
  await once(socket, 'close')
  return agreed
}

function get(port: number, options: object = {}): Promise<string> {
  const place = { port, host: '127.0.0.1', servername: 'localhost', ca: pair.cert, ...options }
  return new Promise((resolve, reject) => {
    const asked = request(place, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve(text))
    })
    asked.on('error', reject).end()
  })
}

function getPlain(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const agent = new HttpAgent({ keepAlive: false })
    const asked = requestPlain({ port, host: '127.0.0.1', agent }, (answer) => {
      let text = `${answer.statusCode} `
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve(text))
    })
    asked.on('error', reject).end()
  })
}
