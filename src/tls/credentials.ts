import { domainToASCII } from 'node:url'
import type { NativeTlsMaterial } from '../binding'
import { codedType, show } from '../errors'
import { group, invalid, type Rules } from '../rules'
import { fileOf } from './files'
import type { TlsCertificate, TlsContent, TlsKey, TlsPassphrase, TlsPfx } from './options'

/** The rules of a certificate's options; docs/defaults.md has a row for each. */
export const CERTIFICATE_RULES = {
  cert: { kind: 'other', initial: undefined },
  certFile: { kind: 'other', initial: undefined },
  key: { kind: 'other', initial: undefined },
  keyFile: { kind: 'other', initial: undefined },
  pfx: { kind: 'other', initial: undefined },
  pfxFile: { kind: 'other', initial: undefined },
  passphrase: { kind: 'other', initial: undefined },
  ocsp: { kind: 'other', initial: undefined },
  ocspFile: { kind: 'other', initial: undefined },
  names: { kind: 'other', initial: undefined },
} as const satisfies Rules

/** A certificate as the core takes it, and who is to be asked when its key is encrypted. */
export interface Credentials {
  readonly material: NativeTlsMaterial
  readonly passphrase: TlsPassphrase | null
}

/**
 * Checks a certificate given by itself.
 *
 * @param prefix what is put before the names of its options in messages
 * @throws ERR_INVALID_OPTION
 */
export function credentialsOf(prefix: string, given: unknown): Credentials[] {
  const values = group(prefix, given, CERTIFICATE_RULES)
  const found = credentialsIn(prefix, values as TlsCertificate)
  if (found.length > 0) return found
  const name = prefix.slice(0, -1)
  throw codedType(
    'ERR_INVALID_OPTION',
    `${name} has no certificate: it needs cert or certFile with key or keyFile, or pfx or pfxFile.`,
  )
}

/** The certificates in options whose names have been checked; none when there are none. */
export function credentialsIn(prefix: string, given: TlsCertificate): Credentials[] {
  for (const [content, file] of PAIRS) {
    if (given[content] !== undefined && given[file] !== undefined) throw both(prefix, content, file)
  }
  const own = pick(given, ['cert', 'certFile', 'key', 'keyFile'])
  const store = pick(given, ['pfx', 'pfxFile'])
  if (store !== undefined && own !== undefined) throw both(prefix, store, own)
  if (store === undefined && own === undefined) {
    const alone = pick(given, ['passphrase', 'ocsp', 'ocspFile', 'names'])
    if (alone !== undefined) {
      throw needs(prefix, alone, 'a certificate: cert or certFile with key or keyFile, or pfx or pfxFile')
    }
    return []
  }
  const parts = store === undefined ? pemParts(prefix, given) : storeParts(prefix, given)
  const ask = passphraseOf(prefix, given.passphrase)
  const about = { ...ocspOf(prefix, given), ...namesOf(prefix, given.names) }
  if (parts.length > 1 && Object.keys(about).length > 0) {
    throw needs(
      prefix,
      pick(given, ['ocsp', 'ocspFile', 'names'])!,
      'one certificate: write several as tls.certificates',
    )
  }
  return parts.map(({ passphrase, ...part }) => {
    const material: NativeTlsMaterial = { ...part, ...about }
    if (passphrase !== undefined) return { material: { ...material, passphrase }, passphrase: null }
    if (typeof ask === 'string') return { material: { ...material, passphrase: ask }, passphrase: null }
    return { material, passphrase: ask }
  })
}

/** PEM, or bytes. A text without PEM is often the name of a file. */
export function contentOf(name: string, given: unknown): Uint8Array {
  if (given instanceof Uint8Array) return given
  if (typeof given !== 'string') {
    throw secret(name, 'PEM as text, or bytes of PEM or DER', given)
  }
  if (given.includes('-----BEGIN')) return Buffer.from(given)
  // A key that has lost its first line must not end up in a log.
  const shown = FILE.test(given) ? show(given) : 'a text without one'
  throw codedType(
    'ERR_INVALID_OPTION',
    `The option ${name} has to be the content, PEM that begins with "-----BEGIN" or bytes, but it is ${shown}. ` +
      `To name a file, write ${name}File.`,
  )
}

const PAIRS = [
  ['cert', 'certFile'],
  ['key', 'keyFile'],
  ['pfx', 'pfxFile'],
  ['ocsp', 'ocspFile'],
] as const

type Part = NativeTlsMaterial & { passphrase?: string }

function pemParts(prefix: string, given: TlsCertificate): Part[] {
  if (given.cert === undefined && given.certFile === undefined) {
    throw needs(prefix, pick(given, ['key', 'keyFile'])!, `${prefix}cert or ${prefix}certFile beside it`)
  }
  const keys = given.key === undefined ? [] : toList(given.key).map((key) => keyOf(`${prefix}key`, key))
  if (given.key !== undefined && keys.length === 0) throw invalid(`${prefix}key`, given.key, 'a private key')
  if (keys.length < 2) {
    const key: Part =
      given.keyFile === undefined ? (keys[0] ?? {}) : { keyFile: fileOf(`${prefix}keyFile`, given.keyFile) }
    if (given.certFile !== undefined) {
      return [{ certificateFile: fileOf(`${prefix}certFile`, given.certFile), ...key }]
    }
    const certificate = chainOf(`${prefix}cert`, given.cert!)
    // A file may have both, which is known when it is read; with a content it is known here.
    if (key.key === undefined && key.keyFile === undefined && !hasKey(certificate)) {
      throw needs(prefix, 'cert', `${prefix}key or ${prefix}keyFile beside it`)
    }
    return [{ certificate, ...key }]
  }
  const certs = given.cert === undefined ? [] : toList(given.cert)
  if (certs.length !== keys.length) {
    throw codedType(
      'ERR_INVALID_OPTION',
      `There are ${keys.length} keys in ${prefix}key, but ${prefix}cert is not a list of as many certificates: write ` +
        'each pair as one of tls.certificates.',
    )
  }
  return keys.map((key, index) => ({ certificate: contentOf(`${prefix}cert`, certs[index]), ...key }))
}

