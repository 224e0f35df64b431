import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import ava from 'ava'
import { until } from '../faults/served'
import { Alert, clientHello, fragments, record, secured, tampered, Type } from './records'
import { GET, refusal, serve } from './served'

// What comes to a port that expects a ClientHello, right, wrong or never complete. After each the next one is served.

const test = ava.serial

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

for (const version of VERSIONS) {
  const options: ConnectionOptions = { minVersion: version, maxVersion: version }

  test(`a handshake of ${version} may come byte by byte`, async (t) => {
    const { port, ca, stillServes } = await serve(t)
    const bytes = (sent: Buffer): Buffer[] => Array.from(sent, (byte) => Buffer.of(byte))
    const { secure } = await secured(port, { ...options, ca }, bytes)
    t.is(secure.getProtocol(), version)
    secure.write(GET)
    t.regex(String((await once(secure, 'data'))[0]), /^HTTP\/1\.1 200 /)
    secure.destroy()
    await stillServes()
  })

  for (const size of [1, 7, 100]) {
    test(`a ClientHello of ${version} may come in records of ${size} bytes`, async (t) => {
      const { port, ca, stillServes } = await serve(t)
      // In one write: as packets of their own they have come above.
      const rewrite = (sent: Buffer, at: number): Buffer[] => [at === 0 ? Buffer.concat(fragments(sent, size)) : sent]
      const { secure } = await secured(port, { ...options, ca }, rewrite)
      secure.write(GET)
      t.regex(String((await once(secure, 'data'))[0]), /^HTTP\/1\.1 200 /)
      secure.destroy()
      await stillServes()
    })
  }

  test(`a client of ${version} may go anywhere in its handshake`, async (t) => {
    const { port, ca, server, stillServes } = await serve(t)
    for (let turn = 0; turn < 40; turn++) {
      // Bytes of all its flights, counted together, after which it goes, with a reset or without.
      let left = turn * 20
      const leave = (tcp: Socket): unknown => (turn % 2 === 0 ? tcp.end() : tcp.resetAndDestroy())
      const client = await tampered(port, { ...options, ca }, (sent, _index, tcp) => {
        const part = sent.subarray(0, left)
        left -= part.length
        if (part.length < sent.length) setImmediate(leave, tcp)
        return [part]
      })
      client.secure.once('secureConnect', () => leave(client.tcp))
      await client.ended
      client.secure.destroy()
    }
    t.is(server.stats().accepted, 40)
    await stillServes()
  })
}

// What follows is refused: with an alert where there is something to say, and never with silence.

test('versions before 1.2 are refused by an alert that says so', async (t) => {
  const { port, ca, server, stillServes } = await serve(t)
  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    const old: ConnectionOptions = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0', ca }
    t.is(await refusal(port, old), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', version)
  }
  // A client may know of it before it is counted.
  await until(() => server.stats().tls.failed === 2, 'both have failed')
  await stillServes()
})

const REFUSED: ReadonlyArray<readonly [what: string, bytes: (hello: Buffer, old: Buffer) => Buffer, told: string]> = [
  ['a hello of SSL 2', () => Buffer.from('802e0100020015000000100100800200800300800400800500800600', 'hex'), 'nothing'],
  ['a hello of SSL 3', (_hello, old) => patched(old, { 2: 0, 10: 0 }), 'protocolVersion'],
  ['a record longer than any may be', () => record(Type.handshake, Buffer.alloc(100), 0xffff), 'decodeError'],
  ['a hello of 16 MiB', () => record(Type.handshake, Buffer.from([1, 0xff, 0xff, 0xff, 3, 3])), 'decodeError'],
  ['a ClientHello whose length is wrong', (hello) => patched(hello, { 8: hello[8] - 1 }), 'decodeError'],
  ['a ServerHello', (hello) => patched(hello, { 5: 2 }), 'decodeError'],
  ['a record without content', () => record(Type.handshake), 'decodeError'],
  ['5000 records without content', () => Buffer.concat(Array(5000).fill(record(Type.handshake))), 'decodeError'],
  ['a heartbeat', () => record(Type.heartbeat, Buffer.from([1, 0x40, 0, 1])), 'nothing'],
  ['an alert', () => record(Type.alert, Buffer.from([2, 40])), 'nothing'],
  ['data in place of a hello', () => record(Type.data, Buffer.from(GET)), 'nothing'],
  ['a ChangeCipherSpec', () => record(Type.changeCipherSpec, Buffer.of(1)), 'nothing'],
  ['zeros', () => Buffer.alloc(1000), 'nothing'],
  ['bytes of no protocol', () => Buffer.alloc(1000, 0xfe), 'nothing'],
]

for (const [what, bytes, told] of REFUSED) {
  test(`the server closes on ${what}, and says ${told}`, async (t) => {
    const { plain, stillServes } = await serve(t)
    const wire = await plain()
    wire.send(bytes(await clientHello(), await clientHello('TLSv1.2')))
    t.is(alertIn(await wire.rest()), told)
    wire.destroy()
    await stillServes()
  })
}

