import { binding } from '../binding'
import { fromCore, looksSecret } from '../errors'
import { group, invalid, type Rules } from '../rules'

/** What {@link selfSignedCertificate} is made for. */
export interface SelfSignedOptions {
  /**
   * Server names, with `*` as the first label or without, and IP addresses. Default: `localhost`, `127.0.0.1` and `::1`.
   */
  names?: readonly string[] | undefined
  /** Days from now on for which it is valid, 1 to 825: Apple's systems take none that are longer. Default: 90. */
  days?: number | undefined
}

/** A certificate and its private key in PEM, as the option `tls` takes them. */
export interface SelfSigned {
  /** The certificate, as PEM. */
  readonly cert: string
  /** Its private key, as PEM; not encrypted. */
  readonly key: string
}

/**
 * Makes a certificate that is signed by its own key (ECDSA, P-256), for development and tests: clients refuse it unless
 * they are told to trust it. Each call makes another one. `npx millrace cert` writes one into files.
 *
 * @throws ERR_INVALID_OPTION; ERR_TLS_OPTION for what is no name
 */
export function selfSignedCertificate(options: SelfSignedOptions = {}): SelfSigned {
  const { names, days } = group('', options, RULES) as { names: unknown; days: number }
  if (!Array.isArray(names) || names.length === 0 || names.some((name) => typeof name !== 'string')) {
    throw invalid('names', names, 'a list of names, with one at least')
  }
  // The core shows what is no name, and this is none.
  const foreign = (names as string[]).find((name) => name.length > 255 || (name.length > 40 && looksSecret(name)))
  if (foreign !== undefined) throw invalid('names', foreign, 'a list of names')
  try {
    const { certificate, key } = binding().selfSignedCertificate([...(names as string[])], days)
    return { cert: certificate, key }
  } catch (error) {
    throw fromCore(error)
  }
}

/** What a server on this machine is called. */
export const LOCAL_NAMES: readonly string[] = Object.freeze(['localhost', '127.0.0.1', '::1'])
export const DEFAULT_DAYS = 90
export const MOST_DAYS = 825

const RULES = {
  names: { kind: 'other', initial: LOCAL_NAMES },
  days: { kind: 'integer', initial: DEFAULT_DAYS, min: 1, max: MOST_DAYS },
} as const satisfies Rules
