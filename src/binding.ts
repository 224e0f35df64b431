import type * as Addon from '../binding.cjs'
import { loadAddon } from './addon/load'

/*
 * The addon's types as napi has written them, under the names they have here: `Native` says on which side of the boundary
 * a thing is, where both sides have one. What each member does is documented where it is made, in crates/millrace-node.
 */

/** One JavaScript thread's pair of queues to the core; see `inbound.ts` and `outbound.ts` for what goes through its buffers. */
export type NativeLane = Addon.Lane
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
export type NativeListenOptions = Addon.ListenOptions
export type NativeAddress = Addon.Address
/** What the core knows of an open connection. */
export type NativeConnection = Addon.ConnectionState
/** What the core has counted for a server since it began to listen. */
export type NativeStats = Addon.ServerStats
/** What TLS is spoken with, by names that `tls/resolve.ts` gives the options. */
export type NativeTlsOptions = Addon.NativeTlsOptions
export type NativeTlsMaterial = Addon.NativeTlsMaterial
/** Loaded, and usable by any number of servers. */
export type NativeTlsContext = Addon.TlsContext
/** A certificate with its key, for a server name that was asked for. */
export type NativeTlsCredentials = Addon.TlsCredentials
export type NativeCertificate = Addon.NativeCertificate
/** What the handshake of a connection has agreed on. */
export type NativeTlsInfo = Addon.NativeTlsInfo

export type NativeBinding = Pick<
  typeof Addon,
  'Lane' | 'RouteTable' | 'BodyDecoder' | 'loadTls' | 'loadTlsCredentials' | 'selfSignedCertificate' | 'version'
>

let loaded: NativeBinding | undefined

/** The addon, which is loaded when it is first asked for: `addon/load.ts` says from where. Throws ERR_ADDON_UNAVAILABLE. */
export function binding(): NativeBinding {
  return (loaded ??= loadAddon())
}

/** For tests: another implementation of the addon. */
export function useBinding(other: NativeBinding | undefined): void {
  loaded = other
}
