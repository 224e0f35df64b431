import { generateKeyPairSync } from 'node:crypto'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import ava from 'ava'
import { createServer, selfSignedCertificate, type ServerOptions, type TlsOptions } from '#dist/index'
import { GROUPS, SUITES } from '#dist/tls/algorithms'
import { planTls, TLS_RULES } from '#dist/tls/resolve'

const test = ava

const CERT = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const KEY = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'
const PAIR = { cert: CERT, key: KEY }
const TICKET_KEY = new Uint8Array(48).fill(1)

/** What the core is given for options beside a pair. */
function native(options: TlsOptions): ReturnType<typeof planTls>['native'] {
  return planTls({ ...PAIR, ...options }).native
}

function materials(options: TlsOptions): object[] {
  return planTls(options).certificates.map(({ material }) =>
    Object.fromEntries(
      Object.entries(material).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? Buffer.from(value).toString() : (value as unknown),
      ]),
    ),
  )
}

test('without the option there is no TLS, and with it server.options shows what is in force, frozen', (t) => {
  t.is(createServer().options.tls, null)
  t.is(createServer().tls, null)
  t.is(createServer({ tls: undefined }).tls, null)
  const server = createServer({ tls: PAIR })
  t.deepEqual(server.options.tls, {
    unknownName: 'default',
    resolveTimeout: 5000,
    resolveCache: 3_600_000,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: [],
    groups: [],
    honorCipherOrder: true,
    alpn: ['http/1.1'],
    clientCertificate: 'none',
    resumption: true,
    ticketLifetime: 7200,
    earlyData: 0,
    keyLogFile: undefined,
    allowPlain: false,
    watch: false,
  })
  t.true(Object.isFrozen(server.options.tls) && Object.isFrozen(server.options.tls!.alpn))
  t.is(server.tls!.options, server.options.tls!)
  t.deepEqual(server.tls!.certificates, [])
})

test('no secret is shown where somebody prints a server or its options', (t) => {
  const server = createServer({
    tls: { ...PAIR, passphrase: 'open sesame', ticketKeys: TICKET_KEY, certificates: [PAIR] },
  })
  t.notRegex(JSON.stringify(server.options), /BEGIN|sesame|1,1,1/)
  t.notRegex(inspect(server, { depth: Infinity, showHidden: true }), /BEGIN|2d 2d|sesame|1, 1, 1/)
  const { options, certificates, files } = server.tls!
  t.is(JSON.stringify(server.tls), JSON.stringify({ options, certificates, files }))
  t.is(inspect(server.tls), inspect({ options, certificates, files }))
})

test('a pair is taken as PEM, as bytes, and by paths and file URLs that stay when the working directory changes', (t) => {
  t.deepEqual(materials(PAIR), [{ certificate: CERT, key: KEY }])
  t.deepEqual(materials({ cert: Buffer.from('der'), key: new Uint8Array([65]) }), [{ certificate: 'der', key: 'A' }])
  t.deepEqual(materials({ certFile: 'a.pem', keyFile: pathToFileURL('/etc/b.pem') }), [
    { certificateFile: path.resolve('a.pem'), keyFile: '/etc/b.pem' },
  ])
  t.deepEqual(planTls({ certFile: 'a.pem', keyFile: pathToFileURL('/b'), certificates: [{ pfxFile: 'c' }] }).given, {
    certFile: path.resolve('a.pem'),
    keyFile: '/b',
    certificates: [{ pfxFile: path.resolve('c') }],
  })
})

test('a file URL may be a text', (t) => {
  t.deepEqual(materials({ certFile: 'file:///etc/a%20b.pem', keyFile: '/b' }), [
    { certificateFile: '/etc/a b.pem', keyFile: '/b' },
  ])
})

test('certificate and key may be in one PEM', (t) => {
  t.deepEqual(materials({ cert: CERT + KEY }), [{ certificate: CERT + KEY }])
  t.deepEqual(materials({ certFile: '/both.pem' }), [{ certificateFile: '/both.pem' }])
})

test('bytes are copied: what the program does with them later changes nothing', (t) => {
  const key = Buffer.from(KEY)
  const plan = planTls({ cert: CERT, key })
  key.fill(0)
  t.is(Buffer.from(plan.certificates[0].material.key!).toString(), KEY)
})

