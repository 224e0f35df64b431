import { once } from 'node:events'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import ava, { type ExecutionContext } from 'ava'
import { createServer, selfSignedCertificate, type TlsOptions } from '#dist/index'
import { until } from '../faults/served'
import { ask, refusal } from './served'

// Certificates by server name, as clients of node:tls see them.

const test = ava.serial

const first = selfSignedCertificate({ names: ['first.example'] })
const second = selfSignedCertificate({ names: ['second.example', '*.wild.example'] })
const found = selfSignedCertificate({ names: ['found.example'] })

const listening = async (
  t: ExecutionContext,
  tls: TlsOptions,
): Promise<{ port: number; errors: Array<Error & { code: string }>; server: ReturnType<typeof createServer> }> => {
  const errors: Array<Error & { code: string }> = []
  const server = createServer({
    tls,
    onError: (error) => errors.push(error as Error & { code: string }),
    handler: (request, response) => response.end(String(request.tls!.serverName)),
  })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  return { port, errors, server }
}

/** Which certificate a client gets that asks for a name. */
async function shown(port: number, servername: string, options: ConnectionOptions = {}): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false, ...options })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  // Closing at once would drop the end of the handshake.
  socket.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').resume()
  await once(socket, 'close')
  return String(subject.CN)
}

test('a client gets the certificate of the name it asks for, by SNI, whatever the case', async (t) => {
  const { port } = await listening(t, { ...first, certificates: [second] })
  t.is(await shown(port, 'second.example'), 'second.example')
  t.is(await shown(port, 'SECOND.example'), 'second.example')
  t.is(await shown(port, 'a.wild.example'), 'second.example')
  t.is(await shown(port, 'first.example'), 'first.example')
  for (const other of ['a.b.wild.example', 'wild.example', 'other.example', '']) {
    t.is(await shown(port, other), 'first.example', other)
  }
})

test('the names given for a certificate decide, and not those in it', async (t) => {
  const { port } = await listening(t, {
    ...first,
    certificates: [{ ...second, names: ['Mine.Example', '*.mine.example'] }],
  })
  t.is(await shown(port, 'mine.example'), 'second.example')
  t.is(await shown(port, 'a.mine.example'), 'second.example')
  t.is(await shown(port, 'second.example'), 'first.example')
})

test('a client of TLS 1.2 gets its certificate in the same way', async (t) => {
  const { port } = await listening(t, { certificates: [first, second] })
  t.is(await shown(port, 'second.example', { maxVersion: 'TLSv1.2' }), 'second.example')
})

test('an unknown name is refused where the server is told to, and a client without a name is not', async (t) => {
  const { port, errors } = await listening(t, { ...first, unknownName: 'refuse' })
  t.is(await shown(port, 'first.example'), 'first.example')
  t.is(await shown(port, ''), 'first.example')
  t.regex(await refusal(port, { servername: 'other.example' }), /UNRECOGNIZED_NAME/)
  await until(() => errors.length > 0, 'it was told')
  t.like(errors[0], { code: 'ERR_TLS_HANDSHAKE' })
  t.regex(errors[0]!.message, /other\.example/)
})

test('a name that no certificate has is looked up by resolve, once, also when many clients ask at once', async (t) => {
  const asked: string[] = []
  const { port, server } = await listening(t, {
    ...first,
    async resolve(name) {
      asked.push(name)
      await new Promise((resolve) => setTimeout(resolve, 50))
      return name === 'found.example' ? found : null
    },
  })
  const together = Array.from({ length: 20 }, () => shown(port, 'Found.example'))
  t.deepEqual([...new Set(await Promise.all(together))], ['found.example'])
  t.is(await shown(port, 'found.example'), 'found.example')
  t.is(await ask(port, { ca: found.cert, servername: 'found.example' }), 'found.example')
  t.deepEqual(asked, ['found.example'])
  t.is(server.stats().tls.namesAsked, 1)

  t.is(await shown(port, 'none.example'), 'first.example')
  t.is(await shown(port, 'none.example'), 'first.example')
  t.deepEqual(asked, ['found.example', 'none.example'])
  t.is(await shown(port, 'first.example'), 'first.example')
  t.is(await shown(port, ''), 'first.example')
  t.is(asked.length, 2)
})

test('what resolve has found is asked for again when it is not to be kept, and after a reload', async (t) => {
  let asked = 0
  const resolve = (): typeof found => {
    asked++
    return found
  }
  const { port, server } = await listening(t, { ...first, resolve, resolveCache: 0 })
  await shown(port, 'found.example')
  await shown(port, 'found.example')
  t.is(asked, 2)
  await server.tls!.reload({ resolveCache: 60_000 })
  await shown(port, 'found.example')
  await shown(port, 'found.example')
  t.is(asked, 3)
  await server.tls!.reload()
  await shown(port, 'found.example')
  t.is(asked, 4)
})

test('a resolve that throws is told to onError once, and its clients get what unknown names get', async (t) => {
  const { port, errors } = await listening(t, {
    ...first,
    resolve() {
      throw new Error('no database')
    },
  })
  t.is(await shown(port, 'a.example'), 'first.example')
  t.is(errors.length, 1)
  t.like(errors[0], { code: 'ERR_TLS_RESOLVE' })
  t.regex(errors[0]!.message, /"a\.example".*no database/)
})

test('a certificate of resolve that cannot be loaded is told to onError with its file', async (t) => {
  const { port, errors } = await listening(t, {
    ...first,
    unknownName: 'refuse',
    resolve: () => ({ certFile: '/no/such.pem', key: found.key }),
  })
  t.regex(await refusal(port, { servername: 'a.example' }), /UNRECOGNIZED_NAME/)
  const error = errors.find(({ code }) => code === 'ERR_TLS_RESOLVE')
  t.regex(error!.message, /\/no\/such\.pem/)
  t.like(error!.cause, { code: 'ERR_TLS_FILE' })
})

test('clients wait for a slow resolve no longer than they have to, and its answer is for the next ones', async (t) => {
  let answer!: (found: TlsOptions) => void
  let asked = 0
  const { port, errors } = await listening(t, {
    ...first,
    resolveTimeout: 100,
    resolve() {
      asked++
      return new Promise((resolve) => (answer = resolve))
    },
  })
  const startedAt = performance.now()
  t.is(await shown(port, 'found.example'), 'first.example')
  t.true(performance.now() - startedAt >= 95)
  t.is(await shown(port, 'found.example'), 'first.example')
  t.is(asked, 1)
  t.deepEqual(
    errors.map(({ code }) => code),
    ['ERR_TLS_RESOLVE'],
  )
  answer(found)
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.is(await shown(port, 'found.example'), 'found.example')
  t.is(asked, 1)
})

test('a server can have no certificate but those that resolve finds', async (t) => {
  const { port, server } = await listening(t, { resolve: (name) => (name === 'found.example' ? found : null) })
  t.deepEqual(server.tls!.certificates, [])
  t.is(await shown(port, 'found.example'), 'found.example')
  t.regex(await refusal(port, { servername: 'other.example' }), /UNRECOGNIZED_NAME/)
})

test('SNICallback of node:tls does the same', async (t) => {
  const { port, errors } = await listening(t, {
    ...first,
    SNICallback(name, callback) {
      if (name === 'bad.example') callback(new Error('bad'))
      else setImmediate(() => callback(null, name === 'found.example' ? found : null))
    },
  })
  t.is(await shown(port, 'found.example'), 'found.example')
  t.is(await shown(port, 'none.example'), 'first.example')
  t.is(await shown(port, 'bad.example'), 'first.example')
  t.regex(errors[0]!.message, /bad/)
})
