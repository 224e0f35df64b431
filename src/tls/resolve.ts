import type { NativeTlsOptions } from '../binding'
import { codedRange, codedType, show } from '../errors'
import { group, invalid, type Rules } from '../rules'
import { alpnOf, groupsOf, suitesOf, versionOf } from './algorithms'
import { CERTIFICATE_RULES, contentOf, credentialsIn, credentialsOf, type Credentials } from './credentials'
import { fileOf } from './files'
import { copied, isNamed } from './copied'
import { ALIASES, withOwnNames } from './node-names'
import type { ResolvedTlsOptions, TlsContent, TlsOptions, TlsResolve } from './options'

const MAX_TIME = 2 ** 31 - 1
/** RFC 8446 4.6.1: a ticket must not be used for longer than a week. */
const WEEK = 604_800
/** What OpenSSL and nginx take with early data. */
const EARLY_BYTES = 16 * 1024
const TICKET_KEY_BYTES = 48

/** The rules of the option `tls`; docs/defaults.md has a row for each. */
export const TLS_RULES = {
  ...CERTIFICATE_RULES,
  certificates: { kind: 'other', initial: undefined },
  unknownName: { kind: 'choice', initial: 'default', choices: ['default', 'refuse'] },
  resolve: { kind: 'function', initial: undefined },
  resolveTimeout: { kind: 'integer', initial: 5000, min: 1, max: MAX_TIME },
  resolveCache: { kind: 'integer', initial: 3_600_000, min: 0, max: MAX_TIME },
  minVersion: { kind: 'other', initial: 'TLSv1.2' },
  maxVersion: { kind: 'other', initial: 'TLSv1.3' },
  ciphers: { kind: 'other', initial: undefined },
  groups: { kind: 'other', initial: undefined },
  honorCipherOrder: { kind: 'boolean', initial: true },
  alpn: { kind: 'other', initial: ['http/1.1'] },
  clientCertificate: { kind: 'choice', initial: 'none', choices: ['none', 'asked', 'required'] },
  ca: { kind: 'other', initial: undefined },
  caFile: { kind: 'other', initial: undefined },
  crl: { kind: 'other', initial: undefined },
  crlFile: { kind: 'other', initial: undefined },
  resumption: { kind: 'boolean', initial: true },
  ticketLifetime: { kind: 'integer', initial: 7200, min: 1, max: WEEK },
  ticketKeys: { kind: 'other', initial: undefined },
  earlyData: { kind: 'other', initial: false },
  keyLogFile: { kind: 'other', initial: undefined },
  allowPlain: { kind: 'other', initial: false },
  watch: { kind: 'boolean', initial: false },
} as const satisfies Rules

/** Where an unknown option of a server may be meant. */
export const TLS_NAMES: Rules = {
  ...TLS_RULES,
  ...Object.fromEntries(Object.entries(ALIASES).map(([name, own]) => [name, TLS_RULES[own]])),
}

/** What it takes to load, with the secrets. */
export interface TlsPlan {
  /** What was given, under names of ours; files by absolute paths. */
  readonly given: TlsOptions
  readonly options: ResolvedTlsOptions
  /** The default one first. */
  readonly certificates: readonly Credentials[]
  readonly resolve: TlsResolve | null
  readonly native: Omit<NativeTlsOptions, 'certificates'>
}

/**
 * Checks the option `tls`: null when the server does not speak TLS. Reads no file.
 *
 * @throws ERR_INVALID_OPTION for the first option that is wrong
 */
export function resolveTls(given: unknown): ResolvedTlsOptions | null {
  if (given === undefined) return null
  const plan = planTls(given)
  plans.set(plan.options, plan)
  return plan.options
}

/** The plan behind options that {@link resolveTls} has given: kept apart, as programs print options. */
export function planOf(options: ResolvedTlsOptions): TlsPlan {
  return plans.get(options)!
}

