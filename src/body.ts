import type { Inbox } from './inbound'
import { bound } from './context'
import { coded, codedPlain, codedSyntax, codedType, messageOf, show, type CodedError } from './errors'
import { failWith } from './exchange'
import { Headers, NO_HEADERS } from './headers'
import type { Request } from './request'
import type { Response } from './response'
import { handled } from './stream'

/**
 * Receives one piece of a request body.
 *
 * @param chunk the bytes, yours for as long as you hold them; null at the end of the body and on error
 * @param error why the body cannot be read on, or null
 * @param size the number of bytes in `chunk`; 0 at the end
 * @param request the request whose body this is
 */
export type ReadCallback = (chunk: Buffer | null, error: CodedError | null, size: number, request: Request) => void

/** What a waiting reader does with what comes. */
export type Step = (chunk: Buffer | null, error: CodedError | null) => void

/** How the body is being read; once begun one way it cannot be read another way. */
const Mode = { unread: 0, callback: 1, consumed: 2 } as const

/**
 * The body of one request as it arrives. Small bodies that came with their head are read straight from the inbox while
 * the handler runs; all others are a queue of chunks, and every chunk taken gives the core credit to read on.
 */
export class Body {
  private readonly request: Request
  private readonly exchange: Response
  private readonly inbox: Inbox
  private start: number
  private stop: number
  private queue: Buffer[]
  /** Where the last chunk of the queue lies, when small ones have been joined, with room for more. */
  private slab: Buffer | null
  private complete: boolean
  error: CodedError | null
  private mode: number
  private step: Step | null
  trailers: Headers

  constructor(request: Request, exchange: Response, inbox: Inbox, inline: { start: number; end: number } | undefined) {
    this.request = request
    this.exchange = exchange
    this.inbox = inbox
    this.start = inline === undefined ? 0 : inline.start
    this.stop = inline === undefined ? 0 : inline.end
    this.queue = []
    this.slab = null
    this.complete = inline !== undefined
    this.error = null
    this.mode = Mode.unread
    this.step = null
    this.trailers = NO_HEADERS
  }

  /** Whether reading has begun. */
  get used(): boolean {
    return this.mode !== Mode.unread
  }

  /** Whether records for this body may still come and somebody has begun to read it. */
  get isAwaited(): boolean {
    return this.mode !== Mode.unread && !this.complete && this.error === null
  }

  read(callback: ReadCallback): void {
    checkReader(callback)
    if (this.mode === Mode.consumed) throw used()
    if (this.step !== null) throw readPending()
    this.begin(Mode.callback)
    this.step = stepOf(callback, this.request)
    // Never inside the call that asks for it.
    if (this.isReady()) process.nextTick(() => this.deliver())
  }

  async *iterate(): AsyncGenerator<Buffer, void, undefined> {
    this.consume()
    try {
      for (;;) {
        const chunk = await this.next()
        if (chunk === null) return
        yield chunk
      }
    } finally {
      this.discard()
    }
  }

