import { X509Certificate } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ServerAddress } from '../../address'
import type { Paint } from './colours'

/** What is told when the server listens. */
export interface Summary {
  readonly version: string
  /** What is served: `app.mjs`, `the folder public`. */
  readonly what: string
  readonly address: ServerAddress
  /** The certificate in PEM when one was made in memory. */
  readonly certificate: string | undefined
  readonly threads: number
  readonly watch: boolean
  /** What else is worth a word. */
  readonly notes: readonly string[]
}

/** One line with the URL, for programs that wait for it. */
export function line({ address }: Summary): string {
  return `millrace is listening on ${placeOf(address)}`
}

/** For a person. */
export function summary(told: Summary, paint: Paint): string {
  const { address, certificate } = told
  const rows: Array<[string, string]> = [['Local', paint('cyan', localOf(address))]]
  for (const url of networkUrls(address)) rows.push(['Network', paint('cyan', url)])
  if (certificate !== undefined) {
    rows.push(['TLS', 'a certificate made for this run, SHA-256 fingerprint:'])
    rows.push(['', new X509Certificate(certificate).fingerprint256])
  }
  if (told.threads > 1) rows.push(['Threads', String(told.threads)])
  for (const note of told.notes) rows.push(['Note', note])
  const width = Math.max(...rows.map(([name]) => name.length))
  const end = told.watch ? 'Changes are loaded by themselves. Ctrl-C stops it.' : 'Ctrl-C stops it.'
  return [
    '',
    `  ${paint('bold', 'millrace')} ${told.version} serves ${paint('bold', told.what)}`,
    '',
    ...rows.map(([name, text]) => `  ${paint('dim', name.padEnd(width))}  ${text}`),
    '',
    `  ${paint('dim', end)}`,
    '',
  ].join('\n')
}

/** The URLs by which others reach a server on all addresses. */
export function networkUrls({ address, port, url }: ServerAddress): string[] {
  if (url === undefined || (address !== '::' && address !== '0.0.0.0')) return []
  const scheme = url.slice(0, url.indexOf(':'))
  return networkAddresses(address === '::').map((host) => `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}/`)
}

/** This machine's addresses in its networks. Link-local ones of IPv6 are of no use in a URL. */
export function networkAddresses(withIPv6: boolean): string[] {
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(
      ({ internal, family, address }) => !internal && (family === 'IPv4' || (withIPv6 && !/^fe80:/i.test(address))),
    )
    .map(({ address }) => address)
}

function placeOf({ url, path }: ServerAddress): string {
  return url === undefined ? `unix:${path}` : `${url}/`
}

function localOf(address: ServerAddress): string {
  return placeOf(address).replace('//127.0.0.1:', '//localhost:')
}
