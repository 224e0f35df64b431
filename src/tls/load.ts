import { binding, type NativeTlsContext, type NativeTlsCredentials, type NativeTlsMaterial } from '../binding'
import { coded, ERROR_CODES, type CodedError, type ErrorCode } from '../errors'
import type { Credentials } from './credentials'
import type { TlsPassphrase } from './options'
import type { TlsPlan } from './resolve'

/**
 * Has the core read and check what TLS is spoken with.
 *
 * @param previous what was used until now: clients that have tickets of it can resume
 * @throws (rejects with) an error with an ERR_TLS_… code, which names the file and says why
 */
export async function loadContext(plan: TlsPlan, previous: NativeTlsContext | null): Promise<NativeTlsContext> {
  const certificates: NativeTlsMaterial[] = []
  for (const credentials of plan.certificates) certificates.push(await readable(credentials))
  return loading(() => binding().loadTls({ ...plan.native, certificates }, previous ?? undefined))
}

/** Has the core read and check one certificate; rejects as {@link loadContext} does. */
export async function loadCredentials(credentials: Credentials): Promise<NativeTlsCredentials> {
  return load(await readable(credentials))
}

/** With the passphrase, which is asked for only when the key turns out to be encrypted. */
async function readable({ material, passphrase }: Credentials): Promise<NativeTlsMaterial> {
  if (passphrase === null) return material
  try {
    await load(material)
    return material
  } catch (error) {
    if ((error as CodedError).code !== 'ERR_TLS_PASSPHRASE') throw error
    return { ...material, passphrase: await asked(passphrase, material) }
  }
}

function load(material: NativeTlsMaterial): Promise<NativeTlsCredentials> {
  return loading(() => binding().loadTlsCredentials(material))
}

async function asked(passphrase: TlsPassphrase, { keyFile, pkcs12File }: NativeTlsMaterial): Promise<string> {
  const file = keyFile ?? pkcs12File
  const where = file === undefined ? '' : ` in ${file}`
  let given: unknown
  try {
    given = await passphrase({ file })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw coded('ERR_TLS_PASSPHRASE', `The passphrase of the private key${where} could not be had: ${why}`, error)
  }
  if (typeof given === 'string') return given
  throw coded(
    'ERR_TLS_PASSPHRASE',
    `The private key${where} is encrypted, and tls.passphrase has given a ${typeof given} for it, not a text.`,
  )
}

async function loading<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    throw codedError(error)
  }
}

/** An error of the core, whose message begins with its code, as one of ours; any other as it is. */
export function codedError(error: unknown): unknown {
  const [, code = '', text = ''] = /^(ERR_\w+) - ([^]*)$/.exec((error as Error).message) ?? []
  return Object.hasOwn(ERROR_CODES, code) ? coded(code as ErrorCode, text) : error
}
