import { chmodSync } from 'node:fs'
import ava from 'ava'
import { createServer, selfSignedCertificate, type CodedError, type TlsOptions } from '#dist/index'
import { testOpenssl, Workshop } from './openssl'
import { ask, refusal, serve } from './served'

// Keys and certificates that do not work, as people have them: the error says which, and why. `listen` rejects, and can
// be called again.

const test = ava.serial

async function failure(tls: TlsOptions): Promise<CodedError> {
  const server = createServer({ tls })
  try {
    await server.listen({ host: '127.0.0.1' })
  } catch (error) {
    return error as CodedError
  } finally {
    await server.close({ timeout: 0 })
  }
  throw new Error('it listens')
}

test('a key of another certificate is a mismatch', async (t) => {
  const { cert } = selfSignedCertificate()
  const { key } = selfSignedCertificate()
  const error = await failure({ cert, key })
  t.is(error.code, 'ERR_TLS_MISMATCH')
  t.regex(error.message, /key/)
})

test('a file that is not there is named', async (t) => {
  const { cert, key } = selfSignedCertificate()
  for (const tls of [
    { certFile: '/nowhere/cert.pem', key },
    { cert, keyFile: '/nowhere/key.pem' },
    { pfxFile: '/nowhere/store.p12' },
  ]) {
    const error = await failure(tls)
    t.is(error.code, 'ERR_TLS_FILE')
    t.regex(error.message, /\/nowhere\/(?:cert\.pem|key\.pem|store\.p12)/)
    t.regex(error.message, /no such file|does not exist|not found/i)
  }
})

test('a file that cannot be read is named', async (t) => {
  const workshop = await Workshop.open(t)
  const { cert, key } = selfSignedCertificate()
  const folder = await failure({ certFile: workshop.folder, key })
  t.is(folder.code, 'ERR_TLS_FILE')
  t.true(folder.message.includes(workshop.folder), folder.message)
  // Whoever is root may read all.
  if (process.getuid?.() === 0) return
  const keyFile = workshop.file('secret.pem', key)
  chmodSync(keyFile, 0)
  const error = await failure({ cert, keyFile })
  t.is(error.code, 'ERR_TLS_FILE')
  t.regex(error.message, /secret\.pem.*denied/i)
})

test('certificate and key that were confused are told apart', async (t) => {
  const { cert, key } = selfSignedCertificate()
  const swapped = await failure({ cert: key, key: cert })
  t.regex(swapped.code, /^ERR_TLS_(?:CERTIFICATE|KEY)$/)
  t.is((await failure({ cert, key: cert })).code, 'ERR_TLS_KEY')
  t.is((await failure({ cert: key, key })).code, 'ERR_TLS_CERTIFICATE')
})

test('damaged PEM is an error that names its file, and shows nothing of a key', async (t) => {
  const workshop = await Workshop.open(t)
  const { cert, key } = selfSignedCertificate()
  const secret = key.split('\n')[1]
  const broken = {
    'cut.pem': key.slice(0, -60),
    'letters.pem': key.replace(secret, `${secret.slice(0, 20)}!?`),
    'shorter.pem': key.replace(secret, secret.slice(8)),
    'empty.pem': '',
    'text.pem': 'this is no key\n',
  }
  for (const [name, content] of Object.entries(broken)) {
    const keyFile = workshop.file(name, content)
    const error = await failure({ cert, keyFile })
    t.is(error.code, 'ERR_TLS_KEY', `${name}: ${error.message}`)
    t.true(error.message.includes(keyFile), error.message)
    t.false(error.message.includes(secret.slice(8, 20)), error.message)
  }
  for (const [name, content] of Object.entries({ 'cut.pem': cert.slice(0, -60), 'empty.pem': '', 'der.pem': 'x' })) {
    const certFile = workshop.file(`cert-${name}`, content)
    const error = await failure({ certFile, key })
    t.is(error.code, 'ERR_TLS_CERTIFICATE', `${name}: ${error.message}`)
    t.true(error.message.includes(certFile), error.message)
  }
})