function storeParts(prefix: string, given: TlsCertificate): Part[] {
  if (given.pfxFile !== undefined) return [{ pkcs12File: fileOf(`${prefix}pfxFile`, given.pfxFile) }]
  const stores = toList<Uint8Array | TlsPfx>(given.pfx!)
  if (stores.length === 0) throw invalid(`${prefix}pfx`, given.pfx, 'a PKCS #12 store')
  return stores.map((store) => {
    if (isPart<TlsPfx>(store, 'buf')) {
      return { pkcs12: bytesOf(`${prefix}pfx`, store.buf), ...ownPassphrase(`${prefix}pfx`, store.passphrase) }
    }
    return { pkcs12: bytesOf(`${prefix}pfx`, store) }
  })
}

function keyOf(name: string, given: TlsContent | TlsKey): Part {
  if (isPart<TlsKey>(given, 'pem')) {
    return { key: contentOf(name, given.pem), ...ownPassphrase(name, given.passphrase) }
  }
  return { key: contentOf(name, given) }
}

function ownPassphrase(name: string, given: unknown): { passphrase?: string } {
  if (given === undefined) return {}
  if (typeof given !== 'string') throw secret(`${name}.passphrase`, 'a text', given)
  return { passphrase: given }
}

function passphraseOf(prefix: string, given: unknown): string | TlsPassphrase | null {
  if (given === undefined) return null
  if (typeof given === 'string') return given
  if (typeof given === 'function') return given as TlsPassphrase
  throw secret(`${prefix}passphrase`, 'a text, or a function that gives it', given)
}

function ocspOf(prefix: string, { ocsp, ocspFile }: TlsCertificate): NativeTlsMaterial {
  if (ocsp !== undefined) return { ocsp: bytesOf(`${prefix}ocsp`, ocsp) }
  return ocspFile === undefined ? {} : { ocspFile: fileOf(`${prefix}ocspFile`, ocspFile) }
}

function namesOf(prefix: string, given: unknown): NativeTlsMaterial {
  if (given === undefined) return {}
  const allowed = "a list of names, such as ['example.org', '*.example.org']"
  if (!Array.isArray(given) || given.length === 0) throw invalid(`${prefix}names`, given, allowed)
  const names = given.map((name: unknown) => {
    const [, star = '', rest = ''] = typeof name === 'string' ? (/^(\*\.)?([^*/\\?#]+)$/.exec(name) ?? []) : []
    const ascii = domainToASCII(rest)
    if (isHost(ascii)) return star + ascii
    throw invalid(`${prefix}names`, name, allowed)
  })
  return { names }
}

/** RFC 1035 2.3.4; what is longer is no name, and may be anything. */
function isHost(ascii: string): boolean {
  return ascii !== '' && ascii.length <= 253 && ascii.split('.').every((label) => label.length <= 63)
}

function bytesOf(name: string, given: unknown): Uint8Array {
  if (given instanceof Uint8Array) return given
  const shown = typeof given === 'string' ? (FILE.test(given) ? show(given) : 'a text') : show(given)
  throw codedType(
    'ERR_INVALID_OPTION',
    `The option ${name} has to be bytes, as readFile gives them without an encoding, but it is ${shown}. To name a ` +
      `file, write ${name}File.`,
  )
}

/** A chain as one content: DER is written as PEM, which can be put together. */
function chainOf(name: string, given: TlsContent | readonly TlsContent[]): Uint8Array {
  const contents = toList(given).map((content) => contentOf(name, content))
  if (contents.length === 0) throw invalid(name, given, 'a certificate')
  if (contents.length === 1) return contents[0]!
  return Buffer.from(contents.map((content) => pemOf(content, 'CERTIFICATE')).join('\n'))
}

function hasKey(content: Uint8Array): boolean {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).includes('PRIVATE KEY-----')
}

function pemOf(content: Uint8Array, label: string): string {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  if (text.includes('-----BEGIN')) return text.toString()
  const lines = text.toString('base64').replaceAll(/.{64}/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----`
}

function pick<Name extends keyof TlsCertificate>(given: TlsCertificate, names: readonly Name[]): Name | undefined {
  return names.find((name) => given[name] !== undefined)
}

function toList<T>(given: T | readonly T[]): readonly T[] {
  return Array.isArray(given) ? (given as readonly T[]) : [given as T]
}

/** A part with its own passphrase, as node:tls has it. */
function isPart<T>(given: unknown, name: string): given is T {
  return typeof given === 'object' && given !== null && !ArrayBuffer.isView(given) && name in given
}

function both(prefix: string, one: string, other: string): Error {
  return codedType('ERR_INVALID_OPTION', `There are both ${prefix}${one} and ${prefix}${other}: give one of them.`)
}

function needs(prefix: string, name: string, what: string): Error {
  return codedType('ERR_INVALID_OPTION', `The option ${prefix}${name} needs ${what}.`)
}

function secret(name: string, allowed: string, value: unknown): Error {
  return codedType('ERR_INVALID_OPTION', `The option ${name} has to be ${allowed}, but it is ${kindOf(value)}.`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'object' ? show(value) : `a ${typeof value}`
}

/** What looks like the name of a file. */
const FILE = /^[^\n]{1,100}\.(?:pem|key|crt|cer|cert|der|p8|p12|pfx|txt|ocsp|crl)$/i
