import type { NativeTlsCredentials } from '../binding'
import { coded, show } from '../errors'
import { credentialsOf } from './credentials'
import { loadCredentials } from './load'
import type { TlsResolve } from './options'

/** What {@link NameAnswers} needs of a server. */
export interface NamesSink {
  /** Answers clients that wait, and those of the next `keepMs`. */
  answer(name: string, credentials: NativeTlsCredentials | null, keepMs: number): void
  failed(error: unknown): void
}

/** Answers the core's questions for server names by the option `tls.resolve`. */
export class NameAnswers {
  private readonly sink: NamesSink
  private readonly asking = new Set<string>()

  constructor(sink: NamesSink) {
    this.sink = sink
  }

  /** Finds the certificate of a name. Never rejects: `sink` is told of all that goes wrong, once. */
  async find(name: string, resolve: TlsResolve, timeout: number, cache: number): Promise<void> {
    // The core asks again for a name whose clients have stopped waiting; the answer on its way is as good.
    if (this.asking.has(name)) return
    this.asking.add(name)
    const timer = setTimeout(() => this.sink.failed(late(name, timeout)), timeout)
    timer.unref()
    let found: NativeTlsCredentials | null = null
    let keep = 0
    try {
      found = await certificateOf(name, await resolve(name))
      keep = found === null ? Math.min(cache, UNKNOWN_MS) : cache
    } catch (error) {
      this.sink.failed(failure(name, error))
    }
    clearTimeout(timer)
    this.asking.delete(name)
    this.sink.answer(name, found, keep)
  }
}

/** How long it is kept that a name has no certificate: it may get one. */
const UNKNOWN_MS = 10_000

async function certificateOf(name: string, given: unknown): Promise<NativeTlsCredentials | null> {
  if (given === null || given === undefined) return null
  if ((given as object).constructor?.name === 'SecureContext') {
    throw new Error('A SecureContext does not let its key be read: give what it was made of, as { cert, key }.')
  }
  const found = credentialsOf('certificate.', given)
  if (found.length === 1) return loadCredentials(found[0]!)
  throw new Error(`There are ${found.length} certificates for ${name}: give one.`)
}

function failure(name: string, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error)
  return coded('ERR_TLS_RESOLVE', `The certificate for ${show(name)} could not be found by tls.resolve: ${why}`, error)
}

function late(name: string, timeout: number): Error {
  return coded(
    'ERR_TLS_RESOLVE',
    `The certificate for ${show(name)} was not found by tls.resolve within tls.resolveTimeout (${timeout} ms): its ` +
      'clients have got what tls.unknownName says.',
  )
}
