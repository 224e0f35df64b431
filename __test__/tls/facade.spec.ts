import { createSecureContext } from 'node:tls'
import ava from 'ava'
import type { NativeTlsInfo, NativeTlsOptions } from '#dist/binding'
import { createServer, TlsInfo, type Request, type ServerWebSocket, type TlsOptions } from '#dist/index'
import { NameAnswers } from '#dist/tls/names'
import { lanes } from '../_helpers/fake-lane'
import { ENCRYPTED, loadedCredentials, loadErrors, PASSPHRASE } from '../_helpers/fake-tls'
import { serve, settle } from '../_helpers/serve'

const test = ava.serial

const CERT = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const KEY = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'
const PAIR = { cert: CERT, key: KEY }

const AGREED: NativeTlsInfo = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  group: 'X25519',
  serverName: 'a.example',
  alpnProtocol: 'http/1.1',
  resumed: false,
  peerCertificates: [],
  authorized: false,
}

async function listening(tls: TlsOptions, errors: unknown[] = []): Promise<Awaited<ReturnType<typeof serve>>> {
  return serve({ tls, handler: (_request, response) => response.end(), onError: (error) => errors.push(error) })
}

test('listen gives the core what was loaded, with what is said of plain HTTP and of times, and an https url', async (t) => {
  const { server, lane } = await serve({
    tls: { ...PAIR, allowPlain: true, resolveTimeout: 1000 },
    limits: { handshakes: 7 },
    timeouts: { handshake: 8 },
  })
  t.regex(server.address!.url!, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.like(lane.listened.at(-1), { plain: 'serve', nameTimeout: 1000, maxHandshakes: 7, handshakeTimeout: 8 })
  t.is(lane.contexts.at(-1)!.options.certificates.length, 1)
  t.is(lane.contexts.at(-1)!.previous, null)
  await listening({ ...PAIR, allowPlain: 'redirect' })
  t.like(lane.listened.at(-1), { plain: 'redirect' })
  await listening(PAIR)
  t.like(lane.listened.at(-1), { plain: 'refuse', nameTimeout: 5000 })
  await serve(() => {})
  t.is(lane.contexts.at(-1), null)
  t.false('plain' in lane.listened.at(-1)!)
})

test('listen rejects with the code of what cannot be loaded, and the server can try again', async (t) => {
  const server = createServer({ host: '127.0.0.1', tls: { certFile: '/no/such.pem', keyFile: '/key.pem' } })
  loadErrors.push('ERR_TLS_FILE - the certificate in /no/such.pem cannot be read: No such file or directory')
  await t.throwsAsync(server.listen(), {
    code: 'ERR_TLS_FILE',
    message: 'the certificate in /no/such.pem cannot be read: No such file or directory (ERR_TLS_FILE)',
  })
  t.false(server.listening)
  loadErrors.push('something else')
  await t.throwsAsync(server.listen(), { message: 'something else' })
  await server.listen()
  t.true(server.listening)
  t.deepEqual(server.tls!.files, ['/no/such.pem', '/key.pem'])
})

test('a port that is taken rejects as without TLS, and the server can try again', async (t) => {
  const server = createServer({ host: '127.0.0.1', tls: { certFile: '/a', keyFile: '/b', watch: true } })
  lanes[0]!.listenError = new Error('EADDRINUSE: Address already in use (os error 98)')
  await t.throwsAsync(server.listen(9), { code: 'EADDRINUSE' })
  t.is((await server.listen(9)).url, 'https://127.0.0.1:9')
})

test('the certificates in use can be read', async (t) => {
  const { server } = await listening({ ...PAIR, certificates: [{ ...PAIR, names: ['b.example'] }] })
  t.deepEqual(server.tls!.certificates, [
    {
      names: ['localhost'],
      subject: 'CN=localhost',
      issuer: 'CN=nobody',
      serialNumber: '01',
      validFrom: new Date(1_700_000_000_000),
      validTo: new Date(1_800_000_000_000),
      fingerprint256: 'AB:CD',
      keyType: 'ECDSA P-256',
    },
    { ...server.tls!.certificates[0]!, names: ['b.example'], subject: 'CN=b.example' },
  ])
})

test('a passphrase is asked for only when the key is encrypted, with the file it is for', async (t) => {
  const asked: unknown[] = []
  const passphrase = (what: object): string => {
    asked.push(what)
    return PASSPHRASE
  }
  await listening({ ...PAIR, passphrase })
  t.deepEqual(asked, [])
  const { lane } = await listening({
    certFile: '/cert.pem',
    keyFile: '/encrypted.pem',
    passphrase: async (what) => passphrase(what),
    certificates: [{ cert: CERT, key: ENCRYPTED, passphrase }],
  })
  t.deepEqual(asked, [{ file: '/encrypted.pem' }, { file: undefined }])
  t.deepEqual(
    lane.contexts.at(-1)!.options.certificates.map((one) => one.passphrase),
    [PASSPHRASE, PASSPHRASE],
  )
})

test('a passphrase that is missing, wrong or cannot be had rejects with its code', async (t) => {
  const key = { cert: CERT, key: ENCRYPTED }
  const reject = async (passphrase: TlsOptions['passphrase'], message: RegExp): Promise<Error> =>
    (await t.throwsAsync(createServer({ tls: { ...key, passphrase } }).listen(), {
      code: 'ERR_TLS_PASSPHRASE',
      message,
    }))!
  await reject(undefined, /needs a passphrase/)
  await reject('wrong', /has another passphrase/)
  await reject(() => 'wrong', /has another passphrase/)
  await reject(() => 7 as never, /encrypted, and tls\.passphrase has given a number/)
  const cause = new Error('the vault is shut')
  t.is((await reject(() => Promise.reject(cause), /could not be had: the vault is shut/)).cause, cause)
})

test('which of several certificates cannot be loaded is told', async (t) => {
  const bad = { cert: CERT, key: ENCRYPTED }
  await t.throwsAsync(createServer({ tls: { ...PAIR, certificates: [PAIR, bad] } }).listen(), {
    code: 'ERR_TLS_PASSPHRASE',
    message: /needs a passphrase \(certificate 3 of 3\) \(ERR_TLS_PASSPHRASE\)$/,
  })
  loadErrors.push('ERR_TLS_OPTION - something of the whole')
  await t.throwsAsync(createServer({ tls: { ...PAIR, certificates: [PAIR] } }).listen(), {
    code: 'ERR_TLS_OPTION',
    message: 'something of the whole (ERR_TLS_OPTION)',
  })
})

test('what throws when it is looked at is told as any other error, and ends nothing', async (t) => {
  const hostile = [
    Object.create(null),
    { toString: () => Promise.reject },
    Object.assign(new Error('x'), { message: Object.create(null) }),
    new Proxy(new Error('x'), {
      get() {
        throw new Error('looked at')
      },
    }),
    Symbol('s'),
    null,
    undefined,
  ]
  for (const thrown of hostile) {
    const passphrase = (): never => {
      throw thrown
    }
    const error = (await t.throwsAsync(createServer({ tls: { cert: CERT, key: ENCRYPTED, passphrase } }).listen()))!
    t.like(error, { code: 'ERR_TLS_PASSPHRASE' })
    t.regex(
      error.message,
      /could not be had: (?:what was thrown cannot be shown|Symbol\(s\)|null|undefined) \(ERR_TLS_PASSPHRASE\)$/,
    )

    const told: Array<Error & { code: string }> = []
    const names = new NameAnswers({ answer: () => {}, failed: (one) => told.push(one as (typeof told)[0]) })
    await t.notThrowsAsync(names.find('a.example', () => Promise.reject(thrown), 1000, 0))
    t.like(told, { 0: { code: 'ERR_TLS_RESOLVE' }, length: 1 })
  }
})

test('close ends the wait for a passphrase, of listen and of a reload', async (t) => {
  const never = (): Promise<string> => new Promise(() => {})
  const server = createServer({
    host: '127.0.0.1',
    tls: { certFile: '/a', keyFile: '/encrypted.pem', passphrase: never },
  })
  const opened = server.listen()
  await settle()
  await server.close()
  const message =
    'The passphrase of the private key in /encrypted.pem could not be had: the server was closed first (ERR_TLS_PASSPHRASE)'
  await t.throwsAsync(opened, { code: 'ERR_TLS_PASSPHRASE', message })
  const early = server.listen()
  await server.close()
  await t.throwsAsync(early, { code: 'ERR_TLS_PASSPHRASE', message })

  await server.tls!.reload({ passphrase: PASSPHRASE })
  await server.listen()
  const reloaded = server.tls!.reload({ passphrase: never })
  await settle()
  void server.close()
  await t.throwsAsync(reloaded, { code: 'ERR_TLS_PASSPHRASE', message })
})

test('a passphrase that does not come has two minutes, and what waits behind it goes on', async (t) => {
  const { server } = await listening(PAIR)
  const { setTimeout } = globalThis
  t.teardown(() => (globalThis.setTimeout = setTimeout))
  globalThis.setTimeout = ((work: () => void, delay: number) =>
    setTimeout(work, delay === 120_000 ? 5 : delay)) as typeof setTimeout
  const stuck = server.tls!.reload({ key: ENCRYPTED, passphrase: () => new Promise(() => {}) })
  const next = server.tls!.reload({ alpn: ['a'] })
  await t.throwsAsync(stuck, { code: 'ERR_TLS_PASSPHRASE', message: /has not given it within 120 seconds/ })
  await next
  t.deepEqual(server.tls!.options.alpn, ['a'])
})

test('a passphrase is not asked for when something else is wrong', async (t) => {
  loadErrors.push('ERR_TLS_KEY - the private key given as `key` is none')
  const tls = { ...PAIR, passphrase: () => t.fail() as never }
  await t.throwsAsync(createServer({ tls }).listen(), { code: 'ERR_TLS_KEY' })
})

test('reload reads the same files again, and goes on from what was there', async (t) => {
  const { server, lane } = await listening({ certFile: '/a', keyFile: '/b' })
  const before = lane.contexts.at(-1)!
  await server.tls!.reload()
  const after = lane.contexts.at(-1)!
  t.not(after, before)
  t.is(after.previous, before)
  t.deepEqual(after.options, before.options)
})

test('reload takes changes, which stay; what says the same another way gives way', async (t) => {
  const { server, lane } = await listening({
    certFile: '/a',
    keyFile: '/b',
    ocspFile: '/c',
    passphrase: 'x',
    alpn: ['a'],
  })
  const now = (): object => lane.contexts.at(-1)!.options.certificates[0]!
  await server.tls!.reload({ certFile: '/a2', keyFile: '/b2' })
  t.deepEqual(now(), { certificateFile: '/a2', keyFile: '/b2', passphrase: 'x' })
  await server.tls!.reload({ cert: CERT, key: KEY })
  t.deepEqual(now(), { certificate: Buffer.from(CERT), key: Buffer.from(KEY), passphrase: 'x' })
  await server.tls!.reload({ pfxFile: '/store', ALPNProtocols: ['b'] })
  t.deepEqual(now(), { pkcs12File: '/store', passphrase: 'x' })
  t.deepEqual(server.tls!.options.alpn, ['b'])
  t.deepEqual(server.options.tls!.alpn, ['a'])
  await server.tls!.reload({ certFile: '/a', keyFile: '/b', ocspFile: '/c' })
  await server.tls!.reload({ ocsp: Buffer.from('response') })
  t.deepEqual(now(), {
    certificateFile: '/a',
    keyFile: '/b',
    ocsp: Uint8Array.from(Buffer.from('response')),
    passphrase: 'x',
  })
  t.deepEqual(server.tls!.files, ['/a', '/b'])
})

test('reload takes away what it is given as undefined, under either of its names', async (t) => {
  const resolve = (): null => null
  const { server, lane } = await listening({
    ...PAIR,
    passphrase: 'x',
    clientCertificate: 'required',
    caFile: '/ca',
    crlFile: '/crl',
    groups: ['X25519'],
    keyLogFile: '/log',
    resolve,
    resolveTimeout: 7,
  })
  const now = (): NativeTlsOptions => lane.contexts.at(-1)!.options
  await server.tls!.reload({
    clientCertificate: 'none',
    caFile: undefined,
    crlFile: undefined,
    keyLogFile: undefined,
    watch: undefined,
  })
  t.like(now(), { client: 'none', rootFiles: [], revocationListFiles: [], asksNames: true })
  t.false('keyLogFile' in now())
  t.is(now().certificates[0]!.passphrase, 'x')
  await server.tls!.reload({ passphrase: undefined, SNICallback: undefined, ecdhCurve: 'auto' })
  t.like(now(), { asksNames: false, groups: [] })
  t.false('passphrase' in now().certificates[0]!)
  await server.tls!.reload({ certFile: undefined, cert: CERT, ticketLifetime: 60, sessionTimeout: undefined })
  t.is(now().ticketLifetime, 60)
  await t.throwsAsync(server.tls!.reload({ cert: undefined }), { message: /tls\.key needs tls\.cert/ })
  await t.throwsAsync(server.tls!.reload({ resolveTimeout: undefined }), { message: /cannot be changed by reload/ })
})

test('a reload that fails changes nothing', async (t) => {
  const { server, lane } = await listening({ certFile: '/a', keyFile: '/b' })
  const count = lane.contexts.length
  loadErrors.push('ERR_TLS_MISMATCH - the private key in /y is not that of the certificate in /x')
  await t.throwsAsync(server.tls!.reload({ certFile: '/x', keyFile: '/y' }), { code: 'ERR_TLS_MISMATCH' })
  await t.throwsAsync(server.tls!.reload({ minVersion: 'TLSv1' as never }), { code: 'ERR_INVALID_OPTION' })
  await t.throwsAsync(server.tls!.reload({ certfile: 'x' } as never), { message: /no option tls\.certfile/ })
  await t.throwsAsync(server.tls!.reload(7 as never), { message: /option tls has to be an object with the options/ })
  for (const change of [{ allowPlain: true }, { resolveTimeout: 1 }, { watch: true }]) {
    await t.throwsAsync(server.tls!.reload(change), {
      code: 'ERR_INVALID_OPTION',
      message: /cannot be changed by reload/,
    })
  }
  t.is(lane.contexts.length, count)
  await server.tls!.reload()
  t.like(lane.contexts.at(-1)!.options.certificates[0], { certificateFile: '/a' })
})

test('reloads are made in turn, so that the last one stays', async (t) => {
  const { server, lane } = await listening(PAIR)
  await Promise.all([server.tls!.reload({ alpn: ['a'] }), server.tls!.reload({ alpn: ['b'] })])
  t.deepEqual(
    lane.contexts.slice(-2).map((context) => context!.options.alpn),
    [['a'], ['b']],
  )
})

test('a server that does not listen keeps what it was reloaded with', async (t) => {
  const server = createServer({ tls: PAIR, host: '127.0.0.1' })
  const count = lanes[0]!.contexts.length
  await server.tls!.reload({ alpn: ['a'] })
  t.is(lanes[0]!.contexts.length, count)
  await server.listen()
  t.deepEqual(lanes[0]!.contexts.at(-1)!.options.alpn, ['a'])
})

test('a server that listens again resumes the sessions of before', async (t) => {
  const { server, lane, id, tell } = await listening(PAIR)
  const before = lane.contexts.at(-1)!
  const closed = server.close()
  await tell((batch) => batch.serverClosed(id))
  await closed
  await server.tls!.reload()
  t.is(lane.contexts.at(-1)!, before)
  await server.listen()
  t.is(lane.contexts.at(-1)!.previous!.previous, before)
})

test('a name that is wanted is answered by what resolve finds, at once or later, and kept', async (t) => {
  const asked: string[] = []
  const { lane, id, tell } = await listening({
    ...PAIR,
    resolveCache: 60_000,
    resolve(name) {
      asked.push(name)
      if (name === 'none.example') return undefined
      return name.startsWith('later.') ? Promise.resolve(PAIR) : { certFile: `/certs/${name}`, keyFile: '/key' }
    },
  })
  const before = lane.names.length
  await tell((batch) => ['a.example', 'later.example', 'none.example'].forEach((name) => batch.nameWanted(name, id)))
  await settle()
  t.deepEqual(asked, ['a.example', 'later.example', 'none.example'])
  const answers = new Map(lane.names.slice(before).map((answer) => [answer.name, answer]))
  t.like(answers.get('a.example'), { server: id, keepMs: 60_000 })
  t.like(answers.get('a.example')!.credentials!.material, { certificateFile: '/certs/a.example', keyFile: '/key' })
  t.deepEqual(answers.get('later.example')!.credentials!.material.certificate, Buffer.from(CERT))
  t.deepEqual(answers.get('none.example'), { server: id, name: 'none.example', credentials: null, keepMs: 10_000 })
})

test('what resolve has found may be encrypted', async (t) => {
  const { lane, id, tell } = await listening({
    resolve: () => ({ cert: CERT, key: ENCRYPTED, passphrase: () => PASSPHRASE }),
  })
  await tell((batch) => batch.nameWanted('a.example', id))
  await settle()
  t.is(lane.names.at(-1)!.credentials!.material.passphrase, PASSPHRASE)
  t.is(loadedCredentials.at(-1)!.passphrase, PASSPHRASE)
})

for (const [what, resolve, message] of [
  [
    'throws',
    () => {
      throw new Error('no database')
    },
    /"a\.example" could not be found by tls\.resolve: no database/,
  ],
  ['rejects', () => Promise.reject(new Error('no database')), /no database/],
  ['throws no error', () => Promise.reject('a text'), /could not be found by tls\.resolve: a text/],
  ['gives a number', () => 7, /option certificate has to be an object/],
  ['gives an object without a certificate', () => ({}), /certificate has no certificate/],
  ['gives an unknown option', () => ({ ...PAIR, minVersion: 'TLSv1.3' }), /no option certificate\.minVersion/],
  ['gives several certificates', () => ({ cert: [CERT, CERT], key: [KEY, KEY] }), /2 certificates for a\.example/],
  ['gives a SecureContext', () => createSecureContext(), /SecureContext does not let its key be read/],
] as const) {
  test(`when resolve ${what}, onError is told once and nobody waits`, async (t) => {
    const errors: Array<Error & { code: string }> = []
    const { lane, id, tell } = await listening({ ...PAIR, resolve: resolve as never }, errors)
    await tell((batch) => batch.nameWanted('a.example', id))
    await settle()
    t.deepEqual(lane.names.at(-1), { server: id, name: 'a.example', credentials: null, keepMs: 0 })
    t.is(errors.length, 1)
    t.is(errors[0]!.code, 'ERR_TLS_RESOLVE')
    t.regex(errors[0]!.message, message)
    t.not(errors[0]!.cause, undefined)
  })
}

test('resolve is called once for a name at a time, and its delay is told once', async (t) => {
  const errors: Array<Error & { code: string }> = []
  const asked: string[] = []
  let answer!: (found: TlsOptions) => void
  const { lane, id, tell } = await listening(
    {
      ...PAIR,
      resolveTimeout: 20,
      resolve(name) {
        asked.push(name)
        return new Promise((resolve) => (answer = resolve))
      },
    },
    errors,
  )
  const before = lane.names.length
  await tell((batch) => batch.nameWanted('slow.example', id))
  await new Promise((resolve) => setTimeout(resolve, 60))
  await tell((batch) => batch.nameWanted('slow.example', id))
  t.deepEqual(asked, ['slow.example'])
  t.is(lane.names.length, before)
  t.is(errors.length, 1)
  t.is(errors[0]!.code, 'ERR_TLS_RESOLVE')
  t.regex(errors[0]!.message, /"slow\.example" was not found by tls\.resolve within tls\.resolveTimeout \(20 ms\)/)
  answer(PAIR)
  await settle()
  t.like(lane.names.at(-1), { name: 'slow.example', keepMs: 3_600_000 })
  t.not(lane.names.at(-1)!.credentials, null)
  await tell((batch) => batch.nameWanted('slow.example', id))
  t.is(asked.length, 2)
})

test('a name whose call never ends is asked for anew, after a while, a reload or a close', async (t) => {
  const calls: Array<(found: TlsOptions | null) => void> = []
  const told: unknown[][] = []
  const names = new NameAnswers({ answer: (...answer) => told.push(answer), failed: () => {} })
  const resolve = (): Promise<TlsOptions | null> => new Promise((give) => calls.push(give))
  const { now } = performance
  t.teardown(() => (performance.now = now))
  let time = 0
  performance.now = () => time
  void names.find('a', resolve, 1000, 5)
  time = 3999
  void names.find('a', resolve, 1000, 5)
  t.is(calls.length, 1)
  time = 4000
  void names.find('a', resolve, 1000, 5)
  t.is(calls.length, 2)
  calls[0]!(null)
  await settle()
  t.deepEqual(told, [], 'the later call is what counts')
  calls[1]!(null)
  await settle()
  t.deepEqual(told, [['a', null, 5]])

  void names.find('a', resolve, 1000, 5)
  names.forget()
  void names.find('a', resolve, 1000, 5)
  t.is(calls.length, 4)
  calls[3]!(null)
  calls[2]!(null)
  await settle()
  t.is(told.length, 3)
})

test('reload has a name asked for anew whose call is under way', async (t) => {
  const asked: string[] = []
  const never = (which: string) => (): Promise<null> => {
    asked.push(which)
    return new Promise(() => {})
  }
  const { server, id, tell } = await listening({ ...PAIR, resolve: never('first') })
  await tell((batch) => batch.nameWanted('a.example', id))
  await server.tls!.reload({ resolve: never('second') })
  await tell((batch) => batch.nameWanted('a.example', id))
  t.deepEqual(asked, ['first', 'second'])
})

test('256 calls of resolve run at a time, and what comes then is answered at once', async (t) => {
  let running = 0
  const told: unknown[][] = []
  const names = new NameAnswers({ answer: (...answer) => told.push(answer), failed: () => {} })
  const { now } = performance
  t.teardown(() => (performance.now = now))
  let time = 0
  performance.now = () => time
  let give!: (found: null) => void
  const resolve = (): Promise<null> => {
    running++
    return new Promise((resolvePromise) => (give = resolvePromise))
  }
  for (let i = 0; i < 1000; i++) void names.find(`${i}.example`, resolve, 1000, 60_000)
  t.is(running, 256)
  t.is(told.length, 744)
  t.deepEqual(told[0], ['256.example', null, 0])
  give(null)
  await settle()
  void names.find('one.example', resolve, 1000, 60_000)
  void names.find('more.example', resolve, 1000, 60_000)
  t.is(running, 257)
  time = 4000
  for (let i = 0; i < 1000; i++) void names.find(`${i}.example`, resolve, 1000, 60_000)
  t.is(running, 513)
})

test('a name that nobody resolves any more is answered', async (t) => {
  const { server, lane, id, tell } = await listening({ ...PAIR, resolve: () => null })
  await server.tls!.reload({ resolve: () => Promise.resolve(PAIR) })
  await tell((batch) => batch.nameWanted('a.example', id))
  await settle()
  t.not(lane.names.at(-1)!.credentials, null)
  const plain = await listening(PAIR)
  await tell((batch) => batch.nameWanted('b.example', plain.id))
  t.deepEqual(lane.names.at(-1), { server: plain.id, name: 'b.example', credentials: null, keepMs: 0 })
})

test('an answer for a server that has closed is for nobody', async (t) => {
  let answer!: (found: TlsOptions) => void
  const { server, lane, id, tell } = await listening({ resolve: () => new Promise((resolve) => (answer = resolve)) })
  await tell((batch) => batch.nameWanted('a.example', id))
  const closed = server.close()
  await tell((batch) => batch.serverClosed(id))
  await closed
  const before = lane.names.length
  answer(PAIR)
  await settle()
  t.is(lane.names.length, before)
})

test('a failed handshake is told to onError, and otherwise nobody’s news', async (t) => {
  const errors: Array<Error & { code: string; remoteAddress?: string }> = []
  const { id, tell } = await listening(PAIR, errors)
  await tell((batch) => batch.connectionError('ERR_TLS_HANDSHAKE 127.0.0.1 the client speaks TLS 1.0', id))
  t.like(errors, [{ code: 'ERR_TLS_HANDSHAKE', remoteAddress: '127.0.0.1' }])
  const quiet = await serve({ tls: PAIR })
  await tell((batch) => batch.connectionError('ERR_TLS_HANDSHAKE 127.0.0.1 the client speaks TLS 1.0', quiet.id))
})

test('a request says what its connection has agreed on', async (t) => {
  const requests: Request[] = []
  const { lane, ask } = await serve((request, response) => {
    requests.push(request)
    response.end()
  })
  lane.agreed.set(5, AGREED)
  await ask({ connection: 5, secure: true })
  await ask({ connection: 5, secure: true, early: true, sequence: 1 })
  await ask({ connection: 6 })
  await ask({ connection: 7, secure: true })
  const [secure, early, plain, gone] = requests as [Request, Request, Request, Request]
  t.true(secure.secure)
  t.true(secure.tls instanceof TlsInfo)
  t.is(secure.tls, secure.connection.tls)
  t.like(secure.tls, {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    group: 'X25519',
    serverName: 'a.example',
    alpnProtocol: 'http/1.1',
    resumed: false,
    earlyData: false,
    authorized: false,
    authorizationError: null,
    peerCertificate: null,
  })
  t.deepEqual(secure.tls!.peerCertificateChain, [])
  t.true(early.tls!.earlyData)
  t.deepEqual([plain.secure, plain.tls, plain.connection.tls], [false, null, null])
  t.deepEqual([gone.secure, gone.tls], [true, null])
  lane.agreed.clear()
  t.is(secure.tls!.version, 'TLSv1.3')
})

test('what is not known of a handshake is null', async (t) => {
  const { lane, ask } = await serve((request, response) => {
    t.like(request.tls, { group: null, serverName: null, alpnProtocol: null, authorizationError: null })
    response.end()
  })
  const { version, cipher, resumed, peerCertificates, authorized } = AGREED
  lane.agreed.set(8, { version, cipher, resumed, peerCertificates, authorized })
  t.plan(1)
  await ask({ connection: 8, secure: true })
})

test('a connection’s handshake is asked for once, however many of its requests want it', async (t) => {
  const { lane, ask } = await serve({
    handler: (request, response) => response.end(request.tls!.version),
    onError: () => {},
  })
  lane.agreed.set(9, AGREED)
  await ask({ connection: 9, generation: 3, secure: true })
  lane.agreed.clear()
  const [sent] = await ask({ connection: 9, generation: 3, sequence: 1, secure: true })
  t.is(sent!.body, 'TLSv1.3')
  const [other] = await ask({ connection: 9, generation: 4, secure: true })
  t.is(other!.status, 500)
})

test('a WebSocket says whether it came over TLS, and what was agreed on', async (t) => {
  const sockets: Array<ServerWebSocket<undefined>> = []
  const server = createServer({ host: '127.0.0.1' })
  server.websocket('/', { open: (socket) => sockets.push(socket) })
  const { lane, ask, tell } = await serve(server)
  const headers = [
    ['host', 'a'],
    ['upgrade', 'websocket'],
    ['connection', 'upgrade'],
    ['sec-websocket-version', '13'],
    ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ] as const
  lane.agreed.set(11, AGREED)
  for (const [connection, secure] of [
    [10, false],
    [11, true],
  ] as const) {
    await ask({ connection, secure, headers, route: 1 })
    await tell((batch) => batch.opened({ connection }))
  }
  const [plain, secure] = sockets as [ServerWebSocket, ServerWebSocket]
  t.deepEqual([plain.secure, plain.tls, plain.remotePort], [false, null, 5000])
  t.deepEqual([secure.secure, secure.tls!.serverName, secure.remotePort], [true, 'a.example', 5000])
  t.true(secure.tls!.earlyData === false && secure.readyState === 1)
})

test('statistics have TLS, all zero before the first listen', (t) => {
  t.deepEqual(createServer({ tls: PAIR }).stats().tls, {
    handshakes: 0,
    failed: 0,
    open: 0,
    resumed: 0,
    namesAsked: 0,
    plainRefused: 0,
  })
})

test('that a name has no certificate is kept no longer than what is found', async (t) => {
  const told: unknown[] = []
  const names = new NameAnswers({ answer: (...answer) => told.push(answer), failed: (error) => told.push(error) })
  await names.find('a', () => null, 1000, 5)
  t.deepEqual(told, [['a', null, 5]])
})
