import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { binding, type NativeTlsMaterial, type NativeTlsOptions } from '#dist/binding'

const { loadTls, loadTlsCredentials, selfSignedCertificate } = binding()
const localhost = pairOf('localhost', '127.0.0.1', '::1')

/** A self-signed certificate and its key, as they cross. */
function pairOf(...names: string[]): { certificate: Buffer; key: Buffer } {
  const { certificate, key } = selfSignedCertificate(names, 2)
  return { certificate: Buffer.from(certificate), key: Buffer.from(key) }
}

/** The message that loading rejects with. */
async function failureOf(options: Partial<NativeTlsOptions>): Promise<string> {
  const load = async () => loadTls({ certificates: [localhost], ...options })
  return load().then(
    () => 'nothing failed',
    (error: Error) => error.message,
  )
}

test('a self-signed pair is for its names, for so many days, and belongs together', (t) => {
  const certificate = new X509Certificate(localhost.certificate)
  t.is(certificate.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1')
  t.true(certificate.checkPrivateKey(createPrivateKey(localhost.key)))
  t.false(certificate.ca)
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  t.is(to - from, 2 * 86_400_000)
  t.true(from <= Date.now() && Date.now() < from + 60_000)
  t.true(certificate.verify(certificate.publicKey))
})

test('a self-signed pair for nobody, or for no time, is refused', (t) => {
  t.throws(() => selfSignedCertificate([], 1), { message: /^ERR_TLS_OPTION - / })
  t.throws(() => selfSignedCertificate(['localhost'], 0), { message: /^ERR_TLS_OPTION - / })
  t.throws(() => selfSignedCertificate(['not a name'], 1), { message: /^ERR_TLS_OPTION - .*not a name/ })
})

test('what was loaded tells of its certificates as node:crypto does', async (t) => {
  const other = pairOf('other.example')
  const context = await loadTls({ certificates: [localhost, other] })
  const [first, second] = context.certificates()
  const expected = new X509Certificate(localhost.certificate)
  t.deepEqual(first, {
    names: ['localhost', '127.0.0.1', '::1'],
    subject: 'CN=localhost',
    issuer: 'CN=localhost',
    serialNumber: expected.serialNumber,
    notBefore: Date.parse(expected.validFrom) / 1000,
    notAfter: Date.parse(expected.validTo) / 1000,
    fingerprint256: expected.fingerprint256,
    keyType: 'ECDSA P-256',
  })
  t.deepEqual(second!.names, ['other.example'])
  const credentials = await loadTlsCredentials(other)
  t.is(credentials.certificate().fingerprint256, second!.fingerprint256)
})

test('DER and files are as good as PEM and memory', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-binding-tls-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const certificate = new X509Certificate(localhost.certificate)
  const key = createPrivateKey(localhost.key).export({ type: 'pkcs8', format: 'der' })
  const [certificateFile, keyFile] = ['cert.pem', 'key.der'].map((name) => path.join(directory, name))
  writeFileSync(certificateFile!, localhost.certificate)
  writeFileSync(keyFile!, key)
  const materials: NativeTlsMaterial[] = [
    { certificate: certificate.raw, key },
    { certificateFile, keyFile },
    { certificate: Buffer.concat([localhost.key, localhost.certificate]) },
  ]
  for (const material of materials) {
    const credentials = await loadTlsCredentials(material)
    t.is(credentials.certificate().fingerprint256, certificate.fingerprint256)
  }
})

test('loading fails with a code, and a text that says what is wrong and where', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = (passphrase?: string) =>
    Buffer.from(
      createPrivateKey(localhost.key).export({
        type: 'pkcs8',
        format: 'pem',
        ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }),
      }),
    )
  const { certificate, key } = localhost
  const failures: Array<[Partial<NativeTlsOptions>, RegExp]> = [
    [{ certificates: [{ certificateFile: '/nowhere/cert.pem', key }] }, /^ERR_TLS_FILE - .*\/nowhere\/cert\.pem/],
    [{ certificates: [{ certificate: Buffer.from('junk'), key }] }, /^ERR_TLS_CERTIFICATE - .*`cert`/],
    [{ certificates: [{ certificate, key: Buffer.from('junk') }] }, /^ERR_TLS_KEY - .*`key`/],
    [
      { certificates: [{ certificate, key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })) }] },
      /^ERR_TLS_MISMATCH - /,
    ],
    [{ certificates: [{ certificate, key: pem('secret') }] }, /^ERR_TLS_PASSPHRASE - .*`key`/],
    [{ certificates: [{ certificate, key: pem('secret'), passphrase: 'wrong' }] }, /^ERR_TLS_PASSPHRASE - .*`key`/],
    [{ client: 'required', roots: [Buffer.from('junk')] }, /^ERR_TLS_CLIENT_CA - /],
    [{ suites: ['TLS_OF_MY_OWN'] }, /^ERR_TLS_OPTION - .*TLS_OF_MY_OWN/],
    [{ groups: ['P-1'] }, /^ERR_TLS_OPTION - .*P-1/],
    [{ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }, /^ERR_TLS_OPTION - /],
    [{ minVersion: 'TLSv1.1' as 'TLSv1.2' }, /^ERR_TLS_OPTION - minVersion cannot be TLSv1\.1/],
    [{ ticketKeys: [Buffer.alloc(47)] }, /^ERR_TLS_OPTION - .*48 bytes/],
    [{ certificates: [] }, /^ERR_TLS_/],
  ]
  for (const [options, message] of failures) t.regex(await failureOf(options), message)
  const loaded = await loadTls({ certificates: [{ certificate, key: pem('secret'), passphrase: 'secret' }] })
  t.is(loaded.certificates().length, 1)
})

test('a key that takes long to decrypt keeps no timer waiting', async (t) => {
  const key = createPrivateKey(localhost.key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  })
  const material = { certificate: localhost.certificate, key: Buffer.from(key), passphrase: 'secret' }
  let isLoading = true
  const all = Promise.all(Array.from({ length: 500 }, () => loadTlsCredentials(material))).finally(() => {
    isLoading = false
  })
  await sleep(1)
  t.true(isLoading)
  t.is((await all).length, 500)
})

test('a context that was loaded after another takes its place with or without it', async (t) => {
  const first = await loadTls({ certificates: [localhost] })
  const second = await loadTls({ certificates: [pairOf('b.example')] }, first)
  t.deepEqual(second.certificates()[0]!.names, ['b.example'])
  t.deepEqual(first.certificates()[0]!.names, ['localhost', '127.0.0.1', '::1'])
})

test('what is no context is refused by a type error and harms nothing', (t) => {
  t.throws(() => loadTls({ certificates: [localhost] }, {} as never))
  t.throws(() => loadTls({} as never))
})
