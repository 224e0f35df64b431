import { X509Certificate } from 'node:crypto'
import type { NativeLane, NativeTlsInfo } from '../binding'

/**
 * What the handshake of a connection has agreed on. It does not change, and is valid for as long as you hold it, also when
 * the connection has gone.
 */
export class TlsInfo {
  /** The version of the protocol. */
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  /** The cipher suite by its name of IANA, such as `'TLS_AES_128_GCM_SHA256'`. */
  readonly cipher: string
  /** The group keys were exchanged in, such as `'X25519'`; null for a resumption that has exchanged none. */
  readonly group: string | null
  /** The name the client has asked for (RFC 6066 3), in lower case; null when it has asked for none. */
  readonly serverName: string | null
  /** The protocol agreed on by ALPN (RFC 7301); null for none. */
  readonly alpnProtocol: string | null
  /** Whether an earlier session was resumed. */
  readonly resumed: boolean
  /**
   * Whether this request came as early data (RFC 8446 2.3), before the handshake was complete: an attacker can send it
   * once more. False for a connection as a whole.
   */
  readonly earlyData: boolean
  /** Whether the client has shown a certificate that `tls.ca` vouches for. */
  readonly authorized: boolean
  /** Why its certificate is not trusted; null when it is, or when it has shown none. */
  readonly authorizationError: string | null
  declare private readonly chain: PeerChain

  /** @internal */
  constructor(native: NativeTlsInfo, chain: PeerChain, earlyData: boolean) {
    this.version = native.version
    this.cipher = native.cipher
    this.group = native.group ?? null
    this.serverName = native.serverName ?? null
    this.alpnProtocol = native.alpnProtocol ?? null
    this.resumed = native.resumed
    this.earlyData = earlyData
    this.authorized = native.authorized
    this.authorizationError = native.authorizationError ?? null
    // Not shown by console.log, which would print every byte.
    Object.defineProperty(this, 'chain', { value: chain, enumerable: false })
  }

  /**
   * The client's certificate, whether trusted or not; null when it has shown none (see `tls.clientCertificate`). Read when
   * first asked for, once for a connection.
   */
  get peerCertificate(): X509Certificate | null {
    return this.chain.certificates[0] ?? null
  }

  /** All certificates the client has shown, its own first. */
  get peerCertificateChain(): readonly X509Certificate[] {
    return this.chain.certificates
  }
}

/** What is known of a thread's connections, kept for those who ask with each of their requests. */
export class TlsInfos {
  private readonly native: Pick<NativeLane, 'tlsInfo'>
  private readonly known = new Map<number, Known>()

  constructor(native: Pick<NativeLane, 'tlsInfo'>) {
    this.native = native
  }

  /**
   * What the core knows of a connection; null when it is none of TLS, or has gone so long ago that its number is another's.
   */
  of(connection: number, generation: number, earlyData: boolean): TlsInfo | null {
    let found = this.known.get(connection)
    if (found === undefined || found.generation !== generation) {
      const native = this.native.tlsInfo(connection, generation)
      if (native === null) return null
      found = { generation, native, chain: new PeerChain(native.peerCertificates) }
      this.keep(connection, found)
    }
    return new TlsInfo(found.native, found.chain, earlyData)
  }

  private keep(connection: number, found: Known): void {
    this.known.delete(connection)
    this.known.set(connection, found)
    if (this.known.size <= MOST_KNOWN) return
    const [oldest] = this.known.keys()
    this.known.delete(oldest!)
  }
}

const MOST_KNOWN = 1024

interface Known {
  readonly generation: number
  readonly native: NativeTlsInfo
  readonly chain: PeerChain
}

/** Certificates that are read when somebody looks. */
class PeerChain {
  private readonly encoded: readonly Uint8Array[]
  private read: readonly X509Certificate[] | null = null

  constructor(encoded: readonly Uint8Array[]) {
    this.encoded = encoded
  }

  get certificates(): readonly X509Certificate[] {
    return (this.read ??= Object.freeze(this.encoded.map((der) => new X509Certificate(der))))
  }
}
