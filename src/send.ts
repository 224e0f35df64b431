import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { isBodyWriter, WriterSource, type BodyWriter } from './body-writer'
import { isChunk, type Chunk } from './chunk'
import { codedRange, codedType, show, type CodedError } from './errors'
import { fail, failWith, isKnown } from './exchange'
import { fileRange, isFileHandle, isSendable } from './file-range'
import { passOn } from './outcome'
import type { Response } from './response'
import { checkNames } from './rules'
import { isBlob, isIterable, isReadable, isReadableStream, sourceOf } from './sources'
import { State } from './state'
import { deferred, handled, type Deferred, type Sending } from './stream'
import { isBodyless, streamOf } from './streaming'

/** What {@link Response.send} takes. */
export type BodySource =
  | Chunk
  | readonly Chunk[]
  | BodyWriter
  | Iterable<Chunk>
  | AsyncIterable<Chunk>
  | Readable
  | ReadableStream
  | Blob
  | FileHandle

/** Options of {@link Response.send}. */
export interface SendOptions {
  /**
   * Bytes that the source gives, when it cannot say so itself: the answer has `content-length` then, and a source that
   * gives more or less is an error that closes the connection. Default: what is known of the source.
   */
  contentLength?: number | undefined
}

/** A source of a body: made ready, read piece by piece into the response, and told that it is no longer wanted. */
export interface Source {
  /** Before anything is sent. */
  open?(): Promise<void> | undefined
  /** Bytes it will give, or -1. Asked for once, when it is open. */
  length(): number
  /** The `content-type` of what it gives, or `''`. */
  readonly type: string
  /** Writes all of it; resolves when it is exhausted. */
  run(): Promise<void>
  /** Called once, whatever happened: nothing more is read. `error` is null when everything has been. */
  stop(error: unknown): void
}

/** Sends a body from wherever it comes, and ends the response. */
export function send(response: Response, source: BodySource, options: SendOptions = {}): Promise<void> {
  checkNames('', options, ['contentLength'])
  const { contentLength } = options
  if (contentLength !== undefined) checkLength(contentLength)
  if (isFileHandle(source)) {
    if (!isSendable(source))
      return start(response, sourceOf(response, source.createReadStream({ autoClose: false })), contentLength)
    source = fileRange(source)
  }
  if (isChunk(source) || Array.isArray(source))
    return sendWhole(response, source as Chunk | readonly Chunk[], contentLength)
  if (isReadable(source) || isReadableStream(source) || isBlob(source) || isIterable(source)) {
    return start(response, sourceOf(response, source), contentLength)
  }
  if (isBodyWriter(source)) return start(response, new WriterSource(response, source), contentLength)
  throw codedType(
    'ERR_INVALID_CHUNK',
    `send() takes text, bytes, a list or an iterable of them, a stream, a Blob, a FileHandle or a body writer, but got ${show(source)}.`,
  )
}

function sendWhole(response: Response, body: Chunk | readonly Chunk[], length: number | undefined): Promise<void> {
  if (length !== undefined) response.setHeader('content-length', length)
  const { promise, resolve, reject } = deferred<void>()
  response._end(body, (error) => (error === null ? resolve() : reject(passOn(error))))
  return promise
}

function start(response: Response, source: Source, length: number | undefined): Promise<void> {
  try {
    if (length !== undefined) response.setHeader('content-length', length)
    if (streamOf(response).sending !== null) {
      throw codedType('ERR_ANSWERED', 'send() was called while another source is being sent.')
    }
  } catch (error) {
    source.stop(error)
    throw error
  }
  const transfer = new Transfer(response, source)
  return transfer.promise
}

/** A source on its way into a response. */
class Transfer implements Sending {
  private readonly response: Response
  private readonly source: Source
  private readonly result: Deferred<void> = deferred()
  private isStopped = false
  private isCut = false

  constructor(response: Response, source: Source) {
    this.response = response
    this.source = source
    if (response._error !== null) {
      this.cut(response._error)
      return
    }
    streamOf(response).sending = this
    handled(this.run().catch((error: unknown) => this.fail(error)))
  }

  get promise(): Promise<void> {
    return this.result.promise
  }

  /** The client has gone, or the response has been ended by somebody else: at once, whatever the source is doing. */
  cut(error: CodedError): void {
    const stream = streamOf(this.response)
    // A write of the source's own may have led to this, and is then thrown as well.
    const cause = stream.cause ?? error
    stream.failure = stream.cause
    this.isCut = true
    this.stop(cause)
    this.result.reject(cause)
  }

  private async run(): Promise<void> {
    const { response, source } = this
    const opening = source.open?.()
    if (opening !== undefined) await opening
    if (this.isCut) return
    this.describe()
    if (isBodyless(response)) this.stop(null)
    else await source.run()
    if (this.isCut) return
    streamOf(response).sending = null
    response._end('', (error) => {
      this.stop(error)
      if (error === null) this.result.resolve()
      else this.result.reject(passOn(error))
    })
  }

  /** Headers that follow from the source, unless they were set. */
  private describe(): void {
    const { response, source } = this
    if ((response._state & State.headSent) !== 0) return
    if (source.type !== '' && !response.hasHeader('content-type')) response.setHeader('content-type', source.type)
    const length = source.length()
    const isFramed = response.hasHeader('content-length') || response.hasHeader('transfer-encoding')
    if (length >= 0 && !isFramed && response._status !== 204) response.setHeader('content-length', length)
  }

  /** The source has failed, or has given what cannot be sent. */
  private fail(error: unknown): void {
    const { response } = this
    const stream = streamOf(response)
    const isNews = error === stream.cause || !isKnown(response, error)
    stream.sending = null
    // Reported here, and not again when the handler passes it on.
    stream.failure = error
    this.stop(error)
    if (isNews) failWith(response, error)
    else fail(response)
    this.result.reject(error)
  }

  private stop(error: unknown): void {
    if (this.isStopped) return
    this.isStopped = true
    this.source.stop(error)
  }
}

function checkLength(length: unknown): void {
  if (Number.isSafeInteger(length) && (length as number) >= 0) return
  throw codedRange(
    'ERR_INVALID_ARGUMENT',
    `contentLength has to be a whole number of bytes, but it is ${show(length)}.`,
  )
}