test('several contents of cert are one chain, for which DER is written as PEM', (t) => {
  const [{ certificate }] = materials({ cert: [CERT, Buffer.from([1, 2, 3])], key: KEY }) as [{ certificate: string }]
  t.is(certificate, `${CERT}\n-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----`)
})

test('several keys with as many certificates are that many pairs, as in node:tls', (t) => {
  const other = CERT.replace('AAAA', 'BBBB')
  t.deepEqual(materials({ cert: [CERT, other], key: [KEY, { pem: KEY, passphrase: 'x' }] }), [
    { certificate: CERT, key: KEY },
    { certificate: other, key: KEY, passphrase: 'x' },
  ])
  t.throws(() => planTls({ cert: CERT, key: [KEY, KEY] }), {
    code: 'ERR_INVALID_OPTION',
    message: /2 keys in tls\.key/,
  })
})

test('a PKCS #12 store stands for certificate and key', (t) => {
  t.deepEqual(materials({ pfx: Buffer.from('store'), passphrase: 'x' }), [{ pkcs12: 'store', passphrase: 'x' }])
  t.deepEqual(materials({ pfx: [{ buf: Buffer.from('a'), passphrase: 'b' }, Buffer.from('c')] }), [
    { pkcs12: 'a', passphrase: 'b' },
    { pkcs12: 'c' },
  ])
  t.deepEqual(materials({ pfxFile: '/a.p12' }), [{ pkcs12File: '/a.p12' }])
})

test('further certificates come after the default one, each with its own names, response and passphrase', (t) => {
  const further = {
    ...PAIR,
    names: ['Bücher.example', '*.example.org'],
    ocsp: Buffer.from('response'),
    passphrase: 'x',
  }
  t.deepEqual(materials({ certFile: '/a', keyFile: '/b', ocspFile: '/c', certificates: [further] }), [
    { certificateFile: '/a', keyFile: '/b', ocspFile: '/c' },
    {
      certificate: CERT,
      key: KEY,
      ocsp: 'response',
      names: ['xn--bcher-kva.example', '*.example.org'],
      passphrase: 'x',
    },
  ])
  t.is(materials({ certificates: [PAIR, PAIR] }).length, 2)
})

test('a function for the passphrase is not called when the options are given', (t) => {
  const [{ material, passphrase }] = planTls({ ...PAIR, passphrase: () => t.fail() as never }).certificates
  t.is(typeof passphrase, 'function')
  t.false('passphrase' in material)
})

test('the core gets each option under its own name', (t) => {
  t.deepEqual(
    native({
      unknownName: 'refuse',
      resolve: () => null,
      minVersion: 'TLSv1.3',
      ciphers: ['TLS_AES_128_GCM_SHA256'],
      groups: ['X25519'],
      honorCipherOrder: false,
      alpn: ['acme-tls/1', 'http/1.1'],
      clientCertificate: 'asked',
      ca: [CERT, Buffer.from('der')],
      caFile: undefined,
      crlFile: ['/a.crl', '/b.crl'],
      ticketLifetime: 60,
      ticketKeys: [TICKET_KEY, TICKET_KEY],
      keyLogFile: '/tmp/keys',
    }),
    {
      unknownName: 'refuse',
      asksNames: true,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      suites: ['TLS_AES_128_GCM_SHA256'],
      groups: ['X25519'],
      serverOrder: false,
      alpn: ['acme-tls/1', 'http/1.1'],
      client: 'asked',
      roots: [Buffer.from(CERT), Uint8Array.from(Buffer.from('der'))],
      rootFiles: [],
      revocationLists: [],
      revocationListFiles: ['/a.crl', '/b.crl'],
      resumption: true,
      ticketLifetime: 60,
      ticketKeys: [TICKET_KEY, TICKET_KEY],
      earlyDataBytes: 0,
      keyLogFile: '/tmp/keys',
    },
  )
  t.is(native({ earlyData: true }).earlyDataBytes, 16_384)
  t.is(native({ earlyData: 1000 }).earlyDataBytes, 1000)
  t.false('keyLogFile' in native({ keyLogFile: undefined }))
  t.false('keyLogFile' in native({ keyLogFile: '' }), 'as shells turn off SSLKEYLOGFILE')
})

