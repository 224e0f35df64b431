import { once } from 'node:events'
import ava, { type ExecutionContext } from 'ava'
import type { Request } from '#dist/index'
import { codeOf, Deferred, until } from '../faults/served'
import { Alert, record, secured, Type, type Tampered } from './records'
import { GET, serve, TLS_1_3, type Served } from './served'

// Records that no library sends, after the handshake: encrypted by the test with the keys of the connection, or not at
// all. After each the next client is served.

const test = ava.serial

const AGAIN = Buffer.from(GET)

test('records without content carry nothing', async (t) => {
  const served = await serve(t)
  const { ca, port, server } = served
  const client = await secured(port, { ...TLS_1_3, ca })
  client.inject(many(20, () => client.seal(Type.data)))
  client.inject(client.seal(Type.data, AGAIN))
  t.regex(await firstLine(client), /^HTTP\/1\.1 200 /)
  t.is(server.stats().bytesRead, AGAIN.length)
  client.secure.destroy()
  await served.stillServes()
})

test('a request may come in records of one byte, and with padding', async (t) => {
  const served = await serve(t)
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  client.inject(Buffer.concat(Array.from(AGAIN, (byte, at) => client.seal(Type.data, Buffer.of(byte), at * 100))))
  t.regex(await firstLine(client), /^HTTP\/1\.1 200 /)
  client.secure.destroy()
  await served.stillServes()
})

