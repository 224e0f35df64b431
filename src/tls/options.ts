/** A version of TLS that is spoken. Older ones must not be (RFC 8996). */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** PEM as text, or the bytes of PEM or DER. They are copied, and may be changed after the call. */
export type TlsContent = string | Uint8Array

/** A private key with its own passphrase, as node:tls has it. */
export interface TlsKey {
  /** The key, as PEM or DER. */
  readonly pem: TlsContent
  /** What it is encrypted with. Default: that of `tls.passphrase`. */
  readonly passphrase?: string | undefined
}

/** A PKCS #12 store with its own passphrase, as node:tls has it. */
export interface TlsPfx {
  /** The bytes of the store. */
  readonly buf: Uint8Array
  /** What it is encrypted with. Default: that of `tls.passphrase`. */
  readonly passphrase?: string | undefined
}

/** Gives the passphrase of a private key; `file` is missing when the key did not come from a file. */
export type TlsPassphrase = (what: { readonly file?: string | undefined }) => string | PromiseLike<string>

/**
 * A certificate with its private key: `cert` or `certFile` together with `key` or `keyFile`, unless both are in one PEM; or
 * `pfx` or `pfxFile` alone.
 * Files are read when the server begins to listen and by `server.tls.reload`; paths are looked up from the working
 * directory of the time they were given at, and may be `file:` URLs.
 */
export interface TlsCertificate {
  /**
   * The certificate and behind it those that lead to one clients know (RFC 8446 4.4.2), without that one: the
   * `fullchain.pem` of most issuers. Several contents are one chain, in their order; together with as many `key`s they
   * are that many certificates, as in node:tls. Default: none.
   */
  cert?: TlsContent | readonly TlsContent[] | undefined
  /** Path of a file with what {@link cert} has. Default: none. */
  certFile?: string | URL | undefined
  /**
   * The private key of `cert`: PKCS #8, PKCS #1 or SEC 1; of ECDSA (P-256, P-384, P-521), Ed25519 or RSA. It may be
   * encrypted: see {@link passphrase}. Default: none; a PEM in `cert` can have both.
   */
  key?: TlsContent | TlsKey | ReadonlyArray<TlsContent | TlsKey> | undefined
  /** Path of a file with what {@link key} has. Default: none; `certFile` can have both. */
  keyFile?: string | URL | undefined
  /** A PKCS #12 store with certificate, chain and key, instead of `cert` and `key`; bytes. Default: none. */
  pfx?: Uint8Array | TlsPfx | ReadonlyArray<Uint8Array | TlsPfx> | undefined
  /** Path of a PKCS #12 store. Default: none. */
  pfxFile?: string | URL | undefined
  /**
   * What an encrypted `key` or `pfx` is read with, or a function that gives it, at once or later. It is asked only when
   * the key is encrypted, each time it is loaded, and has two minutes; `server.close` ends the wait. Default: none.
   */
  passphrase?: string | TlsPassphrase | undefined
  /**
   * An OCSP response about the certificate, DER, which goes to clients that ask for it (RFC 6066 8), so that they need
   * not ask its issuer. It is sent as it is: renew it by `server.tls.reload`. Default: none.
   */
  ocsp?: Uint8Array | undefined
  /** Path of a file with what {@link ocsp} has. Default: none. */
  ocspFile?: string | URL | undefined
  /**
   * The server names (RFC 6066 3) that get this certificate, such as `'example.org'` or `'*.example.org'`, where the star
   * is one label. Default: none, those that are in the certificate.
   */
  names?: readonly string[] | undefined
}

/**
 * How a server speaks TLS. Names that node:tls has are taken too, where they mean the same: `ALPNProtocols`, `ecdhCurve`,
 * `requestCert`, `rejectUnauthorized`, `sessionTimeout`, `SNICallback`. The certificate given here, or else the first of
 * `certificates`, is the default one.
 */
