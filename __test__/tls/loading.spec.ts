import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { binding } from '#dist/binding'
import { createServer, selfSignedCertificate, type ServerTls, type TlsOptions } from '#dist/index'
import { GROUPS, SUITES } from '#dist/tls/algorithms'

// What the core makes of options, without a connection: `reload` loads also where nobody listens.

const pair = selfSignedCertificate({ names: ['a.example', '*.b.example', '127.0.0.1'], days: 10 })
const encrypted = createPrivateKey(pair.key).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'open sesame',
}) as string

async function loaded(tls: TlsOptions): Promise<ServerTls> {
  const server = createServer({ tls })
  await server.tls!.reload()
  return server.tls!
}

test('every cipher suite and group that options can name is the core’s, and no other is', async (t) => {
  for (const suite of Object.keys(SUITES)) {
    // Those for RSA are of no use to this certificate alone.
    await t.notThrowsAsync(loaded({ ...pair, ciphers: [suite, 'TLS_AES_128_GCM_SHA256'] }), suite)
  }
  for (const groups of Object.keys(GROUPS)) await t.notThrowsAsync(loaded({ ...pair, groups }), groups)
  const possible = async (what: object): Promise<string[]> => {
    const error = (await t.throwsAsync(async () => binding().loadTls({ certificates: [], ...what })))!
    return / Possible are (.*)$/.exec(error.message)![1]!.split(', ').sort()
  }
  t.deepEqual(await possible({ groups: ['none'] }), Object.keys(GROUPS).sort())
  t.deepEqual(await possible({ suites: ['none'] }), Object.values(SUITES).sort())
})

test('versions that have no suite are an error that says so', async (t) => {
  const tls: TlsOptions = { ...pair, minVersion: 'TLSv1.3', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }
  await t.throwsAsync(loaded(tls), { code: 'ERR_TLS_OPTION', message: /TLSv1\.3/ })
})

test('what a certificate says is as node:crypto reads it', async (t) => {
  const { certificates } = await loaded(pair)
  const theirs = new X509Certificate(pair.cert)
  t.is(certificates.length, 1)
  const [ours] = certificates
  t.deepEqual([...ours!.names].sort(), ['*.b.example', '127.0.0.1', 'a.example'])
  t.is(ours!.fingerprint256, theirs.fingerprint256)
  t.is(ours!.validFrom.getTime(), Date.parse(theirs.validFrom))
  t.is(ours!.validTo.getTime(), Date.parse(theirs.validTo))
  t.is(ours!.serialNumber.toLowerCase().replace(/^0+/, ''), theirs.serialNumber.toLowerCase().replace(/^0+/, ''))
  t.is(ours!.keyType, 'ECDSA P-256')
})

test('certificate and key are taken as PEM and DER, from memory and files, apart and together', async (t) => {
  const der = new X509Certificate(pair.cert).raw
  const key = createPrivateKey(pair.key).export({ type: 'pkcs8', format: 'der' })
  const place = files(t, { 'cert.pem': pair.cert, 'key.pem': pair.key, 'both.pem': pair.cert + pair.key, 'a.der': der })
  for (const tls of [
    { cert: der, key },
    { cert: [der], key: [key] },
    { cert: Buffer.from(pair.cert), key: pair.key },
    { cert: pair.cert + pair.key },
    { certFile: place('cert.pem'), keyFile: place('key.pem') },
    { certFile: place('both.pem') },
    { certFile: place('a.der'), key: { pem: encrypted, passphrase: 'open sesame' } },
    { cert: [pair.cert, der], key: pair.key },
  ]) {
    const { certificates } = await loaded(tls)
    t.is(certificates[0]!.fingerprint256, new X509Certificate(pair.cert).fingerprint256)
  }
})

test('an encrypted key is read with a passphrase, or a function that is asked once for each loading', async (t) => {
  const place = files(t, { 'key.pem': encrypted })
  const keyFile = place('key.pem')
  const asked: unknown[] = []
  const passphrase: TlsOptions['passphrase'] = async (what) => {
    asked.push(what)
    return 'open sesame'
  }
  await loaded({ cert: pair.cert, keyFile, passphrase: 'open sesame' })
  const tls = await loaded({ cert: pair.cert, keyFile, passphrase })
  t.deepEqual(asked, [{ file: keyFile }])
  await tls.reload({ key: encrypted })
  t.deepEqual(asked.slice(1), [{ file: undefined }])
  await tls.reload({ key: pair.key })
  t.is(asked.length, 2)
})

test('a passphrase that is missing or wrong is told with its file', async (t) => {
  const keyFile = files(t, { 'key.pem': encrypted })('key.pem')
  for (const passphrase of [undefined, 'wrong', () => 'wrong']) {
    const error = (await t.throwsAsync(loaded({ cert: pair.cert, keyFile, passphrase }), {
      code: 'ERR_TLS_PASSPHRASE',
    }))!
    t.true(error.message.includes(keyFile), error.message)
  }
})

test('the key of another certificate is a mismatch, whichever of several it is', async (t) => {
  const other = selfSignedCertificate()
  await t.throwsAsync(loaded({ ...pair, certificates: [{ cert: other.cert, key: pair.key }] }), {
    code: 'ERR_TLS_MISMATCH',
  })
})

test('roots and revocation lists that are none are the fault of client certificates’ options', async (t) => {
  const asked = { ...pair, clientCertificate: 'asked' } as const
  const nothing = files(t, { 'empty.pem': '' })('empty.pem')
  await t.throwsAsync(loaded({ ...asked, caFile: nothing }), { code: 'ERR_TLS_CLIENT_CA', message: /empty\.pem/ })
  await t.throwsAsync(loaded({ ...asked, ca: pair.cert, crlFile: nothing }), { code: 'ERR_TLS_CLIENT_CA' })
  await t.throwsAsync(loaded({ ...asked, ca: pair.cert, crlFile: '/no/such.crl' }), {
    code: 'ERR_TLS_FILE',
    message: /\/no\/such\.crl/,
  })
  await t.notThrowsAsync(loaded({ ...asked, ca: pair.cert }))
})

test('no error of loading shows a secret', async (t) => {
  const error = (await t.throwsAsync(loaded({ cert: pair.cert, key: encrypted, passphrase: 'hunter2' })))!
  t.notRegex(`${error.message}${error.stack}`, /hunter2|BEGIN/)
})

/** Files in a folder that is removed at the end of the test. */
function files(t: ExecutionContext, contents: Record<string, string | Buffer>): (name: string) => string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-loading-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(contents)) writeFileSync(path.join(folder, name), content)
  return (name) => path.join(folder, name)
}