test('records of the largest size come whole', async (t) => {
  const served = await serve(t, async (request, response) => response.end(String((await request.bytes()).length)))
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  const body = Buffer.alloc(16_384, 'x')
  client.inject(client.seal(Type.data, Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 163840\r\n\r\n')))
  client.inject(Buffer.concat(Array.from({ length: 10 }, () => client.seal(Type.data, body))))
  t.regex(await text(client, '163840'), /^HTTP\/1\.1 200 /)
  client.secure.destroy()
  await served.stillServes()
})

/** What is sent, and the alert that the client is told. Not so much that a reset could overtake it. */
const BREACHES: ReadonlyArray<readonly [what: string, send: (client: Tampered) => Buffer, told: RegExp]> = [
  ['a record that was changed', (client) => changed(client.seal(Type.data, AGAIN)), /BAD_RECORD_MAC/],
  ['a record that comes twice', (client) => twice(client.seal(Type.data)), /BAD_RECORD_MAC/],
  ['a record that is missing', (client) => (client.seal(Type.data), client.seal(Type.data, AGAIN)), /BAD_RECORD_MAC/],
  ['a record that is not encrypted', () => record(Type.data, AGAIN), /BAD_RECORD_MAC|DECODE_ERROR|RECORD_OVERFLOW/],
  ['a record of more than 2^14 bytes', (client) => client.seal(Type.data, Buffer.alloc(16_385)), /RECORD_OVERFLOW/],
  ['a record that is too long', () => record(Type.data, Buffer.alloc(100), 0xffff), /RECORD_OVERFLOW|DECODE_ERROR/],
  ['a record of padding alone', (client) => client.seal(0, Buffer.alloc(0), 10), /UNEXPECTED_MESSAGE/],
  [
    'a heartbeat',
    (client) => client.seal(Type.heartbeat, Buffer.from([1, 0x40, 0, 1])),
    /UNEXPECTED_MESSAGE|DECODE_ERROR/,
  ],
  ['a heartbeat in the clear', () => record(Type.heartbeat, Buffer.from([1, 0x40, 0, 1])), /UNEXPECTED_MESSAGE/],
  [
    'an alert in the clear',
    () => record(Type.alert, Buffer.from([2, 40])),
    /UNEXPECTED_MESSAGE|DECODE_ERROR|BAD_RECORD_MAC/,
  ],
  [
    'another ClientHello',
    (client) => client.seal(Type.handshake, Buffer.from([1, 0, 0, 2, 3, 3])),
    /UNEXPECTED_MESSAGE|DECODE_ERROR/,
  ],
  ['a Finished once more', (client) => client.seal(Type.handshake, finished()), /UNEXPECTED_MESSAGE/],
  [
    'a ticket from the client',
    (client) => client.seal(Type.handshake, Buffer.from([4, 0, 0, 0])),
    /UNEXPECTED_MESSAGE|DECODE_ERROR/,
  ],
  ['half a handshake message before data', (client) => cutShort(client), /UNEXPECTED_MESSAGE/],
  ['a change of keys without new keys behind it', (client) => keyUpdate(client), /BAD_RECORD_MAC/],
  ['one change of keys after the other', (client) => many(100, () => client.rekey()), /UNEXPECTED_MESSAGE/],
  ['a flood of records without content', (client) => many(100, () => client.seal(Type.data)), /UNEXPECTED_MESSAGE/],
  ['a warning after the other', (client) => many(100, () => warning(client)), /UNEXPECTED_MESSAGE/],
  ['bytes of no protocol', () => Buffer.alloc(1000, 0xfe), /DECODE_ERROR|UNEXPECTED_MESSAGE|RECORD_OVERFLOW|VERSION/],
]

for (const [what, send, told] of BREACHES) {
  test(`${what} ends the connection with an alert, and is no request`, async (t) => {
    const served = await serve(t, () => t.fail('nothing was asked'))
    const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
    client.inject(send(client))
    t.regex(await client.ended, told)
    client.secure.destroy()
    await served.stillServes()
  })

  test(`${what} in the middle of a body fails its reader`, async (t) => {
    const { served, reading, failed } = await uploading(t)
    const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
    client.inject(client.seal(Type.data, Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx')))
    await reading
    client.inject(send(client))
    await client.ended
    t.is(codeOf(await failed), 'ERR_BODY_ABORTED')
    client.secure.destroy()
    await served.stillServes()
  })
}

test('keys may be changed between requests', async (t) => {
  const served = await serve(t)
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  for (let turn = 0; turn < 50; turn++) {
    client.inject(Buffer.concat([client.rekey(), client.seal(Type.data, AGAIN)]))
    t.regex(await text(client, 'hello'), /^HTTP\/1\.1 200 /)
  }
  client.secure.destroy()
  await served.stillServes()
})

test('a fatal alert ends the connection', async (t) => {
  const { served, reading, failed } = await uploading(t)
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  client.inject(client.seal(Type.data, Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx')))
  await reading
  client.inject(client.seal(Type.alert, Buffer.from([2, Alert.badCertificate])))
  t.is(codeOf(await failed), 'ERR_BODY_ABORTED')
  await client.ended
  client.secure.destroy()
  await served.stillServes()
})

test('what comes behind close_notify is not read', async (t) => {
  const served = await serve(t, () => t.fail('it came too late'))
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  const end = client.seal(Type.alert, Buffer.from([1, Alert.closeNotify]))
  client.inject(Buffer.concat([end, client.seal(Type.data, AGAIN)]))
  t.is(await client.ended, 'end')
  client.secure.destroy()
  await served.stillServes()
})

test('a client that says close_notify gets the answers it has asked for', async (t) => {
  const answer = new Deferred()
  const served = await serve(t, async (_request, response) => {
    await answer.promise
    response.end('late')
  })
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  client.inject(Buffer.concat([client.seal(Type.data, AGAIN), client.seal(Type.alert, Buffer.from([1, 0]))]))
  await until(() => served.server.stats().pending === 1, 'it was asked')
  answer.resolve()
  t.regex(await text(client, 'late'), /^HTTP\/1\.1 200 /)
  t.is(await client.ended, 'end')
  client.secure.destroy()
  await served.stillServes()
})

test('an end without close_notify in the middle of a body is an abort', async (t) => {
  const { served, reading, failed } = await uploading(t)
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  client.inject(client.seal(Type.data, Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx')))
  await reading
  client.tcp.end()
  t.is(codeOf(await failed), 'ERR_BODY_ABORTED')
  client.secure.destroy()
  await served.stillServes()
})

test('an end in the middle of a record is an abort', async (t) => {
  const { served, reading, failed } = await uploading(t)
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  client.inject(client.seal(Type.data, Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx')))
  await reading
  client.inject(client.seal(Type.data, Buffer.from('yz')).subarray(0, -1))
  client.tcp.end()
  t.is(codeOf(await failed), 'ERR_BODY_ABORTED')
  client.secure.destroy()
  await served.stillServes()
})

test('the server ends its connections with close_notify', async (t) => {
  const served = await serve(t)
  const client = await secured(served.port, { ...TLS_1_3, ca: served.ca })
  client.secure.resume().write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  let last = Buffer.alloc(0)
  client.tcp.on('data', (bytes) => (last = Buffer.concat([last, bytes])))
  await client.ended
  // Of TLS 1.3 an alert is a record of 2 bytes, their type and 16 of authentication.
  t.is(last.subarray(-24).subarray(0, 5).toString('hex'), '1703030013')
  client.secure.destroy()
  await served.stillServes()
})

test('a client of TLS 1.2 that wants to renegotiate is not let', async (t) => {
  const served = await serve(t)
  const wire = await served.open({ maxVersion: 'TLSv1.2' })
  const { secure } = await secured(served.port, { maxVersion: 'TLSv1.2', ca: served.ca })
  const refused = await new Promise<Error | null>((resolve) => {
    secure.on('error', resolve)
    secure.renegotiate({}, resolve)
  })
  t.truthy(refused)
  secure.destroy()
  t.is((await wire.ask(GET)).status, 200)
  wire.destroy()
  await served.stillServes()
})

/** A server that reads bodies; the first of them tells that it is being read, and why it failed. */
async function uploading(
  t: ExecutionContext,
): Promise<{ served: Served; reading: Promise<Request>; failed: Promise<unknown> }> {
  const reading = new Deferred<Request>()
  const failed = new Deferred<unknown>()
  const served = await serve(t, async (request, response) => {
    const bytes = request.bytes()
    reading.resolve(request)
    await bytes.then(() => failed.resolve(undefined), failed.resolve)
    response.end()
  })
  return { served, reading: reading.promise, failed: failed.promise }
}

async function firstLine(client: Tampered): Promise<string> {
  const ended = client.ended.then((why) => {
    throw new Error(`the connection ended: ${why}`)
  })
  const [bytes] = (await Promise.race([once(client.secure, 'data'), ended])) as [Buffer]
  return bytes.toString('latin1')
}

/** What comes as far as this. */
async function text(client: Tampered, end: string): Promise<string> {
  let all = ''
  while (!all.endsWith(end)) all += await firstLine(client)
  return all
}

function changed(bytes: Buffer): Buffer {
  bytes[10] ^= 1
  return bytes
}

function twice(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, bytes])
}

function many(count: number, make: () => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, make))
}

function finished(): Buffer {
  return Buffer.concat([Buffer.from([20, 0, 0, 32]), Buffer.alloc(32)])
}

function keyUpdate(client: Tampered): Buffer {
  const asked = client.seal(Type.handshake, Buffer.from([24, 0, 0, 1, 1]))
  return Buffer.concat([asked, client.seal(Type.data, AGAIN)])
}

function warning(client: Tampered): Buffer {
  return client.seal(Type.alert, Buffer.from([1, Alert.userCanceled]))
}

function cutShort(client: Tampered): Buffer {
  return Buffer.concat([client.seal(Type.handshake, Buffer.from([24, 0, 0])), client.seal(Type.data, AGAIN)])
}