test('cipher suites are taken by their names of OpenSSL and of IANA, as a text or a list, once each', (t) => {
  for (const [iana, openssl] of Object.entries(SUITES)) {
    t.deepEqual(native({ ciphers: openssl }).suites, [iana])
    t.deepEqual(native({ ciphers: [iana, openssl] }).suites, [iana])
  }
  for (const between of [':', ' : ', ',', ' ', '::']) {
    const ciphers = `ECDHE-RSA-AES128-GCM-SHA256${between}tls_aes_128_gcm_sha256:`
    t.deepEqual(native({ ciphers }).suites, ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256'])
  }
})

test('groups are taken by each of their names', (t) => {
  for (const [name, others] of Object.entries(GROUPS)) {
    for (const one of [name, name.toLowerCase(), ...others]) t.deepEqual(native({ groups: [one] }).groups, [name])
  }
  t.deepEqual(native({ groups: 'X25519:prime256v1' }).groups, ['X25519', 'P-256'])
})

test('names of node:tls that mean the same are taken', (t) => {
  t.deepEqual(native({ ALPNProtocols: ['foo'] }).alpn, ['foo'])
  t.deepEqual(native({ ecdhCurve: 'P-384:X25519' }).groups, ['P-384', 'X25519'])
  t.deepEqual(native({ ecdhCurve: 'auto' }).groups, [])
  t.is(native({ sessionTimeout: 300 }).ticketLifetime, 300)
  t.is(native({ requestCert: true, ca: CERT }).client, 'required')
  t.is(native({ requestCert: true, rejectUnauthorized: true, ca: CERT }).client, 'required')
  t.is(native({ requestCert: true, rejectUnauthorized: false }).client, 'asked')
  t.is(native({ requestCert: false }).client, 'none')
  t.is(native({ rejectUnauthorized: false }).client, 'none')
  t.deepEqual(native({ ticketKeys: Buffer.alloc(48, 1) }).ticketKeys, [TICKET_KEY])
  t.true(native({ SNICallback: (_name, callback) => callback(null, null) }).asksNames)
})

test('SNICallback is resolve: what it gives its callback is what it has found', async (t) => {
  const { resolve } = planTls({
    SNICallback: ((name, callback) => {
      if (name === 'bad') callback(new Error('no'))
      else callback(null, { ...PAIR, names: [name] })
    }) satisfies TlsOptions['SNICallback'],
  })
  t.deepEqual(await resolve!('a.example'), { ...PAIR, names: ['a.example'] })
  await t.throwsAsync(async () => resolve!('bad'), { message: 'no' })
})

test('options left undefined are as those left out, also names of node:tls that mean nothing here', (t) => {
  const nothing = Object.fromEntries(
    [...Object.keys(TLS_RULES), 'dhparam', 'ecdhCurve'].map((name) => [name, undefined]),
  )
  t.deepEqual(planTls({ ...nothing, ...PAIR }).options, planTls(PAIR).options)
})

for (const [tls, message] of [
  [null, /option tls has to be an object/],
  [false, /option tls has to be an object/],
  [true, /option tls has to be an object such as \{ certFile, keyFile \}, or left out, but it is true/],
  ['cert.pem', /option tls has to be an object/],
  [[], /option tls has to be an object/],
  [{}, /tls has no certificate: it needs cert or certFile with key or keyFile, .*npx millrace cert/],
  [{ certificates: [] }, /tls has no certificate/],
  [{ certificates: [{}] }, /tls\.certificates\[0\] has no certificate/],
  [{ certificates: PAIR }, /option tls\.certificates has to be a list/],
  [{ certificates: [{ ...PAIR, minVersion: 'TLSv1.3' }] }, /no option tls\.certificates\[0\]\.minVersion/],
  [{ key: KEY }, /option tls\.key needs tls\.cert or tls\.certFile beside it/],
  [{ cert: CERT }, /option tls\.cert needs tls\.key or tls\.keyFile beside it/],
  [{ ...PAIR, certFile: 'a' }, /both tls\.cert and tls\.certFile: give one of them/],
  [{ ...PAIR, pfx: new Uint8Array(1) }, /both tls\.pfx and tls\.cert/],
  [{ pfxFile: 'a', keyFile: 'b' }, /both tls\.pfxFile and tls\.keyFile/],
  [{ passphrase: 'x', resolve: () => null }, /option tls\.passphrase needs a certificate/],
  [
    { cert: 'server.crt', key: KEY },
    /tls\.cert has to be the content.*it is "server\.crt"\. To name a file, write tls\.certFile/,
  ],
  [{ cert: CERT, key: './key.pem' }, /tls\.key has to be the content.*"\.\/key\.pem".*tls\.keyFile/],
  [{ cert: CERT, key: 'MIIEsecret' }, /tls\.key has to be the content, PEM .*, but it is a text without one/],
  [{ cert: CERT, key: 7 }, /tls\.key has to be PEM as text, or bytes of PEM or DER, but it is a number/],
  [{ cert: [], key: KEY }, /option tls\.cert has to be a certificate, but it is a list of 0/],
  [{ certFile: CERT, keyFile: 'a' }, /tls\.certFile has to be the path of a file, but .* Did you mean tls\.cert\?/],
  [{ certFile: 7, keyFile: 'a' }, /tls\.certFile has to be a path or a file: URL, but it is 7/],
  [{ certFile: new URL('http://a/b'), keyFile: 'a' }, /tls\.certFile has to be a path or a file: URL/],
  [{ pfx: 'store.p12' }, /tls\.pfx has to be bytes, .* "store\.p12"\. To name a file, write tls\.pfxFile/],
  [{ ...PAIR, passphrase: 7 }, /tls\.passphrase has to be a text, or a function that gives it, but it is a number/],
  [{ cert: CERT, key: { pem: KEY, passphrase: 7 } }, /tls\.key\.passphrase has to be a text/],
  [{ ...PAIR, ocsp: 'x.ocsp' }, /tls\.ocsp has to be bytes/],
  [{ ...PAIR, names: 'a' }, /tls\.names has to be a list of names/],
  [{ ...PAIR, names: ['a'.repeat(64)] }, /tls\.names has to be a list .* it is a text of 64 characters/],
  [{ ...PAIR, names: ['a.example/b'] }, /tls\.names has to be a list .* "a\.example\/b"/],
  [{ ...PAIR, names: ['a.*.example'] }, /tls\.names has to be a list .* "a\.\*\.example"/],
  [
    { cert: [CERT, CERT], key: [KEY, KEY], names: ['a'] },
    /tls\.names needs one certificate: write several as tls\.certificates/,
  ],
  [{ ...PAIR, unknownName: 'reject' }, /tls\.unknownName has to be "default" or "refuse", but it is "reject"/],
  [{ ...PAIR, resolve: {} }, /tls\.resolve has to be a function/],
  [{ ...PAIR, SNICallback: {} }, /tls\.SNICallback has to be a function/],
  [
    { ...PAIR, SNICallback: () => {}, resolve: () => null },
    /tls\.resolve and tls\.SNICallback are two names for one option/,
  ],
  [{ ...PAIR, resolveTimeout: 0 }, /tls\.resolveTimeout has to be a whole number from 1/],
  [{ ...PAIR, resolveCache: -1 }, /tls\.resolveCache/],
  [{ ...PAIR, minVersion: 'TLSv1.1' }, /tls\.minVersion cannot have "TLSv1\.1"\. .*RFC 8996/],
  [{ ...PAIR, minVersion: 'TLSv1' }, /RFC 8996/],
  [{ ...PAIR, minVersion: 'constructor' }, /tls\.minVersion has to be 'TLSv1\.2' or/],
  [{ ...PAIR, maxVersion: 'SSLv3' }, /tls\.maxVersion .*RFC 7568/],
  [{ ...PAIR, maxVersion: 'TLS1.3' }, /tls\.maxVersion has to be 'TLSv1\.2' or 'TLSv1\.3', but it is "TLS1\.3"/],
  [{ ...PAIR, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }, /tls\.minVersion has to be at most tls\.maxVersion/],
  [
    { ...PAIR, ciphers: 'HIGH:!aNULL' },
    /tls\.ciphers cannot have "HIGH"\. That stands for a choice that OpenSSL makes/,
  ],
  [{ ...PAIR, ciphers: '@SECLEVEL=2' }, /That stands for a choice/],
  [{ ...PAIR, ciphers: 'AES128-GCM-SHA256' }, /no forward secrecy/],
  [{ ...PAIR, ciphers: 'DHE-RSA-AES128-GCM-SHA256' }, /elliptic curves only.* leave such suites out/],
  [{ ...PAIR, ciphers: 'ECDHE-RSA-AES128-SHA' }, /not authenticated/],
  [{ ...PAIR, ciphers: ['TLS_AES_128_CCM_SHA256'] }, /The core does not have it/],
  [{ ...PAIR, ciphers: '' }, /tls\.ciphers has to be a list, or a text with ':' between/],
  [{ ...PAIR, groups: ['P-521'] }, /tls\.groups cannot have "P-521"\. The core does not have it\. .*X25519/],
  [{ ...PAIR, groups: [] }, /tls\.groups has to be a list/],
  [{ ...PAIR, ecdhCurve: ['P-256'] }, /tls\.ecdhCurve has to be 'auto'/],
  [{ ...PAIR, honorCipherOrder: 1 }, /tls\.honorCipherOrder has to be true or false/],
  [{ ...PAIR, alpn: 'http/1.1' }, /tls\.alpn has to be a list/],
  [{ ...PAIR, alpn: ['h2', 'http/1.1'] }, /tls\.alpn cannot have "h2"\. This server does not speak it/],
  [{ ...PAIR, alpn: ['x'.repeat(256)] }, /tls\.alpn has to be a list/],
  [{ ...PAIR, ALPNProtocols: Buffer.from('\x02h2') }, /tls\.ALPNProtocols has to be a list/],
  [{ ...PAIR, alpn: [], ALPNProtocols: [] }, /two names for one option/],
  [{ ...PAIR, clientCertificate: true }, /tls\.clientCertificate has to be "none" or "asked" or "required"/],
  [{ ...PAIR, clientCertificate: 'required' }, /tls\.clientCertificate .* together with tls\.ca/],
  [{ ...PAIR, requestCert: true }, /together with tls\.ca/],
  [{ ...PAIR, requestCert: 1 }, /tls\.requestCert has to be true or false/],
  [
    { ...PAIR, clientCertificate: 'none', requestCert: true },
    /tls\.clientCertificate and tls\.requestCert are two names/,
  ],
  [{ ...PAIR, ca: CERT }, /tls\.ca says who vouches for clients, but .*Intermediates .* belong behind it in tls\.cert/],
  [{ ...PAIR, clientCertificate: 'asked', crl: CERT }, /tls\.crl .* together with tls\.ca/],
  [
    { ...PAIR, clientCertificate: 'asked', crl: null },
    /tls\.crl has to be given together with tls\.ca or tls\.caFile\. /,
  ],
  [{ ...PAIR, clientCertificate: 'asked', ca: 'ca.pem' }, /tls\.ca has to be the content.*tls\.caFile/],
  [{ ...PAIR, clientCertificate: 'asked', caFile: [] }, /tls\.caFile has to be a path, or a list of paths/],
  [{ ...PAIR, resumption: 'yes' }, /tls\.resumption has to be true or false/],
  [{ ...PAIR, ticketLifetime: 604_801 }, /tls\.ticketLifetime has to be a whole number from 1 to 604800/],
  [
    { ...PAIR, ticketKeys: new Uint8Array(47) },
    /tls\.ticketKeys has to be 48 random bytes for each key, but one is 47 bytes/,
  ],
  [{ ...PAIR, ticketKeys: 'x'.repeat(48) }, /but one is a string/],
  [{ ...PAIR, ticketKeys: [] }, /tls\.ticketKeys has to be a key/],
  [{ ...PAIR, earlyData: 0 }, /tls\.earlyData has to be true, false, or a whole number of bytes from 1/],
  [{ ...PAIR, earlyData: 'yes' }, /tls\.earlyData has to be true, false/],
  [{ ...PAIR, earlyData: true, ticketKeys: TICKET_KEY }, /tls\.earlyData has to be false with tls\.ticketKeys/],
  [{ ...PAIR, earlyData: true, resumption: false }, /tls\.earlyData .* only who resumes can send it/],
  [{ ...PAIR, earlyData: true, maxVersion: 'TLSv1.2' }, /tls\.earlyData has to be false below TLSv1\.3/],
  [{ ...PAIR, keyLogFile: true }, /tls\.keyLogFile has to be a path/],
  [{ ...PAIR, allowPlain: 'yes' }, /tls\.allowPlain has to be true, false or 'redirect', but it is "yes"/],
  [{ ...PAIR, watch: 1 }, /tls\.watch has to be true or false/],
  [{ ...PAIR, watch: true }, /tls\.watch has to be false where nothing comes from a file/],
  [{ ...PAIR, certfile: 'x' }, /no option tls\.certfile\. Did you mean tls\.certFile\?/],
  [{ ...PAIR, handshakes: 1 }, /no option tls\.handshakes/],
  [{ ...PAIR, constructor: 1 }, /no option tls\.constructor\. /],
  [{ ...PAIR, ['__proto__']: { x: 1 } }, /no option tls\.__proto__\. /],
  [{ ...PAIR, dhparam: 'auto' }, /no option tls\.dhparam, which node:tls has: key exchange is by elliptic curves only/],
  [{ ...PAIR, secureProtocol: 'TLSv1_2_method' }, /tls\.secureProtocol.*tls\.minVersion and tls\.maxVersion/],
  [{ ...PAIR, secureOptions: 1 }, /tls\.secureOptions.*tls\.honorCipherOrder/],
  [{ ...PAIR, sigalgs: 'RSA+SHA256' }, /tls\.sigalgs.*leave it out/],
  [{ ...PAIR, sessionIdContext: 'x' }, /tls\.sessionIdContext.*tls\.ticketKeys/],
  [{ ...PAIR, handshakeTimeout: 1 }, /tls\.handshakeTimeout.*timeouts\.handshake/],
  [{ ...PAIR, ALPNCallback: () => {} }, /tls\.ALPNCallback.*tls\.alpn/],
  [{ ...PAIR, pskCallback: () => {} }, /tls\.pskCallback.*tls\.clientCertificate/],
  [{ ...PAIR, secureContext: {} }, /tls\.secureContext.*tls\.cert and tls\.key/],
  [{ ...PAIR, privateKeyEngine: 'x' }, /tls\.privateKeyEngine.*tls\.keyFile/],
  [{ ...PAIR, checkServerIdentity: () => {} }, /tls\.checkServerIdentity.*it is one of clients/],
] as const) {
  test(`refuses ${named(tls)} (${message.source})`, (t) => {
    t.throws(() => createServer({ tls } as unknown as ServerOptions), { code: 'ERR_INVALID_OPTION', message })
  })
}

test('an option of TLS beside the option tls is missed there', (t) => {
  for (const [name, value] of Object.entries({ cert: CERT, requestCert: true, minVersion: 'TLSv1.3' })) {
    const message = new RegExp(`no option ${name}\\. Did you mean tls\\.${name}\\?`)
    t.throws(() => createServer({ [name]: value }), { code: 'ERR_INVALID_OPTION', message })
  }
})

const DER_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'der' })
const ED_KEY = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'der' })
const PEM_LINES = DER_KEY.toString('base64').replaceAll(/.{64}/g, '$&\n')