test('a server whose certificate could not be used can listen when it can', async (t) => {
  const workshop = await Workshop.open(t)
  const { cert, key } = selfSignedCertificate({ names: ['localhost', '127.0.0.1'] })
  const [certFile, keyFile] = [workshop.file('cert.pem', cert), workshop.file('key.pem', 'nothing yet')]
  const server = createServer({ handler: (_request, response) => response.end('at last'), tls: { certFile, keyFile } })
  t.teardown(() => server.close({ timeout: 0 }))
  await t.throwsAsync(server.listen({ host: '127.0.0.1' }), { code: 'ERR_TLS_KEY' })
  workshop.file('key.pem', key)
  const { port } = await server.listen({ host: '127.0.0.1' })
  t.is(await ask(port, { ca: cert }), 'at last')
})

for (const [what, options] of [
  ['PKCS #8, AES-256', ['pkcs8', '-topk8', '-v2', 'aes-256-cbc']],
  ['PKCS #8, scrypt', ['pkcs8', '-topk8', '-scrypt']],
  ['PKCS #8, triple DES', ['pkcs8', '-topk8', '-v2', 'des3']],
  ['the old encryption of PEM', ['ec', '-aes128']],
] as const) {
  testOpenssl(
    `a key with a passphrase (${what}): the right one opens it, a wrong one is told with its file`,
    async (t) => {
      const workshop = await Workshop.open(t)
      const { cert } = workshop.pair('site')
      workshop.run(...options, '-in', 'site.key', '-out', 'locked.key', '-passout', 'pass:open sesame')
      const keyFile = workshop.file('locked.key')

      const missing = await failure({ cert, keyFile })
      t.is(missing.code, 'ERR_TLS_PASSPHRASE', missing.message)
      t.true(missing.message.includes(keyFile), missing.message)
      t.regex(missing.message, /encrypted/)

      for (const passphrase of ['wrong', '', 'open sesame ', 'x'.repeat(10_000)]) {
        const wrong = await failure({ cert, keyFile, passphrase })
        t.is(wrong.code, 'ERR_TLS_PASSPHRASE', wrong.message)
        t.true(wrong.message.includes(keyFile), wrong.message)
        t.false(passphrase !== '' && passphrase !== 'wrong' && wrong.message.includes(passphrase))
      }

      const asked: unknown[] = []
      const server = await serve(t, undefined, {
        cert,
        keyFile,
        key: undefined,
        passphrase: (about) => (asked.push(about.file), Promise.resolve('open sesame')),
      })
      t.deepEqual(asked, [keyFile])
      t.is(await ask(server.port, { ca: cert }), 'hello')
    },
  )
}

testOpenssl('a PKCS #12 store opens with its passphrase, and a wrong one is told with its file', async (t) => {
  const workshop = await Workshop.open(t)
  const { cert } = workshop.pair('site')
  const files = ['-inkey', 'site.key', '-in', 'site.pem', '-out', 'store.p12']
  workshop.run('pkcs12', '-export', ...files, '-passout', 'pass:open sesame')
  const pfxFile = workshop.file('store.p12')
  for (const passphrase of [undefined, 'wrong']) {
    const error = await failure({ pfxFile, ...(passphrase === undefined ? {} : { passphrase }) })
    t.is(error.code, 'ERR_TLS_PASSPHRASE', error.message)
    t.true(error.message.includes(pfxFile), error.message)
  }
  const { port } = await serve(t, undefined, { cert: undefined, key: undefined, pfxFile, passphrase: 'open sesame' })
  t.is(await ask(port, { ca: cert }), 'hello')
  workshop.file('store.p12', 'not a store')
  t.regex((await failure({ pfxFile, passphrase: 'open sesame' })).message, /store\.p12/)
})

for (const algorithm of ['EC', 'RSA', 'ED25519'] as const) {
  testOpenssl(`a key of ${algorithm} serves TLS 1.2 and 1.3`, async (t) => {
    const workshop = await Workshop.open(t)
    const pair = workshop.pair('site', { algorithm })
    const { port } = await serve(t, undefined, pair)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      t.is(await refusal(port, { ca: pair.cert, minVersion: version, maxVersion: version }), 'served', version)
    }
  })
}

testOpenssl('a certificate that has expired is served, and clients refuse it', async (t) => {
  const workshop = await Workshop.open(t)
  const pair = workshop.pair('old', { days: -1 })
  const { port, server } = await serve(t, undefined, pair)
  t.true(server.tls!.certificates[0].validTo.getTime() < Date.now())
  t.is(await refusal(port, { ca: pair.cert }), 'CERT_HAS_EXPIRED')
  t.is(await refusal(port, { ca: pair.cert, rejectUnauthorized: false }), 'served')
})
