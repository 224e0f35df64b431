import { Flag } from './batch'
import type { CodedError } from './errors'
import type { Field } from './fields'

/** What only a response sent in pieces needs: its declared length, how much is under way, and who waits for room. */
export class Stream {
  /** Bytes the user declared by `content-length`; -1 when unknown. */
  declared = -1
  /** Bytes written so far; counted only when a length was declared. */
  sent = 0
  trailers: readonly Field[] = []
  private unsent = 0
  private limit = Number.MAX_SAFE_INTEGER
  /** A drain record has been asked for and has not come yet. */
  private asked = false
  private waiting: { promise: Promise<void>; resolve: () => void; reject: (error: CodedError) => void } | null = null

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
    if (this.waiting === null) {
      let resolve!: () => void
      let reject!: (error: CodedError) => void
      const promise = new Promise<void>((resolvePromise, rejectPromise) => {
        resolve = resolvePromise
        reject = rejectPromise
      })
      this.waiting = { promise: handled(promise), resolve, reject }
    }
    return this.waiting.promise
  }

  /** The connection's output has fallen below its low mark; `unsent` bytes are left. */
  resume(unsent: number): void {
    this.asked = false
    this.unsent = unsent
    this.release()
  }

  /** Nobody has to wait any more. */
  release(): void {
    this.waiting?.resolve()
    this.waiting = null
  }

  cut(error: CodedError): void {
    this.waiting?.reject(error)
    this.waiting = null
  }
}

/**
 * Marks a promise as handled: it rejects when a client goes away, and a program that looks at it later, or never, must
 * not be ended by `unhandledRejection` because of that. Whoever awaits it still gets the error.
 */
export function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(ignore)
  return promise
}

function ignore(): void {}
