import { codedType, show } from '../errors'
import { invalid } from '../rules'
import type { TlsVersion } from './options'

/** The cipher suites of the core by their names of IANA, with those that OpenSSL has for them. */
export const SUITES: Readonly<Record<string, string>> = {
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
}

/** The groups of the core, with other names they have. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  X25519MLKEM768: [],
  SecP256r1MLKEM768: [],
  X25519: [],
  'P-256': ['prime256v1', 'secp256r1'],
  'P-384': ['secp384r1'],
  MLKEM768: [],
  MLKEM1024: [],
}

/** The cipher suites wanted, by their names of IANA; none for those of the core. */
export function suitesOf(given: unknown): string[] {
  const allowed = `some of ${Object.values(SUITES).join(', ')}`
  const suites = listOf('tls.ciphers', given, allowed).map((name) => {
    const found = Object.keys(SUITES).find((iana) => [iana, SUITES[iana]].includes(name.toUpperCase()))
    if (found !== undefined) return found
    throw unusable('tls.ciphers', name, `It has to be ${allowed}, or their names of IANA`, whySuite(name))
  })
  return [...new Set(suites)]
}

/** The key-exchange groups wanted; none for those of the core. */
export function groupsOf(given: unknown): string[] {
  const allowed = `some of ${Object.keys(GROUPS).join(', ')}`
  const groups = listOf('tls.groups', given, allowed).map((name) => {
    const lower = name.toLowerCase()
    const found = Object.keys(GROUPS).find((group) => group.toLowerCase() === lower || GROUPS[group]!.includes(lower))
    if (found !== undefined) return found
    throw unusable('tls.groups', name, `It has to be ${allowed}`, 'The core does not have it')
  })
  return [...new Set(groups)]
}

export function versionOf(name: string, given: unknown): TlsVersion {
  if (given === 'TLSv1.2' || given === 'TLSv1.3') return given
  if (typeof given !== 'string' || !Object.hasOwn(OLD, given)) throw invalid(name, given, "'TLSv1.2' or 'TLSv1.3'")
  throw unusable(name, given, "It has to be 'TLSv1.2' or 'TLSv1.3', which every browser since 2014 speaks", OLD[given]!)
}

/** ALPN (RFC 7301 3.1): names of 1 to 255 bytes. */
export function alpnOf(given: unknown): string[] {
  const isName = (name: unknown): name is string =>
    typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= 255
  if (!Array.isArray(given) || !given.every(isName)) {
    throw invalid('tls.alpn', given, "a list of protocols' names, such as ['http/1.1']")
  }
  const foreign = given.find((name) => FOREIGN.includes(name))
  if (foreign === undefined) return [...new Set(given)]
  throw unusable(
    'tls.alpn',
    foreign,
    'Leave it out',
    'This server does not speak it, and clients would take it at its word',
  )
}

/** Text with `:` between, or a list. */
function listOf(name: string, given: unknown, allowed: string): string[] {
  if (given === undefined) return []
  const list: unknown = typeof given === 'string' ? given.split(/[:,\s]+/).filter(Boolean) : given
  if (Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'string' && one !== '')) {
    return list as string[]
  }
  throw invalid(name, given, `a list, or a text with ':' between, of ${allowed}`)
}

function whySuite(name: string): string {
  if (/^[!+@-]|^(?:ALL|DEFAULT|HIGH|MEDIUM|LOW|COMPLEMENT|PROFILE|SECLEVEL)/i.test(name) || !/[-_]/.test(name)) {
    return 'That stands for a choice that OpenSSL makes, and not for one suite'
  }
  if (/^(?:TLS_)?(?:DHE|EDH)[-_]/.test(name)) {
    return 'Key exchange is by elliptic curves only, and not by the Diffie-Hellman of old: leave such suites out'
  }
  if (/CBC|SHA$|RC4|DES|NULL|EXP|MD5|SHA(?:256|384)$/i.test(name) && !/GCM|CCM|POLY1305/i.test(name)) {
    return 'Its encryption is not authenticated, and was broken more than once (RFC 9325 4.1)'
  }
  if (/^(?:AES|TLS_RSA_WITH|PSK|SRP|ADH|AECDH)/.test(name)) return 'It has no forward secrecy (RFC 9325 4.1)'
  return 'The core does not have it'
}

function unusable(option: string, value: string, allowed: string, why: string): Error {
  return codedType('ERR_INVALID_OPTION', `The option ${option} cannot have ${show(value)}. ${why}. ${allowed}.`)
}

const BROKEN = 'No client may speak it any more (RFC 8996), browsers have stopped in 2020, and its ciphers are broken'
const OLD: Readonly<Record<string, string>> = {
  'TLSv1.1': BROKEN,
  TLSv1: BROKEN,
  'TLSv1.0': BROKEN,
  SSLv3: 'It is broken (RFC 7568)',
  SSLv2: 'It is broken (RFC 6176)',
}

/** What other servers speak on this port. */
const FOREIGN: readonly string[] = ['h2', 'h2c', 'h3']
