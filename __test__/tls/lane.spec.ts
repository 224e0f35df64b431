import { X509Certificate } from 'node:crypto'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { get, type RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import ava, { type ExecutionContext } from 'ava'
import { binding, type NativeListenOptions, type NativeTlsContext } from '#dist/binding'
import { nativeOptions, resolveOptions } from '#dist/resolve'

// What the addon does with TLS without the facade: records are looked at for their text alone.

const { Lane, RouteTable, loadTls, loadTlsCredentials, selfSignedCertificate } = binding()
// Connections are known by their numbers, which those of other tests would take.
const test = ava.serial
const INBOX_BYTES = 256 * 1024

/** A certificate for a name, its key, and what Node.js says of it. */
function pairOf(name: string) {
  const { certificate, key } = selfSignedCertificate([name], 2)
  return {
    material: { certificate: Buffer.from(certificate), key: Buffer.from(key) },
    pem: certificate,
    fingerprint: new X509Certificate(certificate).fingerprint256,
  }
}

/** A server that answers by itself, and what it says to JavaScript. */
function serve(t: ExecutionContext, context: NativeTlsContext, options: Partial<NativeListenOptions> = {}) {
  const said: string[] = []
  let told: (() => void) | undefined
  const lane = new Lane(new Uint8Array(INBOX_BYTES), new Uint8Array(INBOX_BYTES), () => {
    for (let batch = lane.turn(0); batch !== null; batch = lane.turn(0)) said.push(batch)
    told?.()
  })
  const routes = new RouteTable({ ignoreTrailingSlash: false })
  const fixed = { status: 200, reason: '', fields: '', body: Buffer.from('fixed'), compress: false }
  routes.add({ methods: ['GET'], pattern: '/', kind: 1, fixed })
  routes.publish()
  const given = nativeOptions(resolveOptions({}), false) as unknown as NativeListenOptions
  const { id, port } = lane.listen({ ...given, host: '127.0.0.1', port: 0, ioThreads: 1, ...options }, routes, context)
  t.teardown(() => lane.close(id, 0))
  return {
    lane,
    id,
    port,
    said,
    /** The next text that it says. */
    async next(): Promise<string> {
      while (said.length === 0) await new Promise<void>((resolve) => (told = resolve))
      return said.shift()!
    },
  }
}

/** Asks by node:https, on a connection of its own: the answer's text and the fingerprint of the certificate shown. */
function ask(
  port: number,
  servername: string,
  options: RequestOptions & ConnectionOptions = {},
): Promise<[string, string]> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, servername, agent: false, rejectUnauthorized: false, ...options }, (answer) => {
      const { fingerprint256 } = (answer.socket as TLSSocket).getPeerCertificate()
      text(answer).then((body) => resolve([body, fingerprint256]), reject)
    }).on('error', reject)
  })
}

test('an https request is answered, and its handshake can be looked up and is counted', async (t) => {
  const own = pairOf('localhost')
  const { lane, id, port } = serve(t, await loadTls({ certificates: [own.material] }))
  t.deepEqual(await ask(port, 'localhost', { ca: own.pem, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] }), [
    'fixed',
    own.fingerprint,
  ])
  // Of the first connection of the process.
  const info = lane.tlsInfo(0, 0)!
  t.like(info, { version: 'TLSv1.3', serverName: 'localhost', alpnProtocol: 'http/1.1', resumed: false })
  t.regex(info.cipher, /^TLS_\w+$/)
  t.regex(info.group!, /^X25519(?:MLKEM768)?$/)
  t.deepEqual([info.peerCertificates, info.authorized, info.authorizationError], [[], false, undefined])
  t.is(lane.tlsInfo(0, 1), null)
  t.is(lane.tlsInfo(7, 0), null)
  t.deepEqual(lane.stats(id)!.tls, {
    handshakes: 1,
    handshakesFailed: 0,
    handshakesOpen: 0,
    resumed: 0,
    namesAsked: 0,
    plainRefused: 0,
  })
})

test('a reload is for new connections, and keeps the tickets of old ones', async (t) => {
  const [old, fresh] = [pairOf('localhost'), pairOf('localhost')]
  const before = await loadTls({ certificates: [old.material] })
  const { lane, id, port } = serve(t, before)
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false })
  const session = await new Promise<Buffer>((resolve) => socket.once('session', resolve))
  t.teardown(() => socket.destroy())
  lane.reloadTls(id, await loadTls({ certificates: [fresh.material] }, before))
  t.deepEqual(await ask(port, 'localhost'), ['fixed', fresh.fingerprint])
  t.is((await ask(port, 'localhost', { session }))[0], 'fixed')
  t.is(lane.stats(id)!.tls.resumed, 1)
  socket.end('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.regex(await text(socket), /fixed$/)
})

test('a name is asked for, and answered with a certificate or with nothing', async (t) => {
  const [own, other] = [pairOf('localhost'), pairOf('other.example')]
  const context = await loadTls({ certificates: [own.material], asksNames: true })
  const server = serve(t, context, { nameTimeout: 0 })
  const asked = [ask(server.port, 'other.example'), ask(server.port, 'other.example')]
  t.is(await server.next(), 'other.example')
  const credentials = await loadTlsCredentials(other.material)
  server.lane.nameResolved(server.id, 'other.example', credentials, 60_000)
  for (const [, fingerprint] of await Promise.all(asked)) t.is(fingerprint, other.fingerprint)
  const unknown = ask(server.port, 'unknown.example')
  t.is(await server.next(), 'unknown.example')
  server.lane.nameResolved(server.id, 'unknown.example', null, 0)
  t.is((await unknown)[1], own.fingerprint)
  t.is((await ask(server.port, 'other.example'))[1], other.fingerprint)
  t.is(server.lane.stats(server.id)!.tls.namesAsked, 2)
})

test('a client certificate that is asked for is judged and handed over', async (t) => {
  const [own, root, client] = [pairOf('localhost'), pairOf('root.example'), pairOf('client.example')]
  const roots = [root.material.certificate]
  const { lane, port } = serve(t, await loadTls({ certificates: [own.material], client: 'asked', roots }))
  t.is((await ask(port, 'localhost', { cert: client.pem, key: client.material.key }))[0], 'fixed')
  const all = Array.from({ length: 1000 }, (_, index) => lane.tlsInfo(index % 10, Math.floor(index / 10)))
  const info = all.find((found) => found !== null && found.peerCertificates.length > 0)
  t.is(new X509Certificate(info!.peerCertificates[0]!).fingerprint256, client.fingerprint)
  t.false(info!.authorized)
  t.truthy(info!.authorizationError)
})

test('plain HTTP is refused, served or sent on as it was said', async (t) => {
  const context = await loadTls({ certificates: [pairOf('localhost').material] })
  for (const [plain, status, location] of [
    [undefined, 400, undefined],
    ['refuse', 400, undefined],
    ['serve', 200, undefined],
    ['redirect', 308, 'https://a.example/'],
  ] as const) {
    const { port } = serve(t, context, plain === undefined ? {} : { plain })
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, agent: false, headers: { host: 'a.example' } }, (response) => {
        response.resume()
        resolve(response)
      })
        .on('error', reject)
        .end()
    })
    t.deepEqual([answer.statusCode, answer.headers.location], [status, location], plain)
  }
  t.throws(() => serve(t, context, { plain: 'maybe' as 'serve' }), { message: /plain cannot be maybe/ })
})
