import { codedType } from '../errors'
import { checkNames, invalid } from '../rules'
import { copied, isNamed } from './copied'
import { ALIASES, withOwnNames } from './node-names'
import type { TlsOptions } from './options'
import { TLS_RULES } from './resolve'

/**
 * The options after a change, for what is left out of it those from before; what is undefined in it is taken away. What
 * says the same another way gives way: a `certFile` to a `cert`, both to a `pfx`, and what was said about a certificate to
 * the next certificate.
 *
 * @throws ERR_INVALID_OPTION
 */
export function merged(before: TlsOptions, change: unknown): TlsOptions {
  if (change === undefined) return before
  if (!isNamed(change)) {
    throw invalid('tls', change, 'an object with the options that change')
  }
  const said = copied(change)
  const given = withOwnNames(said)
  checkNames('tls.', given, Object.keys(TLS_RULES))
  const result: Record<string, unknown> = { ...before }
  for (const name of takenAway(said, given)) {
    if (FIXED.includes(name) && result[name] !== undefined) throw fixed(name)
    delete result[name]
  }
  for (const name of Object.keys(given)) {
    if (FIXED.includes(name)) throw fixed(name)
    for (const other of GIVES_WAY[name] ?? []) delete result[other]
  }
  return Object.assign(result, given) as TlsOptions
}

/** What is undefined under its own name or that of node:tls, which has `'auto'` for the default too. */
function takenAway(said: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>): string[] {
  const isGone = (name: string): boolean => said[name] === undefined || (name === 'ecdhCurve' && said[name] === 'auto')
  const names: readonly string[] = Object.keys(said).filter(isGone)
  return names
    .map((name) => (Object.hasOwn(ALIASES, name) ? ALIASES[name as keyof typeof ALIASES] : name))
    .filter((name) => given[name] === undefined)
}

function fixed(name: string): Error {
  return codedType(
    'ERR_INVALID_OPTION',
    `The option tls.${name} cannot be changed by reload(): it is part of how the server listens.`,
  )
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