for (const [what, text] of [
  ['PEM', `-----BEGIN PRIVATE KEY-----\n${PEM_LINES}\n-----END PRIVATE KEY-----\n`],
  ['PEM on one line', `-----BEGIN PRIVATE KEY-----\\n${PEM_LINES.replaceAll('\n', '\\n')}\\n-----END PRIVATE KEY-----`],
  ['PEM without its first line', `${PEM_LINES}\n-----END PRIVATE KEY-----\n`],
  ['the lines of PEM', PEM_LINES],
  ['DER in base64', DER_KEY.toString('base64')],
  ['DER in base64 for URLs', DER_KEY.toString('base64url')],
  ['a short key', ED_KEY.toString('base64')],
  ['DER as a text', DER_KEY.toString('latin1')],
  ['base64 of anything', `${'Ab1+'.repeat(20)}`],
  ['hexadecimal', DER_KEY.toString('hex')],
  ['more than a path can have', `./${'key.'.repeat(2000)}`],
] as const) {
  test(`a key given where it does not belong is in no message: ${what}`, (t) => {
    const secrets = [...text.matchAll(/[\w+/=]{12}/g)].map(String)
    const refused = (tls: object): void => {
      const error = t.throws(() => planTls(tls), { code: 'ERR_INVALID_OPTION' }) as Error
      for (const secret of secrets) t.false(error.message.includes(secret), error.message)
      t.true(error.message.length < 800)
    }
    for (const name of ['keyFile', 'certFile', 'pfxFile', 'ocspFile']) refused({ cert: CERT, key: KEY, [name]: text })
    refused({ certFile: 'a', keyFile: text })
    refused({ certificates: [{ certFile: 'a', keyFile: text }] })
    refused({ ...PAIR, clientCertificate: 'asked', caFile: ['a', text] })
    for (const name of [
      'names',
      'groups',
      'alpn',
      'ciphers',
      'unknownName',
      'resolveTimeout',
      'minVersion',
      'allowPlain',
    ]) {
      refused({ ...PAIR, [name]: text })
      if (name !== 'alpn') refused({ ...PAIR, [name]: [text] })
    }
    refused({ ...PAIR, keyLogFile: text })
  })
}

