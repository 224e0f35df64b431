import { once } from 'node:events'
import { request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { ConnectionOptions } from 'node:tls'
import ava from 'ava'
import { createServer, type Handler, type TlsOptions } from '#dist/index'
import { hasOpenssl, Workshop } from './openssl'
import { serve } from './served'

// What programs set up by a TLS context in other languages: files, a callback for the password, key exchange, versions.

const test = hasOpenssl ? ava.serial : ava.serial.skip

const agreed: Handler = (request, response) => {
  const { version, group } = request.tls!
  response.end(`${request.secure} ${version} ${group}`)
}

test('a handler needs to know nothing of TLS, and can know all of it', async (t) => {
  const { port, ca } = await serve(t, (request, response) => {
    response.setHeader('x-secure', `${request.secure} ${request.connection.tls?.version}`)
    response.end(request.url)
  })
  const answer = await get(port, { ca }, '/a?b')
  t.is(answer.text, '/a?b')
  t.is(answer.headers['x-secure'], 'true TLSv1.3')
})

test('a chain of certificates comes from a file, so that clients need to know the root alone', async (t) => {
  const workshop = await Workshop.open(t)
  issue(workshop)
  workshop.file('chain.pem', workshop.read('leaf.pem') + workshop.read('middle.pem'))
  const files = { cert: undefined, key: undefined, keyFile: workshop.file('leaf.key') }
  const chain = await serve(t, agreed, { ...files, certFile: workshop.file('chain.pem') })
  t.regex((await get(chain.port, { ca: workshop.read('root.pem') })).text, /^true TLSv1\.3/)

  const alone = await serve(t, agreed, { ...files, certFile: workshop.file('leaf.pem') })
  await t.throwsAsync(get(alone.port, { ca: workshop.read('root.pem') }), {
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
})

test('the password of a private key’s file comes from a callback, at once or later', async (t) => {
  const workshop = await Workshop.open(t)
  const { cert } = workshop.pair('site')
  workshop.run('pkcs8', '-topk8', '-in', 'site.key', '-out', 'locked.key', '-passout', 'pass:open sesame')
  const keyFile = workshop.file('locked.key')
  const asked: unknown[] = []
  for (const passphrase of [() => 'open sesame', () => Promise.resolve('open sesame')]) {
    const { port } = await serve(t, agreed, {
      cert,
      key: undefined,
      keyFile,
      passphrase: (what) => (asked.push(what.file), passphrase()),
    })
    t.regex((await get(port, { ca: cert })).text, /^true/)
  }
  t.deepEqual(asked, [keyFile, keyFile])
})

test('keys are exchanged in the groups that the server names, the first one first', async (t) => {
  for (const [groups, found] of [
    [['P-384', 'X25519'], 'P-384'],
    ['x25519:prime256v1', 'X25519'],
    [['prime256v1'], 'P-256'],
  ] as const) {
    const { port, ca } = await serve(t, agreed, { groups })
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { text } = await get(port, { ca, minVersion: version, maxVersion: version })
      t.is(text, `true ${version} ${found}`)
    }
  }
  const { port, ca } = await serve(t, agreed, { groups: ['P-384'] })
  await t.throwsAsync(get(port, { ca, ecdhCurve: 'X25519' }), { message: /handshake failure/ })
})

test('versions that must not be spoken, and options of old, are refused with what to do', (t) => {
  const refused = (tls: object, message: RegExp): void => {
    t.throws(() => createServer({ tls: tls as TlsOptions }), { code: 'ERR_INVALID_OPTION', message })
  }
  for (const version of ['SSLv3', 'TLSv1', 'TLSv1.1']) {
    refused({ cert: 'x', key: 'y', minVersion: version }, /RFC (7568|8996)/)
  }
  refused({ cert: 'x', key: 'y', dhparam: 'auto' }, /dhparam/)
  refused({ cert: 'x', key: 'y', secureOptions: 1 }, /secureOptions/)
})

/** A root, one that it vouches for, and a server's certificate by that one. */
function issue(workshop: Workshop): void {
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = (name: string): string[] => ['-keyout', `${name}.key`, '-subj', `/CN=${name}`, '-out']
  workshop.run('req', '-x509', ...ec, ...files('root'), 'root.pem', '-days', '2')
  for (const [name, issuer, extensions] of [
    ['middle', 'root', 'basicConstraints=critical,CA:TRUE\n'],
    ['leaf', 'middle', 'subjectAltName=DNS:localhost,IP:127.0.0.1\n'],
  ]) {
    workshop.run('req', ...ec, ...files(name), `${name}.csr`)
    const signed = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial', '-days', '1']
    const extended = ['-extfile', workshop.file(`${name}.ext`, extensions), '-out', `${name}.pem`]
    workshop.run('x509', '-req', '-in', `${name}.csr`, ...signed, ...extended)
  }
}

async function get(
  port: number,
  options: ConnectionOptions,
  path = '/',
): Promise<{ headers: IncomingMessage['headers']; text: string }> {
  const sent = request({ port, host: '127.0.0.1', servername: 'localhost', agent: false, path, ...options }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { headers: answer.headers, text: (await answer.setEncoding('utf8').toArray()).join('') }
}