export function planTls(given: unknown): TlsPlan {
  if (!isNamed(given)) {
    throw invalid('tls', given, 'an object such as { certFile, keyFile }, or left out')
  }
  const own = withOwnNames(copied(given))
  const values = group('tls.', own, TLS_RULES)
  const tls = values as TlsOptions
  const options = shownOf(tls)
  const certificates = certificatesOf(tls)
  const resolve = tls.resolve ?? null
  if (certificates.length === 0 && resolve === null) {
    throw codedType(
      'ERR_INVALID_OPTION',
      'The option tls has no certificate: it needs cert or certFile with key or keyFile, or pfx or pfxFile, or ' +
        'certificates, or resolve. For development, `npx millrace cert` makes a pair.',
    )
  }
  const plan = Object.freeze({ given: withPaths(own), options, certificates, resolve, native: nativeOf(tls, options) })
  if (options.watch && filesOf(plan).length === 0) {
    throw codedType(
      'ERR_INVALID_OPTION',
      'The option tls.watch has to be false where nothing comes from a file: name files by tls.certFile and tls.keyFile.',
    )
  }
  return plan
}

/** The files that certificates, keys and lists are read from. */
export function filesOf({ certificates, native }: TlsPlan): string[] {
  const files = [...native.rootFiles!, ...native.revocationListFiles!]
  for (const { material } of certificates) {
    const { certificateFile, keyFile, pkcs12File, ocspFile } = material
    for (const file of [certificateFile, keyFile, pkcs12File, ocspFile]) if (file !== undefined) files.push(file)
  }
  return [...new Set(files)]
}

const plans = new WeakMap<ResolvedTlsOptions, TlsPlan>()

function shownOf(tls: TlsOptions): ResolvedTlsOptions {
  const minVersion = versionOf('tls.minVersion', tls.minVersion)
  const maxVersion = versionOf('tls.maxVersion', tls.maxVersion)
  if (minVersion > maxVersion) throw invalid('tls.minVersion', minVersion, `at most tls.maxVersion (${maxVersion})`)
  const { resumption, clientCertificate } = tls
  const earlyData = earlyDataOf(tls.earlyData)
  if (earlyData > 0 && resumption === false) {
    throw invalid('tls.earlyData', tls.earlyData, 'false without tls.resumption: only who resumes can send it')
  }
  if (earlyData > 0 && maxVersion !== 'TLSv1.3') {
    throw invalid('tls.earlyData', tls.earlyData, 'false below TLSv1.3, which tls.maxVersion leaves out')
  }
  if (earlyData > 0 && tls.ticketKeys !== undefined) {
    throw invalid(
      'tls.earlyData',
      tls.earlyData,
      'false with tls.ticketKeys: servers that share keys cannot tell who sends it twice',
    )
  }
  checkClients(tls)
  const { allowPlain } = tls
  if (typeof allowPlain !== 'boolean' && allowPlain !== 'redirect') {
    throw invalid('tls.allowPlain', allowPlain, "true, false or 'redirect'")
  }
  return Object.freeze({
    unknownName: tls.unknownName!,
    resolveTimeout: tls.resolveTimeout!,
    resolveCache: tls.resolveCache!,
    minVersion,
    maxVersion,
    ciphers: Object.freeze(suitesOf(tls.ciphers)),
    groups: Object.freeze(groupsOf(tls.groups)),
    honorCipherOrder: tls.honorCipherOrder!,
    alpn: Object.freeze(alpnOf(tls.alpn)),
    clientCertificate: clientCertificate!,
    resumption: resumption!,
    ticketLifetime: tls.ticketLifetime!,
    earlyData,
    keyLogFile: tls.keyLogFile === undefined ? undefined : fileOf('tls.keyLogFile', tls.keyLogFile),
    allowPlain,
    watch: tls.watch!,
  })
}

function certificatesOf(tls: TlsOptions): Credentials[] {
  const { certificates = [] } = tls
  if (!Array.isArray(certificates)) throw invalid('tls.certificates', certificates, 'a list of certificates')
  const further = (certificates as readonly unknown[]).flatMap((one, index) =>
    credentialsOf(`tls.certificates[${index}].`, one),
  )
  return [...credentialsIn('tls.', tls), ...further]
}

