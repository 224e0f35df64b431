import { once } from 'node:events'
import { request } from 'node:https'
import { connect } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { ExecutionContext } from 'ava'
import { createServer, selfSignedCertificate, type Handler, type Server, type ServerOptions } from '#dist/index'
import type { TlsOptions } from '#dist/tls/options'
import { Wire } from '../_helpers/wire'
import { until } from '../faults/served'

export const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** For clients whose records a test encrypts itself. */
export const TLS_1_3: ConnectionOptions = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' }

export interface Served {
  readonly server: Server
  readonly port: number
  /** The certificate, which clients are to trust. */
  readonly ca: string
  /** Codes of what `onError` was told. */
  readonly reported: string[]
  /** A connection whose handshake is complete. */
  open(options?: ConnectionOptions): Promise<Wire>
  /** A connection of TCP, on which nothing is said yet. */
  plain(): Promise<Wire>
  /** Waits until nothing is left of any client, and fails unless the next one is served. */
  stillServes(): Promise<void>
}

/** A server that speaks TLS, closed at the end of the test. */
export async function serve(
  t: ExecutionContext,
  handler: Handler = (_request, response) => response.end('hello'),
  tls: TlsOptions = {},
  options: ServerOptions = {},
): Promise<Served> {
  const pair = selfSignedCertificate({ names: ['localhost', '127.0.0.1'] })
  const ca = typeof tls.cert === 'string' ? tls.cert : pair.cert
  const reported: string[] = []
  const server = createServer({
    onError: (error) => void reported.push((error as NodeJS.ErrnoException).code ?? String(error)),
    ...options,
    handler: (request, response) => (request.path === '/alive' ? response.end('alive') : handler(request, response)),
    tls: { ...pair, ...tls },
  })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  return {
    server,
    port,
    ca,
    reported,
    async open(given = {}) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      const secure = connectTls({ servername: 'localhost', ca, ...given, socket })
      t.teardown(() => secure.destroy())
      await once(secure, 'secureConnect')
      return Wire.over(secure)
    },
    async plain() {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      t.teardown(() => socket.destroy())
      await once(socket, 'connect')
      return Wire.over(socket)
    },
    async stillServes() {
      t.is(await ask(port, { ca, path: '/alive' }), 'alive')
      await until(() => server.stats().connections === 0, 'nobody is connected')
      t.is(server.stats().tls.open, 0)
    },
  }
}

/** Asks on a connection of its own, with a full handshake. */
export function ask(port: number, options: { ca?: string; path?: string; servername?: string } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', servername: 'localhost', agent: false, ...options }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve(text)).on('error', reject)
    })
    asked.on('error', reject).end()
  })
}

/** Why a handshake was refused, as node:tls puts it. */
export async function refusal(port: number, options: ConnectionOptions): Promise<string> {
  const secure = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ...options })
  return new Promise((resolve) => {
    secure.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    // Of TLS 1.3 the client is done before the server has judged it.
    secure.once('end', () => resolve('end'))
    secure.once('secureConnect', () => secure.write(GET))
    secure.once('data', () => resolve('served'))
  }).finally(() => secure.destroy()) as Promise<string>
}
