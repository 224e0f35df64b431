import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { selfSignedCertificate } from '#dist/index'
import { page, type Check } from './page'

// The programs of docs/guides/tls.md. Those that read cert.pem and key.pem find a pair in their folder.

const guide = page('docs/guides/tls.md')
const openssl = (cwd: string, ...args: string[]): Promise<unknown> => promisify(execFile)('openssl', args, { cwd })

show('a first server', 'tls: selfSignedCertificate(),\n  handler(request', async (t, { start }) => {
  const { url } = await start()
  t.regex(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.regex((await get(url)).text, /^TLSv1\.3 with TLS_\w+\n$/)
  t.regex((await get(url, { maxVersion: 'TLSv1.2' })).text, /^TLSv1\.2 with TLS_ECDHE_ECDSA_\w+\n$/)
})

show('files of certbot', "const live = '/etc/letsencrypt", async (t, { start, cwd }) => {
  const live = path.join(cwd, 'live', 'example.org')
  const challenges = path.join(cwd, 'acme', '.well-known', 'acme-challenge')
  const port = await freePort()
  await Promise.all([mkdir(live, { recursive: true }), mkdir(challenges, { recursive: true })])
  await writeFile(path.join(challenges, 'token'), 'what certbot has put there')
  const issue = async (number: number): Promise<void> => {
    const archive = path.join(cwd, 'archive', 'example.org')
    await mkdir(archive, { recursive: true })
    const { cert, key } = selfSignedCertificate({ names: ['example.org'] })
    for (const [name, text] of [
      ['fullchain', cert],
      ['privkey', key],
    ]) {
      await writeFile(path.join(archive, `${name}${number}.pem`), text)
      await symlink(`../../archive/example.org/${name}${number}.pem`, path.join(live, 'next'))
      await rename(path.join(live, 'next'), path.join(live, `${name}.pem`))
    }
  }
  await issue(1)
  const { url } = await start((source) =>
    source
      .replace("'/etc/letsencrypt/live/example.org'", JSON.stringify(live))
      .replace('/var/www/acme', path.join(cwd, 'acme'))
      .replace('port: 443', "port: 0, host: '127.0.0.1'")
      .replace('port: 80', `port: ${port}, host: '127.0.0.1'`),
  )
  const { text, headers } = await get(url)
  t.is(text, 'Hello, World!\n')
  t.is(headers['strict-transport-security'], 'max-age=31536000')

  const plain = `http://127.0.0.1:${port}`
  t.is(await (await fetch(`${plain}/.well-known/acme-challenge/token`)).text(), 'what certbot has put there')
  const led = await fetch(`${plain}/a?b`, { redirect: 'manual' })
  t.deepEqual([led.status, led.headers.get('location')], [308, 'https://127.0.0.1/a?b'])

  const before = await serialOf(url)
  await issue(2)
  t.true(await changes(url, before), 'the renewed certificate is in use')
})

show('a reload by a signal', "process.on('SIGHUP'", async (t, { start, cwd }) => {
  const { url, child, errors } = await start()
  t.regex((await get(url)).text, /^valid until \d{4}-\d\d-\d\dT/)
  const before = await serialOf(url)
  await writePair(cwd)
  t.is(await serialOf(url), before)
  child.kill('SIGHUP')
  t.true(await changes(url, before))

  await writeFile(path.join(cwd, 'key.pem'), selfSignedCertificate().key)
  child.kill('SIGHUP')
  for (let tries = 0; errors() === '' && tries < 200; tries++) await sleep(20)
  t.regex(errors(), /key\.pem/)
  t.is((await get(url)).status, 200)
})

show('several names', "names: ['example.test'", async (t, { start }) => {
  const { url } = await start()
  const namesOf = async (servername: string): Promise<string | undefined> =>
    (await handshake(url, { servername })).getPeerX509Certificate()?.subjectAltName
  t.is(await namesOf('www.example.test'), 'DNS:example.test, DNS:www.example.test')
  t.is(await namesOf('one.shop.test'), 'DNS:*.shop.test')
  await t.throwsAsync(handshake(url, { servername: 'two.one.shop.test' }), { message: /unrecognized name/ })
  t.is((await get(url, { servername: 'one.shop.test' })).text, 'you have reached one.shop.test\n')
  t.is((await get(url, { servername: '' })).text, 'you have reached null\n')
})

show('names that come up', 'const customers', async (t, { start }) => {
  const { url } = await start()
  t.is((await get(url, { servername: 'ada.example' })).text, 'a page of ada.example\n')
  const served = async (servername: string): Promise<string | undefined> =>
    (await handshake(url, { servername })).getPeerX509Certificate()?.subjectAltName
  t.is(await served('grace.example'), 'DNS:grace.example')
  t.regex(String(await served('eve.example')), /^DNS:localhost/)
})

show('client certificates', "clientCertificate: 'asked'", async (t, { start, cwd }) => {
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  for (const issuer of ['clients', 'others']) {
    const files = ['-keyout', `${issuer}.key`, '-out', `${issuer}.pem`]
    await openssl(cwd, 'req', '-x509', ...ec, ...files, '-subj', `/CN=${issuer}`, '-days', '2')
    const own = ['-keyout', `of-${issuer}.key`, '-out', `of-${issuer}.csr`]
    await openssl(cwd, 'req', ...ec, ...own, '-subj', '/CN=Ada')
    await writeFile(path.join(cwd, 'extensions'), 'basicConstraints=critical,CA:FALSE\n')
    const of = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
    const sign = [...of, '-days', '1', '-extfile', 'extensions']
    await openssl(cwd, 'x509', '-req', '-in', `of-${issuer}.csr`, ...sign, '-out', `of-${issuer}.pem`)
  }
  const { url } = await start()
  const as = async (issuer: string): Promise<ConnectionOptions> => ({
    cert: await readFile(path.join(cwd, `of-${issuer}.pem`)),
    key: await readFile(path.join(cwd, `of-${issuer}.key`)),
  })
  t.like(await get(url), { status: 403, text: 'Show a certificate.\n' })
  t.like(await get(url, await as('clients')), { status: 200, text: 'Hello, CN=Ada\n' })
  const stranger = await get(url, await as('others'))
  t.is(stranger.status, 403)
  t.not(stranger.text, 'Show a certificate.\n')
})

show('sessions of several processes', 'cluster.isPrimary', async (t, { start }) => {
  const port = await freePort()
  const { url } = await start((source) => source.replace('port: 3000', `port: ${port}`))
  const seen = new Set<string>()
  let session = await ticket(url)
  for (let tries = 0; seen.size < 2 && tries < 100; tries++) {
    const { text } = await get(url, { session })
    const [process_, resumed] = text.trim().split(' ')
    t.is(resumed, 'true')
    seen.add(process_)
    session = await ticket(url)
  }
  t.is(seen.size, 2)
})

show('early data', 'earlyData: true', async (t, { start, cwd }) => {
  const { url } = await start()
  const { host } = new URL(url)
  const session = path.join(cwd, 'session.pem')
  const ask = async (target: string): Promise<string> => {
    await writeFile(path.join(cwd, 'early'), `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    return sClient(['-connect', host, '-sess_in', session, '-early_data', path.join(cwd, 'early')])
  }
  const first = await sClient(['-connect', host, '-sess_out', session], 'GET / HTTP/1.0\r\n\r\n')
  t.regex(first, /\r\n\r\nin time\n/)
  t.regex(await ask('/'), /\r\n\r\nearly\n/)
  await sClient(['-connect', host, '-sess_out', session], 'GET / HTTP/1.0\r\n\r\n')
  t.regex(await ask('/other'), /HTTP\/1\.1 425 /)
})

show('the header of HSTS', 'const strict = hsts', async (t, { start }) => {
  const { url } = await start()
  for (const place of ['/', '/health']) {
    t.is((await get(url + place)).headers['strict-transport-security'], 'max-age=300', place)
  }
})

show('what a proxy says', 'const isSecure', async (t, { start }) => {
  const { url } = await start()
  t.is((await fetch(url, { redirect: 'manual' })).status, 308)
  const secure = await fetch(url, { headers: { 'x-forwarded-proto': 'https' } })
  t.deepEqual([secure.status, secure.headers.get('strict-transport-security')], [200, 'max-age=31536000'])
})

show('secrets for Wireshark', 'keyLogFile', async (t, { start, cwd }) => {
  const keys = path.join(cwd, 'keys')
  const { url } = await start(undefined, { SSLKEYLOGFILE: keys })
  t.is((await get(url)).text, 'Hello, World!\n')
  t.regex(await readFile(keys, 'utf8'), /^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]+$/m)
})

function show(title: string, mark: string, check: Check): void {
  guide.show(title, mark, async (t, program) => {
    await writePair(program.cwd)
    await check(t, program)
  })
}

/** One request on a connection of its own. */
async function get(
  url: string,
  options: ConnectionOptions = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  const sent = request(url, { rejectUnauthorized: false, agent: false, ...options }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const text = (await answer.setEncoding('utf8').toArray()).join('')
  return { status: answer.statusCode!, headers: answer.headers, text }
}

/** A connection whose handshake is complete, closed at once. */
async function handshake(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { port } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false, ...options })
  try {
    await once(socket, 'secureConnect')
    return socket
  } finally {
    socket.on('error', () => undefined)
    socket.end()
  }
}

/** What a client keeps to come again with. */
async function ticket(url: string): Promise<Buffer> {
  const { port } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false })
  const [session] = (await once(socket, 'session')) as [Buffer]
  socket.destroy()
  return session
}

async function serialOf(url: string): Promise<string> {
  return (await handshake(url)).getPeerX509Certificate()!.serialNumber
}

/** Whether another certificate is served soon. */
async function changes(url: string, before: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await serialOf(url)) !== before) return true
    await sleep(50)
  }
  return false
}

/** What `openssl s_client` shows of a connection that the server ends. */
async function sClient(args: readonly string[], input?: string): Promise<string> {
  const child = spawn('openssl', ['s_client', '-ign_eof', ...args], { stdio: ['pipe', 'pipe', 'ignore'] })
  if (input !== undefined) child.stdin.write(input)
  const said = (await child.stdout.setEncoding('utf8').toArray()).join('')
  child.stdin.destroy()
  return said
}

async function writePair(cwd: string): Promise<void> {
  const { cert, key } = selfSignedCertificate()
  await Promise.all([writeFile(path.join(cwd, 'cert.pem'), cert), writeFile(path.join(cwd, 'key.pem'), key)])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
