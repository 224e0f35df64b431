import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { setImmediate as turn } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import ava from 'ava'
import { selfSignedCertificate, type CodedError } from '#dist/index'
import { ask, GET, serve } from './served'

// Certificates are exchanged while clients are at work.

const test = ava.serial

const NAMES = ['localhost', '127.0.0.1']
const PAIRS = [selfSignedCertificate({ names: NAMES }), selfSignedCertificate({ names: NAMES })]
const ca = PAIRS.map(({ cert }) => cert)

test('certificates are exchanged under load, and no request fails', async (t) => {
  const { port, server, stillServes, open } = await serve(t, undefined, PAIRS[0])
  const seen = new Set<string>()
  const load = { goes: true, asked: 0 }
  const coming = Array.from({ length: 6 }, async () => {
    while (load.goes) {
      const [text, fingerprint] = await get(port)
      t.is(text, 'hello')
      seen.add(fingerprint)
      load.asked++
    }
  })
  const staying = Array.from({ length: 4 }, async () => {
    const wire = await open({ rejectUnauthorized: false })
    while (load.goes) t.is((await wire.ask(GET)).body.toString(), 'hello')
    wire.destroy()
  })
  const reloading = async (): Promise<void> => {
    for (let round = 1; round <= 30; round++) {
      const before = load.asked
      await server.tls!.reload(PAIRS[round % 2])
      while (load.asked < before + 10) await turn()
    }
    load.goes = false
  }
  await Promise.all([reloading(), ...coming, ...staying]).finally(() => (load.goes = false))
  t.deepEqual([...seen].sort(), PAIRS.map(({ cert }) => new X509Certificate(cert).fingerprint256).sort())
  t.is(server.stats().tls.failed, 0)
  await server.tls!.reload(PAIRS[0])
  await stillServes()
})

test('a handshake after a reload gets the new certificate, and one before it goes on with the old', async (t) => {
  const { port, server, open } = await serve(t, undefined, PAIRS[0])
  const wire = await open({ ca: PAIRS[0].cert })
  await server.tls!.reload(PAIRS[1])
  t.is((await wire.ask(GET)).status, 200)
  t.is(await ask(port, { ca: PAIRS[1].cert }), 'hello')
  await t.throwsAsync(ask(port, { ca: PAIRS[0].cert }))
  wire.destroy()
})

test('what cannot be used is refused, and what was there stays', async (t) => {
  const { port, server } = await serve(t, undefined, PAIRS[0])
  const broken = [
    { cert: PAIRS[0].cert, key: PAIRS[1].key },
    { cert: PAIRS[1].cert.slice(0, -60), key: PAIRS[1].key },
    { cert: PAIRS[1].cert, key: PAIRS[1].key.slice(0, -60) },
    { certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' },
    { ca: 'nobody' },
  ]
  for (const options of broken) {
    const error = await t.throwsAsync(server.tls!.reload(options))
    t.regex((error as CodedError).code, /^ERR_(?:TLS_|INVALID_OPTION)/)
    t.is(await ask(port, { ca: PAIRS[0].cert }), 'hello')
  }
  await server.tls!.reload()
  t.is(await ask(port, { ca: PAIRS[0].cert }), 'hello')
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`sessions of ${version} from before a reload can be resumed`, async (t) => {
    const { port, server } = await serve(t, undefined, PAIRS[0])
    const first = await session(port, version)
    t.false(first.resumed)
    await server.tls!.reload(PAIRS[1])
    t.true((await session(port, version, first.session)).resumed)
    t.is(server.stats().tls.resumed, 1)
  })
}

/** Asks on a connection of its own, and tells which certificate it has been shown. */
function get(port: number): Promise<[text: string, fingerprint: string]> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ maxCachedSessions: 0 })
    // Both have the same subject, by which a client looks for the one it trusts, and so would find the first.
    const options = { port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false, agent }
    const asked = request(options, (answer) => {
      const { fingerprint256 } = (answer.socket as TLSSocket).getPeerCertificate()
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve([text, fingerprint256])).on('error', reject)
    })
    asked.on('error', reject).end()
  })
}

/** Has a handshake, and keeps what the next can resume. */
async function session(
  port: number,
  version: 'TLSv1.2' | 'TLSv1.3',
  known?: Buffer,
): Promise<{ session: Buffer; resumed: boolean }> {
  const options = { port, host: '127.0.0.1', servername: 'localhost', ca, minVersion: version, maxVersion: version }
  const socket = connect({ ...options, session: known })
  const told = known === undefined ? once(socket, 'session') : Promise.resolve([known])
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await once(socket.resume(), 'end')
  const resumed = socket.isSessionReused()
  socket.destroy()
  return { session: (await told)[0] as Buffer, resumed }
}
