import { binding, type NativeBodyDecoder } from './binding'
import {
  checkReader,
  decodeText,
  joined,
  parseJson,
  readPending,
  stepOf,
  used,
  type Body,
  type ReadCallback,
  type Step,
} from './body'
import { coded, codedRange, fromCore, show, type CodedError } from './errors'
import type { Request } from './request'
import type { Headers } from './headers'
import { checkNames } from './rules'
import { handled } from './stream'

/** Bounds on what decoding may make of a body. */
export interface DecodeOptions {
  /** Bytes that may come out. Default: `limits.bodyBytes` of the route, or the server. */
  maxBytes?: number | undefined
  /**
   * How many times as many bytes may come out as went in, judged once 64 KiB have come out. Default: 200, more than text
   * and markup reach. gzip can make 1,030 of one, the others more.
   */
  maxRatio?: number | undefined
}

/** The request's body with its content codings undone; the body itself when it has none. */
export function decodedBody<Given extends Body | DecodedBody | null>(
  request: Request,
  body: Given,
  options: DecodeOptions = {},
): Given | DecodedBody {
  checkNames('', options, ['maxBytes', 'maxRatio'])
  const { maxBytes = request._routeEntry().bodyBytes, maxRatio = MAX_RATIO } = options
  checkLimit('maxBytes', maxBytes, 0)
  checkLimit('maxRatio', maxRatio, 1)
  if (body?.used === true) throw coded('ERR_BODY_USED', 'decode() has to be called before the body is read.')
  const codings = request.headers.get('content-encoding')?.trim().toLowerCase()
  if (
    body === null ||
    body instanceof DecodedBody ||
    codings === undefined ||
    codings === '' ||
    codings === 'identity'
  ) {
    return body
  }
  try {
    const { BodyDecoder } = binding()
    return new DecodedBody(request, body, new BodyDecoder(codings, maxBytes, maxRatio))
  } catch (error) {
    throw fromCore(error)
  }
}

const MAX_RATIO = 200

function checkLimit(name: string, limit: unknown, least: number): void {
  if (typeof limit === 'number' && limit >= least) return
  throw codedRange(
    'ERR_INVALID_ARGUMENT',
    `${name} has to be a number from ${least} to Infinity, but it is ${show(limit)}.`,
  )
}

/**
 * A body whose content codings are undone while it is read, off the JavaScript thread. What is decoded is bounded: a small
 * request that would become a huge one fails before it does.
 */
export class DecodedBody {
  private readonly request: Request
  private readonly body: Body
  private readonly decoder: NativeBodyDecoder
  private chunks: AsyncGenerator<Buffer, void, undefined> | null
  /** Why `read` gives nothing more: a generator that has thrown would say that the body has come to its end. */
  private failure: CodedError | null
  private waiting: boolean

  constructor(request: Request, body: Body, decoder: NativeBodyDecoder) {
    this.request = request
    this.body = body
    this.decoder = decoder
    this.chunks = null
    this.failure = null
    this.waiting = false
  }

  get used(): boolean {
    return this.body.used
  }

  get trailers(): Headers {
    return this.body.trailers
  }

  read(callback: ReadCallback): void {
    checkReader(callback)
    if (this.waiting) throw readPending()
    if (this.chunks === null && this.used) throw used()
    this.waiting = true
    const step = stepOf(callback, this.request)
    const tell: Step = (chunk, error) => {
      this.waiting = false
      step(chunk, error)
    }
    this.chunks ??= this.iterate()
    const next = this.failure === null ? this.chunks.next() : Promise.reject(this.failure)
    next.then(
      ({ done, value }) => tell(done === true ? null : value, null),
      (error: CodedError) => {
        this.failure = error
        tell(null, error)
      },
    )
  }

  async *iterate(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of this.body.iterate()) yield* await this.decoder.write(chunk)
      yield* await this.decoder.finish()
    } catch (error) {
      throw fromCore(error)
    }
  }

  bytes(): Promise<Buffer> {
    return handled(this.collect())
  }

  text(): Promise<string> {
    return handled(this.collect().then(decodeText))
  }

  json(): Promise<unknown> {
    return handled(this.collect().then(decodeText).then(parseJson))
  }

  private async collect(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of this.iterate()) chunks.push(chunk)
    return joined(chunks)
  }
}