function nativeOf(tls: TlsOptions, options: ResolvedTlsOptions): TlsPlan['native'] {
  const native: TlsPlan['native'] = {
    unknownName: options.unknownName,
    asksNames: tls.resolve !== undefined,
    minVersion: options.minVersion,
    maxVersion: options.maxVersion,
    suites: [...options.ciphers],
    groups: [...options.groups],
    serverOrder: options.honorCipherOrder,
    alpn: [...options.alpn],
    client: options.clientCertificate,
    roots: listed('tls.ca', tls.ca),
    rootFiles: files('tls.caFile', tls.caFile),
    revocationLists: listed('tls.crl', tls.crl),
    revocationListFiles: files('tls.crlFile', tls.crlFile),
    resumption: options.resumption,
    ticketLifetime: options.ticketLifetime,
    ticketKeys: ticketKeysOf(tls.ticketKeys),
    earlyDataBytes: options.earlyData,
  }
  if (options.keyLogFile !== undefined) native.keyLogFile = options.keyLogFile
  return native
}

/** What is said about clients' certificates has to have a meaning. */
function checkClients({ clientCertificate, ca, caFile, crl, crlFile }: TlsOptions): void {
  const hasRoots = ca !== undefined || caFile !== undefined
  const hasLists = crl !== undefined || crlFile !== undefined
  if (clientCertificate === 'required' && !hasRoots) {
    throw codedType(
      'ERR_INVALID_OPTION',
      'The option tls.clientCertificate is "required" (tls.requestCert of node:tls), which has to be given together with ' +
        'tls.ca or tls.caFile: those who vouch for clients.',
    )
  }
  if (clientCertificate === 'none' && hasRoots) {
    throw codedType(
      'ERR_INVALID_OPTION',
      `The option tls.${ca === undefined ? 'caFile' : 'ca'} says who vouches for clients, but tls.clientCertificate is ` +
        '"none", so that nobody is asked. Intermediates of the server’s own certificate belong behind it in tls.cert.',
    )
  }
  if (hasLists && !hasRoots) {
    const name = crl === undefined ? 'crlFile' : 'crl'
    throw codedType('ERR_INVALID_OPTION', `The option tls.${name} has to be given together with tls.ca or tls.caFile.`)
  }
}

function earlyDataOf(given: unknown): number {
  if (given === false) return 0
  if (given === true) return EARLY_BYTES
  const allowed = 'true, false, or a whole number of bytes from 1 to 1048576'
  if (typeof given !== 'number') throw invalid('tls.earlyData', given, allowed)
  if (Number.isInteger(given) && given >= 1 && given <= 1_048_576) return given
  throw codedRange('ERR_INVALID_OPTION', `The option tls.earlyData has to be ${allowed}, but it is ${show(given)}.`)
}

function ticketKeysOf(given: unknown): Uint8Array[] {
  if (given === undefined) return []
  const keys: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (keys.length === 0) throw invalid('tls.ticketKeys', given, 'a key, or a list of keys')
  return keys.map((key) => {
    if (key instanceof Uint8Array && key.length === TICKET_KEY_BYTES) return Uint8Array.from(key)
    const shown = key instanceof Uint8Array ? `${key.length} bytes` : `a ${typeof key}`
    throw codedType(
      'ERR_INVALID_OPTION',
      `The option tls.ticketKeys has to be ${TICKET_KEY_BYTES} random bytes for each key, but one is ${shown}.`,
    )
  })
}

function listed(name: string, given: TlsOptions['ca']): Uint8Array[] {
  if (given === undefined) return []
  const list: ReadonlyArray<TlsContent> = Array.isArray(given) ? given : [given as TlsContent]
  if (list.length === 0) throw invalid(name, given, 'a content, or a list of them that is not empty')
  return list.map((content) => contentOf(name, content))
}

function files(name: string, given: unknown): string[] {
  if (given === undefined) return []
  if (Array.isArray(given) && given.length === 0) throw invalid(name, given, 'a path, or a list of paths')
  return (Array.isArray(given) ? given : [given]).map((file) => fileOf(name, file))
}

/** Paths made absolute, so that a later change of the working directory changes nothing. */
function withPaths(own: Readonly<Record<string, unknown>>): TlsOptions {
  const result: Record<string, unknown> = { ...own }
  for (const [name, value] of Object.entries(own)) {
    if (!name.endsWith('File')) continue
    result[name] = Array.isArray(value) ? files(`tls.${name}`, value) : fileOf(`tls.${name}`, value)
  }
  if (own['certificates'] !== undefined) {
    result['certificates'] = (own['certificates'] as Array<Record<string, unknown>>).map(withPaths)
  }
  return result as TlsOptions
}
