import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'
import { test } from 'node:test'

import { CERTIFICATE, KEY } from '../handlers/credentials.mjs'
import { canRun, peers } from '../lib/peers.mjs'
import { scenarios } from '../lib/scenarios.mjs'
import { OFFERED, connectTls, holdingTls, loadingTls, writeCredentials } from '../lib/tls.mjs'
import { verify } from '../lib/verify.mjs'

const overTls = Object.entries(scenarios).filter(([, { tls }]) => tls)
const answer =
  'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 13\r\n' +
  'Date: Sat, 01 Feb 2025 00:00:00 GMT\r\n\r\nHello, World!'

test('every TLS scenario has the subject and the peers its targets name', () => {
  const played = Object.fromEntries(
    overTls.map(([name, scenario]) => [name, Object.keys(peers).filter((peer) => canRun(peer, scenario))]),
  )
  const all = ['millrace', 'uwebsockets', 'bun', 'deno', 'node', 'nginx', 'hyper']
  assert.deepEqual(played, {
    'tls-hello': all,
    'tls-handshakes': all,
    'tls-file': ['millrace', 'nginx'],
    'tls-idle': all,
  })
})

test('a handler a peer has over TLS alone takes part in nothing else', () => {
  assert.ok(!canRun('nginx', scenarios.hello))
  assert.ok(!canRun('floor', scenarios['tls-hello']))
})

test('the load is told the mode, the path and how many connections', () => {
  const times = { warmup: 1, seconds: 3 }
  assert.deepEqual(loadingTls(443, scenarios['tls-file'], times).slice(1), [
    'requests',
    '443',
    'connections=4',
    'path=/10m.bin',
    'warmup=1',
    'seconds=3',
  ])
  assert.deepEqual(holdingTls(443, scenarios['tls-idle']).slice(1), ['idle', '443', 'connections=8000', 'path=/'])
})

test('the load offers what the questions before it offer', () => {
  const source = readFileSync(new URL('../native/tls/src/client.rs', import.meta.url), 'utf8')
  assert.match(source, /cipher_suites = vec!\[aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256\]/)
  assert.match(source, /kx_groups = vec!\[X25519\]/)
  assert.match(source, /with_protocol_versions\(&\[&version::TLS13\]\)/)
  assert.deepEqual(OFFERED, { protocol: 'TLSv1.3', suite: 'TLS_AES_128_GCM_SHA256', group: 'X25519' })
})

test('the certificate is for localhost, and its key is on P-256', { skip: noOpenssl() }, () => {
  writeCredentials()
  const certificate = new X509Certificate(readFileSync(CERTIFICATE))
  const key = createPrivateKey(readFileSync(KEY))
  assert.equal(certificate.subjectAltName, 'DNS:localhost')
  assert.equal(key.asymmetricKeyDetails.namedCurve, 'prime256v1')
  assert.ok(certificate.checkPrivateKey(key))
})

test('a server is asked over TLS, and one that takes another offer fails', { skip: noOpenssl() }, async () => {
  writeCredentials()
  const scenario = scenarios['tls-hello']
  await serving({}, (port) => verify(port, scenario, { open: connectTls }))
  for (const options of [
    { maxVersion: 'TLSv1.2' },
    { ciphers: 'TLS_AES_256_GCM_SHA384' },
    { ecdhCurve: 'prime256v1' },
  ]) {
    await serving(options, (port) =>
      assert.rejects(verify(port, scenario, { open: connectTls }), /alert|closed|hello/i),
    )
  }
})

async function serving(options, ask) {
  const own = { cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }
  const server = createServer({ ...own, ...options }, (socket) => {
    socket.on('error', () => {}).once('data', () => socket.write(answer))
  })
  server.on('tlsClientError', () => {})
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await ask(server.address().port)
  } finally {
    server.close()
  }
}

function noOpenssl() {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'openssl is not installed'
  }
}
