// Never run: `npm run check` compiles it. Each `@ts-expect-error` is a mistake that the compiler has to find.

import type { X509Certificate } from 'node:crypto'
import type { TlsOptions as NodeTlsOptions } from 'node:tls'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import {
  createServer,
  type Connection,
  type ResolvedTlsOptions,
  type ServerTls,
  type ServerWebSocket,
  type TlsCertificate,
  type TlsCertificateInfo,
  type TlsContent,
  type TlsInfo,
  type TlsKey,
  type TlsOptions,
  type TlsPassphrase,
  type TlsPfx,
  type TlsResolve,
  type TlsSniCallback,
  type TlsVersion,
} from '#dist/index'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => undefined

const server = createServer({
  tls: {
    certFile: 'cert.pem',
    keyFile: pathToFileURL('key.pem'),
    passphrase: async ({ file }) => {
      same<typeof file, string | undefined>(true)
      return 'secret'
    },
    certificates: [{ cert: readFileSync('a'), key: 'b', names: ['c'] }],
    resolve: async (serverName) => {
      same<typeof serverName, string>(true)
      return serverName === '' ? null : { cert: 'a', key: 'b' }
    },
    minVersion: 'TLSv1.3',
    ciphers: ['TLS_AES_128_GCM_SHA256'],
    groups: 'X25519:P-256',
    clientCertificate: 'required',
    ca: ['a', readFileSync('b')],
    allowPlain: 'redirect',
  },
  limits: { handshakes: Infinity },
  timeouts: { handshake: 1000 },
  handler({ secure, tls, connection }, response) {
    same<typeof secure, boolean>(true)
    same<typeof tls, TlsInfo | null>(true)
    same<Connection['tls'], typeof tls>(true)
    same<typeof connection.tls, TlsInfo | null>(true)
    if (tls !== null) {
      same<typeof tls.version, TlsVersion>(true)
      same<typeof tls.peerCertificate, X509Certificate | null>(true)
      same<typeof tls.peerCertificateChain, readonly X509Certificate[]>(true)
      same<typeof tls.serverName, string | null>(true)
      // @ts-expect-error it is what it was
      tls.resumed = true
    }
    response.end()
  },
})
same<typeof server.tls, ServerTls | null>(true)
same<typeof server.options.tls, ResolvedTlsOptions | null>(true)
same<ServerTls['certificates'], readonly TlsCertificateInfo[]>(true)
same<ServerWebSocket['tls'], TlsInfo | null>(true)
same<ServerWebSocket['secure'], boolean>(true)
same<ReturnType<ServerTls['reload']>, Promise<void>>(true)
same<ReturnType<typeof server.stats>['tls']['handshakes'], number>(true)
void server.tls?.reload()
void server.tls?.reload({ certFile: 'new.pem', keyFile: 'new.key' })
// @ts-expect-error there is no such option
void server.tls?.reload({ certfile: 'new.pem' })

// What programs for node:https have.
const fromNode: Pick<
  NodeTlsOptions & { key: string; cert: Buffer; passphrase: string },
  'key' | 'cert' | 'passphrase' | 'ALPNProtocols' | 'requestCert' | 'rejectUnauthorized' | 'sessionTimeout'
> = { key: '', cert: Buffer.alloc(0), passphrase: '' }
const { ALPNProtocols, ...others } = fromNode
createServer({ tls: { ...others, ALPNProtocols: Array.isArray(ALPNProtocols) ? ALPNProtocols : [] } })
const sni: TlsSniCallback = (serverName, callback) => callback(null, { cert: serverName, key: '' })
const resolve: TlsResolve = () => undefined
const passphrase: TlsPassphrase = () => Promise.resolve('')
const key: TlsKey = { pem: Buffer.alloc(1), passphrase: 'a' }
const pfx: TlsPfx = { buf: new Uint8Array(1) }
const content: TlsContent = new Uint8Array(1)
const certificate: TlsCertificate = { cert: [content], key, passphrase }
const options: TlsOptions = { ...certificate, SNICallback: sni, ecdhCurve: 'auto' }
createServer({ tls: options })
createServer({ tls: { pfx: [pfx], resolve } })

// @ts-expect-error that is none
createServer({ tls: true })
// @ts-expect-error such a version must not be spoken
createServer({ tls: { ...certificate, minVersion: 'TLSv1.1' } })
// @ts-expect-error a store has no text
createServer({ tls: { pfx: 'store' } })
// @ts-expect-error an option of OpenSSL
createServer({ tls: { ...certificate, secureProtocol: 'TLSv1_2_method' } })
// @ts-expect-error a certificate has no settings
createServer({ tls: { certificates: [{ ...certificate, alpn: [] }] } })
// @ts-expect-error a passphrase is a text
createServer({ tls: { ...certificate, passphrase: () => 7 } })
