import { binding, type NativeTlsContext, type NativeTlsCredentials, type NativeTlsMaterial } from '../binding'
import { coded, fromCore, messageOf, show, type CodedError } from '../errors'
import type { Credentials } from './credentials'
import type { TlsPassphrase } from './options'
import type { TlsPlan } from './resolve'

/** Milliseconds a function has to give a passphrase: a person may have to type it. */
export const PASSPHRASE_MS = 120_000

/**
 * Has the core read and check what TLS is spoken with.
 *
 * @param previous what was used until now: clients that have tickets of it can resume
 * @param ended ends the wait for a passphrase
 * @throws (rejects with) an error with an ERR_TLS_… code, which names the file and says why
 */
export async function loadContext(
  plan: TlsPlan,
  previous: NativeTlsContext | null,
  ended?: AbortSignal,
): Promise<NativeTlsContext> {
  const certificates: NativeTlsMaterial[] = []
  for (const credentials of plan.certificates) certificates.push(await readable(credentials, ended))
  try {
    return await loading(() => binding().loadTls({ ...plan.native, certificates }, previous ?? undefined))
  } catch (error) {
    throw certificates.length > 1 ? await withPlace(error as CodedError, certificates) : error
  }
}

/** Which of several certificates it is that cannot be loaded: what is in memory has no path to be told apart by. */
async function withPlace(error: CodedError, certificates: readonly NativeTlsMaterial[]): Promise<Error> {
  for (const [index, material] of certificates.entries()) {
    try {
      await load(material)
    } catch (found) {
      const { code, message } = found as CodedError
      if (code !== error.code || message !== error.message) return error
      return coded(code, `${messageOf(found)} (certificate ${index + 1} of ${certificates.length})`)
    }
  }
  return error
}

/** Has the core read and check one certificate; rejects as {@link loadContext} does. */
export async function loadCredentials(credentials: Credentials): Promise<NativeTlsCredentials> {
  return load(await readable(credentials))
}

/** With the passphrase, which is asked for only when the key turns out to be encrypted. */
async function readable({ material, passphrase }: Credentials, ended?: AbortSignal): Promise<NativeTlsMaterial> {
  if (passphrase === null) return material
  try {
    await load(material)
    return material
  } catch (error) {
    if ((error as CodedError).code !== 'ERR_TLS_PASSPHRASE') throw error
    return { ...material, passphrase: await asked(passphrase, material, ended) }
  }
}

function load(material: NativeTlsMaterial): Promise<NativeTlsCredentials> {
  return loading(() => binding().loadTlsCredentials(material))
}

async function asked(
  passphrase: TlsPassphrase,
  { certificateFile, keyFile, pkcs12File, key }: NativeTlsMaterial,
  ended: AbortSignal | undefined,
): Promise<string> {
  // A PEM can have both certificate and key.
  const file = keyFile ?? pkcs12File ?? (key === undefined ? certificateFile : undefined)
  const where = file === undefined ? '' : ` in ${file}`
  let given: unknown
  try {
    given = await inTime(async () => passphrase({ file }), ended)
  } catch (error) {
    const text = `The passphrase of the private key${where} could not be had: ${messageOf(error)}`
    throw coded('ERR_TLS_PASSPHRASE', text, error)
  }
  if (typeof given === 'string') return given
  const what = typeof given === 'object' || given === undefined ? show(given) : `a ${typeof given}`
  throw coded(
    'ERR_TLS_PASSPHRASE',
    `The private key${where} is encrypted, and tls.passphrase has given ${what} for it, not a text.`,
  )
}

/** What `ask` gives, unless that takes too long or `ended` comes first: whatever waits for it must not wait for ever. */
async function inTime<T>(ask: () => Promise<T>, ended: AbortSignal | undefined): Promise<T> {
  let stop!: () => void
  const never = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`tls.passphrase has not given it within ${PASSPHRASE_MS / 1000} seconds`))
    }, PASSPHRASE_MS)
    const end = (): void => reject(new Error('the server was closed first'))
    ended?.addEventListener('abort', end)
    stop = () => {
      clearTimeout(timer)
      ended?.removeEventListener('abort', end)
    }
    if (ended?.aborted === true) end()
  })
  try {
    return await Promise.race([ask(), never])
  } finally {
    stop()
  }
}

async function loading<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    throw fromCore(error)
  }
}