  bytes(): Promise<Buffer> {
    try {
      this.consume()
    } catch (error) {
      return handled(Promise.reject(error))
    }
    if (this.complete && this.error === null) return Promise.resolve(this.takeAll())
    const whole = new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = []
      const step: Step = (chunk, error) => {
        if (error !== null) return reject(error)
        if (chunk === null) return resolve(joined(chunks))
        chunks.push(chunk)
        this.step = step
      }
      this.step = step
      this.deliver()
    })
    return handled(whole)
  }

  text(): Promise<string> {
    if (this.isInline()) return Promise.resolve(this.inlineText())
    return handled(this.bytes().then(decodeText))
  }

  json(): Promise<unknown> {
    if (!this.isInline()) return handled(this.bytes().then(decodeText).then(parseJson))
    try {
      return Promise.resolve(parseJson(this.inlineText()))
    } catch (error) {
      return handled(Promise.reject(error))
    }
  }

  /** Copies out what the next batch would overwrite. */
  keep(): void {
    if (this.start === this.stop) return
    this.queue.push(this.inbox.copy(this.start, this.stop))
    this.start = this.stop
  }

  /** The answer has ended: a body nobody has begun to read is dropped, here and in the core. */
  discardUnread(): void {
    if (this.mode === Mode.unread) this.discard()
  }

  push(chunk: Buffer): void {
    if (this.complete || this.error !== null) return
    this.store(chunk)
    this.deliver()
  }

  /** The last chunk of a body without trailers. */
  finishWith(chunk: Buffer): void {
    if (this.complete || this.error !== null) return
    if (chunk.length !== 0) this.store(chunk)
    this.complete = true
    this.deliver()
  }

  finish(trailers: string): void {
    if (trailers !== '') this.trailers = new Headers(trailers)
    this.complete = true
    this.deliver()
  }

  fail(error: CodedError): void {
    if (this.complete || this.error !== null) return
    this.error = error
    this.queue = []
    this.deliver()
  }

  /** A body that comes byte by byte must not cost a Buffer for each byte while nobody reads it. */
  private store(chunk: Buffer): void {
    const { queue } = this
    const last = queue.at(-1)
    if (last === undefined || this.step !== null || last.length + chunk.length > JOINED_BYTES) {
      queue.push(chunk)
      return
    }
    const length = last.length + chunk.length
    let { slab } = this
    if (slab === null || last.buffer !== slab.buffer || slab.length < length) {
      slab = this.slab = Buffer.allocUnsafeSlow(Math.min(JOINED_BYTES, length * 2))
      last.copy(slab)
    }
    chunk.copy(slab, last.length)
    queue[queue.length - 1] = slab.subarray(0, length)
  }

  private discard(): void {
    this.start = this.stop
    this.queue = []
    if (this.complete) {
      if (this.mode === Mode.unread) this.error ??= discarded()
    } else {
      this.error ??= discarded()
      this.deliver()
    }
  }

  private begin(mode: number): void {
    const first = this.mode === Mode.unread
    this.mode = mode
    this.keepForReading()
    // Tells the core that the body is wanted, which also answers `Expect: 100-continue`.
    if (first && !this.complete && this.error === null) this.exchange._credit(0)
  }

  private keepForReading(): void {
    if (this.mode === Mode.callback) this.keep()
  }

  private consume(): void {
    if (this.mode !== Mode.unread) throw used()
    this.begin(Mode.consumed)
  }

  private next(): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      this.step = (chunk, error) => (error === null ? resolve(chunk) : reject(error))
      this.deliver()
    })
  }

  private isReady(): boolean {
    return this.queue.length !== 0 || this.complete || this.error !== null
  }

  /** Gives the waiting reader what there is, as long as it asks on. */
  private deliver(): void {
    while (this.step !== null && this.isReady()) {
      const step = this.step
      this.step = null
      if (this.error !== null) {
        step(null, this.error)
      } else {
        this.keep()
        const chunk = this.queue.shift()
        // What was given away is not written to any more.
        if (this.queue.length === 0) this.slab = null
        if (chunk !== undefined && !this.complete) this.exchange._credit(chunk.length)
        step(chunk ?? null, null)
      }
      // A callback asked again inside its own call gets its answer later, a promise's step may go on at once.
      if (this.mode === Mode.callback && this.step !== null) {
        if (this.isReady()) process.nextTick(() => this.deliver())
        return
      }
    }
  }

  private isInline(): boolean {
    return this.start !== this.stop && this.mode === Mode.unread
  }

  /** The common case of a small JSON body: decoded where it lies, without a copy of its bytes. */
  private inlineText(): string {
    this.mode = Mode.consumed
    const text = this.inbox.bytes.toString('utf8', this.start, this.stop)
    this.start = this.stop
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
  }

  private takeAll(): Buffer {
    this.keep()
    const chunks = this.queue
    this.queue = []
    return joined(chunks)
  }
}

/** For `read` on a request without a body: its end can be waited for like any other's. */
export function emptyBody(request: Request, exchange: Response): Body {
  return new Body(request, exchange, exchange._lane.inbox, { start: 0, end: 0 })
}

/** Chunks that nobody waits for are joined up to this size. */
const JOINED_BYTES = 16 * 1024
const BYTE_ORDER_MARK = 0xfeff

export function used(): CodedError {
  return coded('ERR_BODY_USED', 'This body has been read, or is being read another way: it can be read only once.')
}

export function discarded(): CodedError {
  return codedPlain(
    'ERR_BODY_DISCARDED',
    'The body was dropped because the answer ended before anybody began to read it, or because its reader stopped.',
  )
}

/** @throws ERR_INVALID_ARGUMENT for what cannot be called back */
export function checkReader(callback: unknown): void {
  if (typeof callback !== 'function') {
    throw codedType('ERR_INVALID_ARGUMENT', `read() wants a callback function, but got ${show(callback)}.`)
  }
}

/** Calls a reader back where it asked; when it throws, its exchange has failed. */
export function stepOf(callback: ReadCallback, request: Request): Step {
  const run = bound(callback)
  return (chunk, error) => {
    try {
      run(chunk, error, chunk === null ? 0 : chunk.length, request)
    } catch (thrown) {
      failWith(request._response, thrown)
    }
  }
}

/** All chunks as one. */
export function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

export function readPending(): CodedError {
  return coded('ERR_READ_PENDING', 'A read of this body is still waiting: call read() again from its callback.')
}

/** As the Fetch standard decodes a body: malformed sequences become U+FFFD, a byte order mark is dropped. */
export function decodeText(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // A SyntaxError, as the Fetch standard has it, and one that can be told from the program's own.
    throw codedSyntax('ERR_BODY_JSON', messageOf(error))
  }
}
