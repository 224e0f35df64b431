import { lookup } from 'node:dns/promises'
import { isIP, isIPv6 } from 'node:net'
import type { NativeAddress } from './binding'
import type { ListenOptions } from './options'
import { systemCode, systemError } from './system'

/** Where a server listens. */
export interface ServerAddress {
  /** The IP address; for a Unix domain socket its path. */
  readonly address: string
  /** The port; 0 for a Unix domain socket. */
  readonly port: number
  /** The kind of address. */
  readonly family: 'IPv4' | 'IPv6' | 'unix'
  /** What a client on this machine can open; undefined for a Unix domain socket. */
  readonly url?: string
  /** The path of a Unix domain socket. */
  readonly path?: string
}

/** The addresses to try in turn; undefined for a Unix domain socket. */
export async function hostsOf({ host, port, path }: ListenOptions): Promise<Array<string | undefined>> {
  if (path !== undefined) return [undefined]
  if (host === undefined) return ['::', '0.0.0.0']
  if (isIP(host) !== 0) return [host]
  try {
    return [(await lookup(host)).address]
  } catch (error) {
    throw systemError(error, host, port)
  }
}

/** Binds to the first address that this system knows. */
export function bind(
  hosts: ReadonlyArray<string | undefined>,
  place: ListenOptions,
  listen: (host: string | undefined) => NativeAddress,
): NativeAddress {
  for (const [index, host] of hosts.entries()) {
    try {
      return listen(host)
    } catch (error) {
      const code = systemCode(error)
      const isNoIPv6 = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL'
      if (index === hosts.length - 1 || !isNoIPv6) throw systemError(error, place.path ?? host, place.port)
    }
  }
  throw new Error('unreachable: there is always an address to try')
}

export function addressOf({ host, port, path }: NativeAddress, isSecure: boolean): ServerAddress {
  if (path !== undefined) return Object.freeze({ address: path, port: 0, family: 'unix', path })
  const family = isIPv6(host) ? 'IPv6' : 'IPv4'
  return Object.freeze({ address: host, port, family, url: urlOf(host, port, isSecure) })
}

/** An address for a person. */
export function describe({ address, port, path }: ServerAddress): string {
  return path ?? `${address} port ${port}`
}

/** All addresses of a machine are reached at its loopback address. */
function urlOf(host: string, port: number, isSecure: boolean): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${isSecure ? 'https' : 'http'}://${isIPv6(name) ? `[${name}]` : name}:${port}`
}