export interface TlsOptions extends TlsCertificate {
  /** Further certificates, chosen by the server name a client asks for (RFC 6066 3). Default: none. */
  certificates?: readonly TlsCertificate[] | undefined
  /**
   * What a client gets that asks for a name no certificate has: `'default'`, the default certificate, which its browser
   * complains about; or `'refuse'`, the alert unrecognized_name. Clients that ask for no name get the default one.
   * Default: `'default'`.
   */
  unknownName?: 'default' | 'refuse' | undefined
  /**
   * Finds the certificate of a server name that none of `certificates` has, at once or later; null when there is none,
   * then `unknownName` decides. The name is in lower case. It is called once for a name at a time, however many clients
   * ask, and what it gives is kept for `resolveCache`. When it throws, or gives no certificate, `onError` is told
   * (ERR_TLS_RESOLVE) and the answer is null. 256 calls run at a time, and clients with more names wait for
   * their turn within `resolveTimeout`. A call that is late keeps its place until four times `resolveTimeout` have passed;
   * then its name is asked for anew. Default: none. Danger: clients ask for any name they like; look it up in a list of
   * your own before you have a certificate made for it.
   */
  resolve?: TlsResolve | undefined
  /**
   * Milliseconds a client waits for `resolve`; after that, `unknownName` decides, and `onError` is told. Default: 5000. An
   * answer that comes later is for the next clients.
   */
  resolveTimeout?: number | undefined
  /**
   * Milliseconds for which what `resolve` has given is used again: 1000 names at most. That there is no certificate is
   * kept for ten seconds at most. 0 asks each time. Default: 3600000, an hour. `server.tls.reload` forgets it all.
   */
  resolveCache?: number | undefined
  /** The oldest version spoken. Default: `'TLSv1.2'`. */
  minVersion?: TlsVersion | undefined
  /** The newest version spoken. Default: `'TLSv1.3'`. */
  maxVersion?: TlsVersion | undefined
  /**
   * The cipher suites, best first: a list, or text with `:` between, of the names that IANA or OpenSSL has for them. Those
   * for TLS 1.3 and those for TLS 1.2 do not mix: leaving out all of one is as leaving out that version. Default: none,
   * all nine that the core has, each with forward secrecy and authenticated encryption.
   */
  ciphers?: string | readonly string[] | undefined
  /**
   * The key-exchange groups (RFC 8446 4.2.7), best first: a list, or text with `:` between. Default: none: what the client
   * likes best of X25519MLKEM768 (safe from quantum computers to come), X25519, P-256 and P-384. With a list its order
   * counts, which can cost clients a round trip.
   */
  groups?: string | readonly string[] | undefined
  /** Whether the server's order of `ciphers` counts and not the client's. Default: true. */
  honorCipherOrder?: boolean | undefined
  /**
   * The protocols that are offered by ALPN (RFC 7301), best first. A client that asks for others only is refused. An empty
   * list offers none. Default: `['http/1.1']`.
   */
  alpn?: readonly string[] | undefined
  /**
   * Whether clients show a certificate (RFC 8446 4.3.2): `'none'`; `'asked'`, where the handler looks at
   * `request.tls.authorized`; or `'required'`, where a client without one that `ca` vouches for gets no further than the
   * handshake. Default: `'none'`.
   */
  clientCertificate?: 'none' | 'asked' | 'required' | undefined
  /**
   * The certificates of those who vouch for clients; nobody else is trusted, whatever the system says. Default: none.
   * Intermediates of the server's own certificate belong behind it in `cert`.
   */
  ca?: TlsContent | readonly TlsContent[] | undefined
  /** Paths of files with what {@link ca} has. Default: none. */
  caFile?: string | URL | ReadonlyArray<string | URL> | undefined
  /**
   * Lists of client certificates that were revoked (RFC 5280 5), PEM or DER. With one, all that lead from a client's
   * certificate to `ca` need a list that has not expired. Default: none.
   */
  crl?: TlsContent | readonly TlsContent[] | undefined
  /** Paths of files with what {@link crl} has. Default: none. */
  crlFile?: string | URL | ReadonlyArray<string | URL> | undefined
  /**
   * Let clients that come again leave out the expensive half of the handshake (RFC 8446 2.2, RFC 5077). Default: true.
   */
  resumption?: boolean | undefined
  /** Seconds for which a client can resume. Default: 7200. The standard allows a week at most (RFC 8446 4.6.1). */
  ticketLifetime?: number | undefined
  /**
   * Keys of session tickets, 48 random bytes each, for servers that share clients, such as several processes on one port:
   * the first encrypts, all decrypt. Give new ones by `server.tls.reload` each day. Default: none, keys of the server's
   * own that it changes by itself. Danger: who has such a key can read what was recorded of TLS 1.2.
   */
  ticketKeys?: Uint8Array | readonly Uint8Array[] | undefined
  /**
   * Take requests that a client who comes again sends before the handshake is complete (0-RTT, RFC 8446 2.3): true for
   * 16384 bytes of them, or how many. GET, HEAD and OPTIONS are handled, with `request.tls.earlyData`; other methods are
   * answered 425, and the client repeats them (RFC 8470). Default: false. Danger: an attacker can send such a request once
   * more.
   */
  earlyData?: boolean | number | undefined
  /**
   * File that the secrets of each connection are written to, for Wireshark and the like; usually
   * `process.env.SSLKEYLOGFILE`. Default: none. Danger: who has it can read everything.
   */
  keyLogFile?: string | URL | undefined
  /**
   * What a client gets that speaks plain HTTP to this port: false, a readable 400; `'redirect'`, 308 to the same place
   * under `https://`; true, the same as other clients, with `request.secure` false. Default: false.
   */
  allowPlain?: boolean | 'redirect' | undefined
  /**
   * Load files anew when they change, as `server.tls.reload` does; what cannot be used is reported to `onError`
   * (ERR_TLS_RELOAD), and what was there stays. Default: false.
   */
  watch?: boolean | undefined
  /** The name of {@link alpn} in node:tls. */
  ALPNProtocols?: readonly string[] | undefined
  /** The name of {@link groups} in node:tls; `'auto'` is the default. */
  ecdhCurve?: string | undefined
  /** With {@link rejectUnauthorized} what node:tls has for {@link clientCertificate}. */
  requestCert?: boolean | undefined
  /** With `requestCert`: false is `clientCertificate: 'asked'`, otherwise it is `'required'`. Alone it has no meaning. */
  rejectUnauthorized?: boolean | undefined
  /** The name of {@link ticketLifetime} in node:tls. */
  sessionTimeout?: number | undefined
  /**
   * {@link resolve} as node:tls has it, but that it gives what {@link TlsCertificate} describes: a SecureContext does not
   * let its key be read. It is kept too: see {@link resolveCache}.
   */
  SNICallback?: TlsSniCallback | undefined
}

/** See {@link TlsOptions.resolve}. */
export type TlsResolve = (
  serverName: string,
) => TlsCertificate | null | undefined | PromiseLike<TlsCertificate | null | undefined>

/** See {@link TlsOptions.SNICallback}. */
export type TlsSniCallback = (
  serverName: string,
  callback: (error: Error | null, certificate?: TlsCertificate | null) => void,
) => void

/** What is in force of {@link TlsOptions}, without certificates and secrets. */
export interface ResolvedTlsOptions {
  readonly unknownName: 'default' | 'refuse'
  readonly resolveTimeout: number
  readonly resolveCache: number
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** By their names of IANA; none for those of the core. */
  readonly ciphers: readonly string[]
  /** None for those of the core. */
  readonly groups: readonly string[]
  readonly honorCipherOrder: boolean
  readonly alpn: readonly string[]
  readonly clientCertificate: 'none' | 'asked' | 'required'
  readonly resumption: boolean
  readonly ticketLifetime: number
  /** Bytes; 0 for none. */
  readonly earlyData: number
  readonly keyLogFile: string | undefined
  readonly allowPlain: boolean | 'redirect'
  readonly watch: boolean
}
