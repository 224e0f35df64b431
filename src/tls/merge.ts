import { codedType } from '../errors'
import { checkNames, invalid } from '../rules'
import { withOwnNames } from './node-names'
import type { TlsOptions } from './options'
import { TLS_RULES } from './resolve'

/**
 * The options after a change, for what is left out of it those from before. What says the same another way gives way: a
 * `certFile` to a `cert`, both to a `pfx`, and what was said about a certificate to the next certificate.
 *
 * @throws ERR_INVALID_OPTION
 */
export function merged(before: TlsOptions, change: unknown): TlsOptions {
  if (change === undefined) return before
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    throw invalid('tls', change, 'an object with the options that change')
  }
  const given = withOwnNames(change as Record<string, unknown>)
  checkNames('tls.', given, Object.keys(TLS_RULES))
  const result: Record<string, unknown> = { ...before }
  for (const name of Object.keys(given)) {
    if (FIXED.includes(name)) {
      throw codedType(
        'ERR_INVALID_OPTION',
        `The option tls.${name} cannot be changed by reload(): it is part of how the server listens.`,
      )
    }
    for (const other of GIVES_WAY[name] ?? []) delete result[other]
  }
  return Object.assign(result, given) as TlsOptions
}

const FIXED: readonly string[] = ['allowPlain', 'resolveTimeout', 'watch']

const ABOUT = ['ocsp', 'ocspFile', 'names']
const CERT = ['cert', 'certFile', 'pfx', 'pfxFile', ...ABOUT]
const KEY = ['key', 'keyFile', 'pfx', 'pfxFile']

const GIVES_WAY: Readonly<Record<string, readonly string[]>> = {
  cert: CERT,
  certFile: CERT,
  key: KEY,
  keyFile: KEY,
  pfx: [...CERT, ...KEY],
  pfxFile: [...CERT, ...KEY],
  ocsp: ['ocspFile'],
  ocspFile: ['ocsp'],
  ca: ['caFile'],
  caFile: ['ca'],
  crl: ['crlFile'],
  crlFile: ['crl'],
}
