import { X509Certificate } from 'node:crypto'
import { Agent, request } from 'node:https'
import type { ExecutionContext } from 'ava'
import { createServer, selfSignedCertificate, type TlsInfo, type TlsOptions } from '#dist/index'
import { testOpenssl as test, Workshop } from './openssl'
import { refusal } from './served'

// Clients that show a certificate, of issuers made by OpenSSL.

const pair = selfSignedCertificate()

interface Peers {
  readonly ca: string
  readonly crl: string
  /** A client that the issuer vouches for, with the chain to it. */
  readonly client: { cert: string; key: string }
  /** One that it has revoked. */
  readonly revoked: { cert: string; key: string }
  readonly expired: { cert: string; key: string }
  /** One that nobody vouches for. */
  readonly stranger: { cert: string; key: string }
}

async function peers(t: ExecutionContext): Promise<Peers> {
  const shop = await Workshop.open(t)
  shop.file('index.txt', '')
  shop.file('serial', '1000\n')
  shop.file('crlnumber', '01\n')
  const config = shop.file('ca.cnf', CONFIG)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', config]
  const authority = ['-subj', '/CN=issuer', '-days', '30', '-extensions', 'authority']
  shop.run('req', '-x509', ...newKey, ...authority, '-keyout', 'ca.key', '-out', 'ca.pem')
  const issued = (name: string, ...dates: string[]): { cert: string; key: string } => {
    shop.run('req', ...newKey, '-subj', `/O=clients/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const signed = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-notext', '-extensions', 'client', ...dates]
    shop.run('ca', '-batch', '-config', config, ...signed)
    return { cert: shop.read(`${name}.pem`), key: shop.read(`${name}.key`) }
  }
  const client = issued('alice')
  const revoked = issued('mallory')
  const expired = issued('eve', '-startdate', '20200101000000Z', '-enddate', '20200201000000Z')
  shop.run('ca', '-config', config, '-revoke', 'mallory.pem')
  shop.run('ca', '-config', config, '-gencrl', '-out', 'list.crl')
  return {
    ca: shop.read('ca.pem'),
    crl: shop.read('list.crl'),
    client,
    revoked,
    expired,
    stranger: shop.pair('stranger'),
  }
}

test('a client that has to show a certificate gets in with a trusted one, which the handler reads', async (t) => {
  const { ca, client, stranger, expired } = await peers(t)
  const infos: TlsInfo[] = []
  const port = await listening(t, { clientCertificate: 'required', ca }, infos)
  t.is(await ask(port, client), 'CN=alice true null')
  const [info] = infos
  t.is(info!.peerCertificate!.fingerprint256, new X509Certificate(client.cert).fingerprint256)
  t.is(info!.peerCertificate!.subject, 'O=clients\nCN=alice')
  t.is(info!.peerCertificate, info!.peerCertificateChain[0])
  t.is(await ask(port, client, { maxVersion: 'TLSv1.2' }), 'CN=alice true null')
  for (const other of [{}, stranger, expired]) {
    t.not(await refusal(port, { rejectUnauthorized: false, ...other }), 'served')
    t.not(await refusal(port, { rejectUnauthorized: false, maxVersion: 'TLSv1.2', ...other }), 'served')
  }
  t.is(infos.length, 2)
})

test('a client that is asked gets in with any certificate or none, and the handler decides', async (t) => {
  const { ca, client, stranger, expired } = await peers(t)
  for (const tls of [
    { clientCertificate: 'asked', ca },
    { requestCert: true, rejectUnauthorized: false, ca },
  ] as const) {
    const port = await listening(t, tls)
    t.is(await ask(port, client), 'CN=alice true null')
    t.is(await ask(port, {}), 'nobody false null')
    t.regex(await ask(port, stranger), /^CN=localhost false .+/)
    t.regex(await ask(port, expired), /^CN=eve false .*expired/)
  }
})

test('a client that is asked may be known by its certificate alone, without any issuer', async (t) => {
  const { stranger } = await peers(t)
  const port = await listening(t, { clientCertificate: 'asked' })
  t.regex(await ask(port, stranger), /^CN=localhost false .+/)
})

test('a client that has not been asked has shown nothing', async (t) => {
  const { client } = await peers(t)
  const port = await listening(t, {})
  t.is(await ask(port, client), 'nobody false null')
})

test('a certificate that was revoked is trusted no more, from the reload with its list on', async (t) => {
  const { ca, crl, client, revoked } = await peers(t)
  const server = createServer({ tls: { ...pair, clientCertificate: 'required', ca }, handler })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  t.is(await ask(port, revoked), 'CN=mallory true null')
  await server.tls!.reload({ crl })
  t.is(await ask(port, client), 'CN=alice true null')
  t.not(await refusal(port, { rejectUnauthorized: false, ...revoked }), 'served')
})

test('all requests of a connection, and those of resumed sessions, have the certificate', async (t) => {
  const { ca, client } = await peers(t)
  const infos: TlsInfo[] = []
  const port = await listening(t, { clientCertificate: 'required', ca }, infos)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.is(await ask(port, client, { agent }), 'CN=alice true null')
  t.is(await ask(port, client, { agent }), 'CN=alice true null')
  t.is(infos[0]!.peerCertificate, infos[1]!.peerCertificate)
  agent.destroy()
  const again = new Agent({ keepAlive: false })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const versions = { agent: again, minVersion: version, maxVersion: version }
    t.is(await ask(port, client, versions), 'CN=alice true null')
    t.is(await ask(port, client, versions), 'CN=alice true null', version)
    t.deepEqual([infos.at(-1)!.resumed, infos.at(-1)!.version], [true, version])
  }
})

async function listening(t: ExecutionContext, tls: TlsOptions, infos: TlsInfo[] = []): Promise<number> {
  const server = createServer({
    tls: { ...pair, ...tls },
    handler(request, response) {
      infos.push(request.tls!)
      handler(request, response)
    },
  })
  t.teardown(() => server.close({ timeout: 0 }))
  return (await server.listen({ host: '127.0.0.1' })).port
}

const handler: Extract<Parameters<typeof createServer>[0], (...given: never[]) => unknown> = ({ tls }, response) => {
  const { peerCertificate, authorized, authorizationError } = tls!
  const name = peerCertificate?.subject.split('\n').at(-1) ?? 'nobody'
  response.end(`${name} ${authorized} ${authorizationError}`)
}

function ask(port: number, client: { cert?: string; key?: string }, options: object = {}): Promise<string> {
  const place = { port, host: '127.0.0.1', servername: 'localhost', ca: pair.cert, agent: false, ...client, ...options }
  return new Promise((resolve, reject) => {
    const asked = request(place, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve(text)).on('error', reject)
    })
    asked.on('error', reject).end()
  })
}

const CONFIG = `
[ca]
default_ca = issuer
[issuer]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = CA:false
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`
