import { readFileSync } from 'node:fs'
import path from 'node:path'
import type * as Addon from '../binding.cjs'
import { coded } from './errors'

/*
 * The addon's types as napi has written them, under the names they have here: `Native` says on which side of the boundary
 * a thing is, where both sides have one. What each member does is documented where it is made, in crates/millrace-node.
 */

/** One JavaScript thread's pair of queues to the core; see `inbound.ts` and `outbound.ts` for what goes through its buffers. */
export type NativeLane = Omit<Addon.Lane, 'listen' | 'stats'> & {
  listen(
    options: NativeListenOptions,
    routes?: NativeRouteTable | undefined | null,
    tls?: NativeTlsContext | undefined | null,
  ): NativeAddress
  stats(server: number): NativeStats | null
  reloadTls(server: number, context: NativeTlsContext): void
  nameResolved(server: number, name: string, credentials: NativeTlsCredentials | undefined | null, keepMs: number): void
  tlsInfo(connection: number, generation: number): NativeTlsInfo | null
}
/** What the core does with the WebSockets of a route, by names that `websocket-options.ts` gives the options. */
export type NativeWebSocketSettings = Addon.NativeWebSocketSettings
/** The core's half of a server's routes; it can be added to while the server listens. */
export type NativeRouteTable = Addon.RouteTable
export type NativeRoute = Addon.NativeRoute
export type NativeFixed = Addon.NativeFixed
export type NativeFiles = Addon.NativeFiles
/** Decodes a body piece by piece, off this thread; its errors begin with their code. */
export type NativeBodyDecoder = Addon.BodyDecoder
/** What the core takes to listen, by names that `resolve.ts` gives the options. */
export type NativeListenOptions = Addon.ListenOptions & {
  plain?: 'refuse' | 'serve' | 'redirect'
  handshakeTimeout?: number
  maxHandshakes?: number
  nameTimeout?: number
}
export type NativeAddress = Addon.Address
/** What the core knows of an open connection. */
export type NativeConnection = Addon.ConnectionState
/** What the core has counted for a server since it began to listen. */
export type NativeStats = Addon.ServerStats & { tls: NativeTlsStats }
export interface NativeTlsStats {
  handshakes: number
  handshakesFailed: number
  handshakesOpen: number
  resumed: number
  namesAsked: number
  plainRefused: number
}
/** What connections of TLS are made with, by names that `tls/resolve.ts` gives the options. */
export interface NativeTlsOptions {
  certificates: NativeTlsMaterial[]
  unknownName?: 'default' | 'refuse'
  asksNames?: boolean
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
  maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  suites?: string[]
  groups?: string[]
  serverOrder?: boolean
  alpn?: string[]
  client?: 'none' | 'asked' | 'required'
  roots?: Uint8Array[]
  rootFiles?: string[]
  revocationLists?: Uint8Array[]
  revocationListFiles?: string[]
  resumption?: boolean
  ticketLifetime?: number
  ticketKeys?: Uint8Array[]
  earlyDataBytes?: number
  keyLogFile?: string
}
/** A certificate chain and its key. */
export interface NativeTlsMaterial {
  certificate?: Uint8Array
  certificateFile?: string
  key?: Uint8Array
  keyFile?: string
  pkcs12?: Uint8Array
  pkcs12File?: string
  passphrase?: string
  ocsp?: Uint8Array
  ocspFile?: string
  names?: string[]
}
/** What servers make TLS connections with. */
export interface NativeTlsContext {
  certificates(): NativeCertificate[]
}
/** What one certificate is presented with, for a name that was asked for. */
export interface NativeTlsCredentials {
  certificate(): NativeCertificate
}
export interface NativeCertificate {
  names: string[]
  subject: string
  issuer: string
  serialNumber: string
  notBefore: number
  notAfter: number
  fingerprint256: string
  keyType: string
}
/** What the handshake of a connection has agreed on. */
export interface NativeTlsInfo {
  version: 'TLSv1.2' | 'TLSv1.3'
  cipher: string
  group?: string
  serverName?: string
  alpnProtocol?: string
  resumed: boolean
  peerCertificates: Buffer[]
  authorized: boolean
  authorizationError?: string
}

export type NativeBinding = Pick<typeof Addon, 'RouteTable' | 'BodyDecoder' | 'version'> & {
  Lane: new (inbox: Uint8Array, outbox: Uint8Array, wake: () => void) => NativeLane
  loadTls(options: NativeTlsOptions, previous?: NativeTlsContext | undefined | null): Promise<NativeTlsContext>
  loadTlsCredentials(material: NativeTlsMaterial): Promise<NativeTlsCredentials>
  selfSignedCertificate(names: string[], days: number): { certificate: string; key: string }
}

let loaded: NativeBinding | undefined

/**
 * Loads the addon once: from this package's own build, from its platform package, then through node-gyp-build; else one
 * error with all causes.
 */
export function binding(): NativeBinding {
  return (loaded ??= load())
}

/** For tests: another implementation of the addon. */
export function useBinding(other: NativeBinding | undefined): void {
  loaded = other
}

function load(): NativeBinding {
  const root = path.join(__dirname, '..')
  const causes: Error[] = []
  // `binding.cjs` is generated by napi and looks next to itself and for the platform package.
  for (const from of [
    () => require(path.join(root, 'binding.cjs')) as NativeBinding,
    () => (require('node-gyp-build') as (directory: string) => NativeBinding)(root),
  ]) {
    try {
      return checkVersion(from(), root)
    } catch (error) {
      causes.push(error as Error)
    }
  }
  const reasons = causes.map((cause) => `  - ${cause.message.split('\n')[0]}`).join('\n')
  throw coded(
    'ERR_ADDON_UNAVAILABLE',
    `The native part of millrace could not be loaded on ${process.platform}-${process.arch} with Node ${process.version}:\n${reasons}\n` +
      'Install without --no-optional so that the prebuilt package for this platform comes along, or build it with `npm run build`.',
    new AggregateError(causes, 'Each way to load the addon failed'),
  )
}

function checkVersion(addon: NativeBinding, root: string): NativeBinding {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  const found = addon.version()
  if (found === version) return addon
  throw coded('ERR_ADDON_UNAVAILABLE', `The addon has version ${found}, but the package has version ${version}`)
}
