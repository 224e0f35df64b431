import { Flag } from './outbound'
import type { CodedError } from './errors'
import type { Field } from './fields'

/** Told of the outcome of a write. */
export type Told = (error: CodedError | null) => void

/** Something that is written to a response over time, and has to hear that the response has been cut. */
export interface Sending {
  cut(error: CodedError): void
}

/**
 * What only a response sent in pieces, or waited for, needs: its declared length, how much is under way, and who waits
 * for what.
 */
export class Stream {
  /** Bytes the user declared by `content-length`; -1 when unknown. */
  declared = -1
  /** Bytes written so far; counted only when a length was declared. */
  sent = 0
  /** The code of the content coding that the core compresses it with; 0 for none. */
  coding = 0
  /** Every write is to reach the client at once, also through a compressor. */
  isLive = false
  trailers: readonly Field[] = []
  /** A source that is being sent. */
  sending: Sending | null = null
  /** The error of the source, which has been reported. */
  failure: unknown = null
  /** The mistake for which the exchange is given up, if it is one that is thrown. */
  cause: unknown = null
  finished: Deferred<void> | null = null
  /** Who has the connection's raw bytes, and need not be reading or writing when it is cut. */
  raw: { destroy(error: Error): unknown } | null = null
  /** Notifications whose outcome the core still owes. */
  outstanding = 0
  private refused: Array<{ told: Told; error: CodedError }> = []
  private unsent = 0
  private limit = Number.MAX_SAFE_INTEGER
  /** A drain record has been asked for and has not come yet. */
  private asked = false
  private waiting: Deferred<void> | null = null

  /**
   * Counts a piece as under way. The core is asked for a drain record at half of the limit already, so that it can
   * arrive before the limit stops the writer.
   * @returns the flags its record needs
   */
  account(bytes: number, limit: number): number {
    this.unsent += bytes
    this.limit = limit
    if (this.asked || this.unsent * 2 < limit) return 0
    this.asked = true
    return Flag.wantDrain
  }

  hasRoom(): boolean {
    return this.unsent < this.limit
  }

  drained(): Promise<void> {
    if (this.hasRoom()) return Promise.resolve()
    this.waiting ??= deferred()
    return this.waiting.promise
  }

  /** The connection's output has fallen below its low mark; `unsent` bytes are left. */
  resume(unsent: number): void {
    this.asked = false
    this.unsent = unsent
    this.release()
  }

  /** Nobody has to wait for room any more. */
  release(): void {
    this.waiting?.resolve()
    this.waiting = null
  }

  cut(error: CodedError): void {
    this.waiting?.reject(error)
    this.waiting = null
    this.finished?.reject(error)
    const { sending } = this
    this.sending = null
    sending?.cut(error)
  }

  /** The response has been ended by somebody else than the source that was being sent, which is told to stop. */
  overtake(error: CodedError): void {
    const { sending } = this
    if (sending === null) return
    this.sending = null
    sending.cut(error)
    this.failure = error
  }

  /** Takes back what was set before anything has been sent. */
  renew(): void {
    this.release()
    this.trailers = []
    this.coding = 0
  }

  /** Keeps a notification that the exchange is cut for until the earlier ones have been told. False when there are none. */
  postpone(told: Told, error: CodedError): boolean {
    if (this.outstanding === 0) return false
    this.refused.push({ told, error })
    return true
  }

  /** An outcome has come: gives back what was kept behind the last one. */
  settleOne(): Array<{ told: Told; error: CodedError }> {
    if (this.outstanding === 0 || --this.outstanding !== 0) return []
    const { refused } = this
    this.refused = []
    return refused
  }
}

/** A promise and the two ways to settle it. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

/** A promise to be settled later, marked as {@link handled}. */
export function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<Value>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  return { promise: handled(promise), resolve, reject }
}

/**
 * Marks a promise as handled: it rejects when a client goes away, and a program that looks at it later, or never, must
 * not be ended by `unhandledRejection` because of that. Whoever awaits it still gets the error.
 */
export function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(ignore)
  return promise
}

export function ignore(): void {}