test('a key given as a name is in no message of selfSignedCertificate', (t) => {
  for (const name of [PEM_LINES, ED_KEY.toString('base64'), 'key.'.repeat(100)]) {
    const error = t.throws(() => selfSignedCertificate({ names: [name] }), { code: 'ERR_INVALID_OPTION' })!
    t.false(error.message.includes(name.slice(0, 60)))
    t.true(error.message.length < 150)
  }
})

test('paths are not taken for keys, and a file URL that has one is', (t) => {
  for (const name of [
    '/srv/applications/production/europe/central/certificates/example/current/fullchain/privkey',
    'MAIN-certificates/production/europe-central/example_org/current/fullchain.pem',
    `${'long-directory/'.repeat(200)}key.pem`,
    '/home/me/PRIVATE KEY.pem',
    'ключ.pem',
  ]) {
    t.deepEqual(materials({ certFile: '/a', keyFile: name }), [{ certificateFile: '/a', keyFile: path.resolve(name) }])
  }
  const url = new URL(`file:///${encodeURIComponent(DER_KEY.toString('base64'))}`)
  t.throws(() => planTls({ certFile: 'a', keyFile: url }), { code: 'ERR_INVALID_OPTION', message: /URL|looks like/ })
})

test('options that cannot be read are refused with a code, and the name of the option', (t) => {
  const list: unknown[] = []
  list.push(list)
  const object: Record<string, unknown> = {}
  object['names'] = object
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const thrower = (thrown: unknown): object => ({
    get key(): never {
      throw thrown
    },
  })
  for (const [name, value, why] of [
    ['certificates', list, /contains itself/],
    ['certificates', [object], /contains itself/],
    ['cert', proxy, /revoked/],
    ['alpn', [proxy], /revoked/],
    ['certificates', [thrower(new Error('no vault'))], /no vault/],
    ['key', thrower(Object.create(null)), /what was thrown cannot be shown/],
  ] as const) {
    const error = t.throws(() => planTls({ ...PAIR, [name]: value }), { code: 'ERR_INVALID_OPTION', message: why })!
    t.true(error.message.startsWith(`The option tls.${name} cannot be read: `), error.message)
  }
  t.throws(() => planTls(thrower(new Error('x'))), {
    code: 'ERR_INVALID_OPTION',
    message: /tls\.key cannot be read: x\. \(ERR_INVALID_OPTION\)$/,
  })
  t.throws(() => planTls(new Proxy({}, { ownKeys: () => 7 as never })), { code: 'ERR_INVALID_OPTION' })
  t.throws(() => planTls(proxy), { code: 'ERR_INVALID_OPTION' })
})

test('what is no option of a certificate is refused where resolve gives it, and nothing secret is in a message', (t) => {
  const error = t.throws(() => planTls({ cert: CERT, key: 'MIIEvSecretSecret' }))
  t.notRegex(error.message, /Secret/)
  t.notRegex(t.throws(() => planTls({ ...PAIR, passphrase: { sesame: 1 } })).message, /sesame/)
})

function named(tls: unknown): string {
  return JSON.stringify(tls, (_name, value: unknown) => {
    if (typeof value === 'function') return 'a function'
    if (value instanceof Uint8Array || Buffer.isBuffer(value)) return 'bytes'
    return typeof value === 'string' && value.length > 60 ? `${value.slice(0, 20)}…` : value
  })
}
