import type { NativeTlsCredentials } from '../binding'
import { coded, messageOf, show } from '../errors'
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
  /** The calls under way, the oldest first. */
  private readonly calls = new Map<string, Call>()

  constructor(sink: NamesSink) {
    this.sink = sink
  }

  /** Finds the certificate of a name. Never rejects: `sink` is told of all that goes wrong, once. */
  async find(name: string, resolve: TlsResolve, timeout: number, cache: number): Promise<void> {
    // The core asks again for a name whose clients have stopped waiting; the answer on its way is as good.
    this.giveUp(performance.now() - GIVE_UP_AFTER * timeout)
    if (this.calls.has(name)) return
    if (this.calls.size >= MOST_CALLS) return this.sink.answer(name, null, 0)
    const call: Call = { startedAt: performance.now() }
    this.calls.set(name, call)
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
    const latest = this.calls.get(name)
    // A later call is there for what was given up, or has been asked for by other options.
    if (latest !== undefined && latest !== call) return
    this.calls.delete(name)
    this.sink.answer(name, found, keep)
  }

  /** Calls under way are of options from before: names are asked for anew. */
  forget(): void {
    this.calls.clear()
  }

  /** Gives up calls that began before; they may never end. */
  private giveUp(before: number): void {
    for (const [name, { startedAt }] of this.calls) {
      if (startedAt > before) return
      this.calls.delete(name)
    }
  }
}

interface Call {
  readonly startedAt: number
}

/** Calls at a time: clients name what they like. */
const MOST_CALLS = 256

/** A name is asked for anew when its call has taken so many times what clients wait. */
const GIVE_UP_AFTER = 4

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
  const text = `The certificate for ${show(name)} could not be found by tls.resolve: ${messageOf(error)}`
  return coded('ERR_TLS_RESOLVE', text, error)
}

function late(name: string, timeout: number): Error {
  return coded(
    'ERR_TLS_RESOLVE',
    `The certificate for ${show(name)} was not found by tls.resolve within tls.resolveTimeout (${timeout} ms): its ` +
      'clients have got what tls.unknownName says.',
  )
}