test('whatever follows half a hello, or a whole one, the connection ends and harms no other', async (t) => {
  const { plain, stillServes, server } = await serve(t)
  const hello = await clientHello()
  const old = await clientHello('TLSv1.2')
  const all = REFUSED.map(([, bytes]) => bytes(hello, old))
  for (const bytes of all) {
    for (const before of [hello.subarray(0, 60), hello]) {
      const wire = await plain()
      wire.send(Buffer.concat([before, bytes, Buffer.alloc(20_000, 0xff)]))
      await wire.rest()
      wire.destroy()
    }
  }
  await until(() => server.stats().tls.failed >= all.length * 2, 'all have failed')
  await stillServes()
})

test('every byte of a hello may be wrong', async (t) => {
  const { plain, stillServes } = await serve(t)
  const hello = await clientHello()
  await Promise.all(
    Array.from(hello, async (byte, at) => {
      const wire = await plain()
      wire.send(patched(hello, { [at]: byte ^ (1 << (at % 8)) }))
      wire.endSending()
      await wire.rest()
      wire.destroy()
    }),
  )
  await stillServes()
})

test('a client that offers none of the protocols by ALPN is refused by an alert', async (t) => {
  const { port, ca, stillServes } = await serve(t)
  t.is(await refusal(port, { ca, ALPNProtocols: ['h2', 'imap'] }), 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
  t.is(await refusal(port, { ca, ALPNProtocols: ['h2', 'http/1.1'] }), 'served')
  t.is(await refusal(port, { ca }), 'served')
  await stillServes()
})

test('a client without a cipher suite of the server’s is refused by an alert', async (t) => {
  const { port, ca, stillServes } = await serve(t)
  for (const ciphers of [
    'AES128-SHA',
    'ECDHE-ECDSA-AES128-SHA',
    'DHE-RSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
  ]) {
    const options: ConnectionOptions = { ca, maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` }
    t.is(oldName(await refusal(port, options)), 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', ciphers)
  }
  await stillServes()
})

test('a client without a group of the server’s is refused by an alert', async (t) => {
  const { port, ca, stillServes } = await serve(t)
  t.is(oldName(await refusal(port, { ca, ecdhCurve: 'X448' })), 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE')
  // Another try (RFC 8446 4.1.4): the first key share is of a group that the server does not have.
  t.is(await refusal(port, { ca, ecdhCurve: 'X448:P-384' }), 'served')
  await stillServes()
})

test('an unknown server name gets the default certificate', async (t) => {
  const { port, ca, stillServes } = await serve(t)
  const checkServerIdentity = (): undefined => undefined
  for (const servername of ['elsewhere.example', 'LOCALHOST', 'a'.repeat(63), 'xn--grn-hoa.example']) {
    t.is(await refusal(port, { ca, servername, checkServerIdentity }), 'served', servername)
  }
  await stillServes()
})

test('a server name that is none is refused by an alert', async (t) => {
  const { port, ca, stillServes } = await serve(t)
  const checkServerIdentity = (): undefined => undefined
  for (const servername of ['-', 'a..b', '*', 'a b', '..', 'a/b', `${'a'.repeat(64)}.example`]) {
    const told = await refusal(port, { ca, servername, checkServerIdentity })
    t.is(oldName(told), 'ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER', servername)
  }
  await stillServes()
})

test('an unknown server name is refused where the server is told to', async (t) => {
  const { port, ca, stillServes } = await serve(t, undefined, { unknownName: 'refuse' })
  t.is(await refusal(port, { ca, servername: 'elsewhere.example' }), 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME')
  t.is(await refusal(port, { ca, servername: 'localhost' }), 'served')
  await stillServes()
})

test('plain HTTP is told what to do, and closed', async (t) => {
  const { plain, server, stillServes } = await serve(t, () => t.fail('it was executed'))
  const wire = await plain()
  const answer = await wire.ask(GET + GET)
  t.is(answer.status, 400)
  t.regex(answer.body.toString(), /https/i)
  t.is(await wire.closed(), 'ended')
  t.is(server.stats().tls.plainRefused, 1)
  wire.destroy()
  await stillServes()
})

/** What was told before the end: the name of a fatal alert, or nothing. */
function alertIn(bytes: Buffer): string {
  if (bytes.length === 0) return 'nothing'
  if (bytes.length !== 7 || bytes[0] !== Type.alert || bytes[5] !== 2) return bytes.toString('hex')
  return Object.entries(Alert).find(([, code]) => code === bytes[6])?.[0] ?? `alert ${bytes[6]}`
}

function patched(bytes: Buffer, changes: Readonly<Record<number, number>>): Buffer {
  const copy = Buffer.from(bytes)
  for (const [at, byte] of Object.entries(changes)) copy[Number(at)] = byte
  return copy
}

/** The alerts that SSL 3 had are called otherwise by the OpenSSL of Node.js 24. */
function oldName(code: string): string {
  return code.replace('SSL/TLS_ALERT', 'SSLV3_ALERT')
}
