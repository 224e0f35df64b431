import type { NativeBinding, NativeCertificate, NativeTlsMaterial, NativeTlsOptions } from '#dist/binding'

/** What the stand-in core was told to speak TLS with. */
export interface FakeContext {
  readonly options: NativeTlsOptions
  readonly previous: FakeContext | null
  certificates(): NativeCertificate[]
}

export interface FakeCredentials {
  readonly material: NativeTlsMaterial
  certificate(): NativeCertificate
}

/** What loading rejects with next, in turn; undefined for success. */
export const loadErrors: Array<string | undefined> = []
/** Each certificate that was loaded by itself. */
export const loadedCredentials: NativeTlsMaterial[] = []

/** Keys whose content begins so want this passphrase. */
export const ENCRYPTED = '-----BEGIN ENCRYPTED PRIVATE KEY-----'
export const PASSPHRASE = 'open sesame'

export const fakeTls: Pick<NativeBinding, 'loadTls' | 'loadTlsCredentials' | 'selfSignedCertificate'> = {
  async loadTls(options, previous) {
    fail()
    options.certificates.forEach(read)
    const context: FakeContext = {
      options,
      previous: (previous ?? null) as FakeContext | null,
      certificates: () => options.certificates.map(certificateOf),
    }
    return context
  },
  async loadTlsCredentials(material) {
    fail()
    read(material)
    loadedCredentials.push(material)
    const credentials: FakeCredentials = { material, certificate: () => certificateOf(material) }
    return credentials
  },
  selfSignedCertificate: () => ({ certificate: '', key: '' }),
}

function fail(): void {
  const message = loadErrors.shift()
  if (message !== undefined) throw new Error(message)
}

function read({ key, keyFile, passphrase }: NativeTlsMaterial): void {
  const isEncrypted = key !== undefined && Buffer.from(key).toString().startsWith(ENCRYPTED)
  if (!isEncrypted && keyFile?.endsWith('encrypted.pem') !== true) return
  if (passphrase === PASSPHRASE) return
  const what = passphrase === undefined ? 'needs a passphrase' : 'has another passphrase'
  throw new Error(`ERR_TLS_PASSPHRASE - the private key in ${keyFile ?? 'key'} ${what}`)
}

function certificateOf({ names = ['localhost'] }: NativeTlsMaterial): NativeCertificate {
  return {
    names,
    subject: `CN=${names[0]}`,
    issuer: 'CN=nobody',
    serialNumber: '01',
    notBefore: 1_700_000_000,
    notAfter: 1_800_000_000,
    fingerprint256: 'AB:CD',
    keyType: 'ECDSA P-256',
  }
}
