import { codedType } from '../errors'
import { invalid } from '../rules'
import type { TlsOptions, TlsResolve, TlsSniCallback } from './options'

type Given = Record<string, unknown>

/**
 * Puts the names of this package for those of node:tls that mean the same.
 *
 * @throws ERR_INVALID_OPTION for names of node:tls that mean nothing here, saying what to do instead
 */
export function withOwnNames(given: Given): Given {
  // What configurations leave open says nothing.
  const said = Object.entries(given).filter(([name, value]) => value !== undefined && !isOff(name, value))
  const refused = said.find(([name]) => Object.hasOwn(REFUSED, name))?.[0]
  if (refused !== undefined) {
    throw codedType('ERR_INVALID_OPTION', `There is no option tls.${refused}, which node:tls has: ${REFUSED[refused]}.`)
  }
  // Not by assignment, which an option named __proto__ would get past the check of names.
  const options: Given = Object.fromEntries(said.filter(([name]) => !Object.hasOwn(ALIASES, name)))
  for (const [name, own] of Object.entries(ALIASES)) {
    if (given[name] === undefined) continue
    if (given[own] !== undefined) {
      throw codedType(
        'ERR_INVALID_OPTION',
        `tls.${own} and tls.${name} are two names for one option: give one of them.`,
      )
    }
    const value = VALUES[name]!(given[name], given)
    if (value !== undefined) options[own] = value
  }
  return options
}

/** Names of node:tls for options of ours. */
export const ALIASES = {
  ALPNProtocols: 'alpn',
  ecdhCurve: 'groups',
  requestCert: 'clientCertificate',
  rejectUnauthorized: 'clientCertificate',
  sessionTimeout: 'ticketLifetime',
  SNICallback: 'resolve',
} as const satisfies Partial<Record<keyof TlsOptions, keyof TlsOptions>>

/** Their values as ours; undefined for the default. */
const VALUES: Readonly<Record<string, (value: unknown, given: Given) => unknown>> = {
  ALPNProtocols(value) {
    if (Array.isArray(value)) return value
    throw invalid('tls.ALPNProtocols', value, "a list of names, such as ['http/1.1']")
  },
  ecdhCurve(value) {
    if (typeof value !== 'string') throw invalid('tls.ecdhCurve', value, "'auto', or names of groups with ':' between")
    return value === 'auto' ? undefined : value
  },
  requestCert(value, { rejectUnauthorized = true }) {
    checkFlag('requestCert', value)
    checkFlag('rejectUnauthorized', rejectUnauthorized)
    if (value === false) return 'none'
    return rejectUnauthorized === true ? 'required' : 'asked'
  },
  // As in node:tls it means nothing by itself.
  rejectUnauthorized(value, given) {
    checkFlag('rejectUnauthorized', value)
    return given['requestCert'] === undefined ? undefined : VALUES['requestCert']!(given['requestCert'], given)
  },
  sessionTimeout: (value) => value,
  SNICallback(value) {
    if (typeof value !== 'function') throw invalid('tls.SNICallback', value, 'a function')
    return resolveOf(value as TlsSniCallback)
  },
}

function resolveOf(callback: TlsSniCallback): TlsResolve {
  return (serverName) =>
    new Promise((resolve, reject) => {
      callback(serverName, (error, certificate) => {
        if (error == null) resolve(certificate)
        else reject(error)
      })
    })
}

/** An empty SSLKEYLOGFILE is how shells and compose files turn it off. */
function isOff(name: string, value: unknown): boolean {
  return name === 'keyLogFile' && value === ''
}

function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw invalid(`tls.${name}`, value, 'true or false')
}

const ENGINES = 'OpenSSL’s engines cannot be used. Give the key itself by tls.key or tls.keyFile'
const CLIENTS = 'it is one of clients'
const PRE_SHARED = 'pre-shared keys are not spoken. Clients can show a certificate, see tls.clientCertificate'

/** Names of node:tls that mean nothing here, or something else; each with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  ALPNCallback: 'the first protocol of tls.alpn that the client has is chosen',
  allowPartialTrustChain: 'leave it out, each certificate of tls.ca is trusted by itself',
  checkServerIdentity: CLIENTS,
  clientCertEngine: ENGINES,
  dhparam:
    'key exchange is by elliptic curves only, which need no parameters. Leave it out; tls.groups has their names',
  enableTrace: 'leave it out. tls.keyLogFile lets Wireshark show what is said',
  handshakeTimeout: 'here it is timeouts.handshake of the server',
  minDHSize: CLIENTS,
  privateKeyEngine: ENGINES,
  privateKeyIdentifier: ENGINES,
  pskCallback: PRE_SHARED,
  pskIdentityHint: PRE_SHARED,
  secureContext: 'its key cannot be read back. Give what it was made of, such as tls.cert and tls.key',
  secureOptions:
    'flags of OpenSSL mean nothing here. See tls.minVersion, tls.ciphers, tls.honorCipherOrder, tls.resumption',
  secureProtocol: 'versions have names here. Give tls.minVersion and tls.maxVersion',
  servername: CLIENTS,
  session: CLIENTS,
  sessionIdContext:
    'leave it out, sessions are resumed by the server that began them. tls.ticketKeys shares them with others',
  sigalgs: 'leave it out, nothing that is broken is offered, and the key decides among the others',
}
