import type { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Flag } from './outbound'
import { pieceOf, type Chunk, type Piece } from './chunk'
import { coded, codedPlain } from './errors'
import type { Response } from './response'
import type { Source } from './send'
import { State } from './state'
import { ignore } from './stream'
import { begin, writePiece } from './streaming'

/** A stream, a Blob or an iterable as the source of a body. */
export function sourceOf(
  response: Response,
  given: Readable | ReadableStream | Blob | Iterable<Chunk> | AsyncIterable<Chunk>,
): Source {
  if (isBlob(given) || isReadableStream(given)) return new WebSource(response, given)
  if (isReadable(given)) return new ReadableSource(response, given)
  return new IterableSource(response, given)
}

export function isReadable(value: unknown): value is Readable {
  return isObject(value) && isFunction(value['pipe']) && isFunction(value['on']) && isFunction(value['destroy'])
}

export function isReadableStream(value: unknown): value is ReadableStream {
  return isObject(value) && isFunction(value['getReader'])
}

export function isBlob(value: unknown): value is Blob {
  return value instanceof Blob
}

export function isIterable(value: unknown): value is Iterable<Chunk> | AsyncIterable<Chunk> {
  return isObject(value) && (isFunction(value[Symbol.asyncIterator]) || isFunction(value[Symbol.iterator]))
}

/** An iterable or async iterable, such as a generator. */
class IterableSource implements Source {
  readonly type = ''
  private readonly response: Response
  private readonly isAsync: boolean
  private readonly iterator: Iterator<Chunk> | AsyncIterator<Chunk>
  private isOver = false

  constructor(response: Response, given: Iterable<Chunk> | AsyncIterable<Chunk>) {
    this.response = response
    this.isAsync = Symbol.asyncIterator in given && isFunction(given[Symbol.asyncIterator])
    this.iterator = this.isAsync
      ? (given as AsyncIterable<Chunk>)[Symbol.asyncIterator]()
      : (given as Iterable<Chunk>)[Symbol.iterator]()
  }

  length(): number {
    return -1
  }

  async run(): Promise<void> {
    const { response, iterator, isAsync } = this
    for (;;) {
      let step: IteratorResult<Chunk>
      try {
        const given = iterator.next()
        // Awaiting what is no promise would cost each piece a turn of the job queue.
        step = isAsync ? await given : (given as IteratorResult<Chunk>)
      } catch (error) {
        // An iterator that has thrown is over: it is not to be told so.
        this.isOver = true
        throw error
      }
      if (this.isOver) return
      if (step.done === true) break
      const room = writeOne(response, pieceOf(step.value))
      if (room !== null) await room
      if (this.isOver) return
    }
    this.isOver = true
  }

  stop(): void {
    if (this.isOver) return
    this.isOver = true
    quietly(this.response, () => this.iterator.return?.())
  }
}

/** A stream of Node's. */
class ReadableSource implements Source {
  readonly type = ''
  private readonly response: Response
  private readonly readable: Readable
  private isOver = false

  constructor(response: Response, readable: Readable) {
    this.response = response
    this.readable = readable
    // Destroying a stream with an error emits it, which without a listener would end the process.
    readable.on('error', ignore)
  }

  length(): number {
    return -1
  }

  run(): Promise<void> {
    const { response, readable } = this
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown): void => {
        readable.off('data', onData).off('end', onEnd).off('error', settle).off('close', onClose)
        if (error === undefined) resolve()
        else reject(error as Error)
      }
      const onData = (chunk: Chunk): void => {
        if (this.isOver) return
        try {
          const room = writeOne(response, pieceOf(chunk))
          if (room === null) return
          readable.pause()
          // When the response is cut instead, this source is stopped anyway.
          room.then(() => readable.resume(), ignore)
        } catch (error) {
          settle(error)
        }
      }
      const onEnd = (): void => {
        this.isOver = true
        settle()
      }
      const onClose = (): void => settle(readable.errored ?? closedEarly())
      if (readable.readableEnded) return onEnd()
      if (readable.destroyed) return onClose()
      readable.on('end', onEnd).on('error', settle).on('close', onClose).on('data', onData)
      // One that somebody has paused does not begin by itself.
      readable.resume()
    })
  }

  stop(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    this.readable.destroy(error instanceof Error ? error : undefined)
  }
}

/** A stream of the web, or a Blob, which makes one when it is read. */
class WebSource implements Source {
  readonly type: string
  private readonly response: Response
  private readonly given: ReadableStream | Blob
  private reader: ReadableStreamDefaultReader | null = null
  private isOver = false

  constructor(response: Response, given: ReadableStream | Blob) {
    this.response = response
    this.given = given
    this.type = isBlob(given) ? given.type : ''
  }

  length(): number {
    return isBlob(this.given) ? this.given.size : -1
  }

  async run(): Promise<void> {
    const { response, given } = this
    const stream = isBlob(given) ? (given.stream() as ReadableStream) : given
    const reader = (this.reader = stream.getReader() as ReadableStreamDefaultReader)
    for (;;) {
      let step: { value?: unknown; done: boolean }
      try {
        step = await reader.read()
      } catch (error) {
        this.isOver = true
        throw error
      }
      if (this.isOver) return
      if (step.done) break
      const room = writeOne(response, pieceOf(step.value as Chunk))
      if (room !== null) await room
      if (this.isOver) return
    }
    this.isOver = true
  }

  stop(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    const { given, reader } = this
    // A stream that somebody else reads is not this one's to cancel.
    if (reader !== null) quietly(this.response, () => reader.cancel(error))
    else if (!isBlob(given) && !given.locked) quietly(this.response, () => given.cancel(error))
  }
}

/**
 * Writes a piece. Returns what to wait for before the next one, or null.
 *
 * An empty piece gives no backpressure, and a source that has nothing else to give must not keep the thread to itself.
 */
export function writeOne(response: Response, piece: Piece): Promise<void> | null {
  checkOpen(response)
  if (piece.length === 0) return turn()
  const stream = begin(response)
  writePiece(response, stream, piece, stream.isLive ? Flag.flush : 0, null)
  response._lane.written()
  return stream.hasRoom() ? null : response.drain()
}

/** Throws when the response has been cut, or ended by somebody else. */
export function checkOpen(response: Response): void {
  if (response._error !== null) throw response._error
  if ((response._state & State.ended) !== 0) {
    throw coded('ERR_WRITE_AFTER_END', 'The response was ended while a source was being sent.')
  }
}

/** Resolves in a later turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Tells a source that nothing more is wanted of it. It may fail at that: an error of the program, and no more. */
export function quietly(response: Response, stop: () => unknown): void {
  const report = (error: unknown): void => response._server.handlerFailed(error, response)
  try {
    const result = stop()
    if (isObject(result) && isFunction(result['then'])) Promise.resolve(result).then(undefined, report)
  } catch (error) {
    report(error)
  }
}

function closedEarly(): Error {
  return codedPlain('ERR_SOURCE_CLOSED', 'The stream was closed before its end.')
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
