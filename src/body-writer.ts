import { listOf, type Chunk, type Piece } from './chunk'
import { codedPlain, codedType, show, type CodedError } from './errors'
import { passOn } from './outcome'
import type { Response } from './response'
import { checkOpen, quietly, turn, writeOne } from './sources'
import type { Source } from './send'
import { begin, writeAll } from './streaming'

/**
 * Makes the body of a response buffer by buffer, for `response.send(writer)`. Its methods are called one after the
 * other, never while a promise of the last one is still open; only `close` can come in between, when the client has
 * gone.
 */
export interface BodyWriter {
  /**
   * Called first. When it throws or rejects, the response is 500 (or cut, when something was sent before), and the error
   * is reported and rejects the promise of `send`.
   */
  init?(): void | Promise<void>
  /**
   * Bytes of the whole body, asked for after `init`. Without it, or when it gives undefined, the length is unknown:
   * chunked for HTTP/1.1, ended by closing the connection for HTTP/1.0. Giving more or fewer bytes than that is an error
   * that closes the connection.
   */
  contentLength?: number | undefined | (() => number | undefined)
  /**
   * The next buffers, and whether they are the last. Called again when there is room for more. The buffers have to stay
   * as they are until then: those of `lendBuffer` are sent without a copy, and the next call comes when they have been
   * handed to the operating system; all others have been copied once by then.
   */
  next(): BodyStep | Promise<BodyStep>
  /**
   * Called once at the end, however it ends: with null when all has been handed to the operating system, else with what
   * went wrong. For a HEAD request it is called without any `next` before.
   */
  close?(error: Error | null): void | Promise<void>
}

/** What a {@link BodyWriter} gives at a time. */
export interface BodyStep {
  /** A piece of the body, or a list of them; none is allowed too. */
  buffers: Chunk | readonly Chunk[]
  /** Whether the body is complete with these. */
  done: boolean
}

/** Memory of the core's own, by the buffers it was lent in. */
const lent = new WeakSet<ArrayBufferLike>()

export function noteLent(buffer: Buffer): Buffer {
  lent.add(buffer.buffer)
  return buffer
}

export function isBodyWriter(value: unknown): value is BodyWriter {
  return typeof value === 'object' && value !== null && typeof (value as { next?: unknown }).next === 'function'
}

/** A body writer as the source of a body. */
export class WriterSource implements Source {
  readonly type = ''
  private readonly response: Response
  private readonly writer: BodyWriter
  private isOver = false

  constructor(response: Response, writer: BodyWriter) {
    this.response = response
    this.writer = writer
  }

  open(): Promise<void> | undefined {
    const result: unknown = this.writer.init?.()
    return isThenable(result) ? Promise.resolve(result).then(() => undefined) : undefined
  }

  length(): number {
    const { contentLength: given } = this.writer
    const length: unknown = typeof given === 'function' ? given.call(this.writer) : given
    if (length === undefined) return -1
    if (Number.isSafeInteger(length) && (length as number) >= 0) return length as number
    throw nonsense('contentLength', 'a whole number of bytes or undefined', length)
  }

  async run(): Promise<void> {
    const { writer } = this
    for (;;) {
      const given: unknown = writer.next()
      const step = checkStep(isThenable(given) ? await given : given)
      if (this.isOver) return
      const waiting = this.write(listOf(step.buffers), step.done)
      if (step.done) return
      if (waiting !== null) await waiting
      if (this.isOver) return
    }
  }

  stop(error: unknown): void {
    this.isOver = true
    quietly(this.response, () => this.writer.close?.(error === null ? null : asError(error)))
  }

  /** Returns what to wait for before the next call. */
  private write(pieces: readonly Piece[], isLast: boolean): Promise<void> | null {
    const { response } = this
    if (isLast || !pieces.some(isLent)) {
      let waiting: Promise<void> | null = pieces.length === 0 ? turn() : null
      for (const piece of pieces) waiting = writeOne(response, piece)
      return waiting
    }
    checkOpen(response)
    return new Promise((resolve, reject) => {
      writeAll(response, begin(response), pieces, (error: CodedError | null) => {
        if (error === null) resolve()
        else reject(passOn(error))
      })
    })
  }
}

function checkStep(step: unknown): BodyStep {
  if (typeof step !== 'object' || step === null) throw nonsense('next', '{ buffers, done }', step)
  const { done } = step as BodyStep
  if (typeof done !== 'boolean') throw nonsense('next', '{ buffers, done } with done true or false', done)
  return step as BodyStep
}

function nonsense(method: string, wanted: string, got: unknown): CodedError {
  return codedType(
    'ERR_INVALID_ARGUMENT',
    `${method} of a body writer has to give ${wanted}, but it gave ${show(got)}.`,
  )
}

function isLent(piece: Piece): boolean {
  return piece instanceof Uint8Array && lent.has(piece.buffer)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : codedPlain('ERR_RESPONSE_RESET', `The body writer threw ${show(error)}.`)
}
