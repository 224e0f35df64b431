import { createHash } from 'node:crypto'
import type { NativeFixed, NativeRouteTable } from './binding'
import type { Compression } from './compression'
import { codedType, show } from './errors'
import { checkReason, type HeaderValue } from './fields'
import { linesOf, readyFields } from './ready-fields'
import { group, invalid, type Rules } from './rules'

/** An answer that never changes, or only by `replace`. */
export interface FixedOptions {
  /** The status code, 200 to 999. Default: 200. */
  status?: number | undefined
  /** The reason phrase. Default: the usual one of the status. */
  reason?: string | undefined
  /**
   * The headers. The core adds `content-length` and `date`. Default: a `content-type` that fits the body: `text/plain`
   * in UTF-8 for text, `application/json` for a value, `application/octet-stream` for bytes.
   */
  headers?: Readonly<Record<string, HeaderValue>> | undefined
  /**
   * Text, bytes, or a value that is sent as JSON. Default: none. Copied here: changing it later changes nothing.
   */
  body?: string | object | number | boolean | null | undefined
  /**
   * The entity tag (RFC 9110 8.8.3) with its quotes, or false for none. Default: one made from the bytes of the body
   * when the status is 200.
   */
  etag?: string | false | undefined
  /** When the content last changed, for conditional requests. Default: none. */
  lastModified?: Date | undefined
  /**
   * Whether the core also keeps it compressed. Default: as the server's, or the route's, `compression` says for content
   * of that type and length.
   */
  compress?: boolean | undefined
}

const RULES = {
  status: { kind: 'integer', initial: 200, min: 200, max: 999 },
  reason: { kind: 'other', initial: '' },
  headers: { kind: 'other', initial: undefined },
  body: { kind: 'other', initial: undefined },
  etag: { kind: 'other', initial: undefined },
  lastModified: { kind: 'other', initial: undefined },
  compress: { kind: 'boolean', initial: undefined },
} as const satisfies Rules

/**
 * Makes an answer that the core gives by itself, as the target of a route: it takes no time of the JavaScript thread
 * and is given while that is busy. HEAD and conditional requests are answered as they should be, and so are clients
 * that like it compressed. It can be the target of several routes.
 *
 * @throws ERR_INVALID_OPTION, ERR_INVALID_STATUS and others as those of a response
 */
export function fixed(options: FixedOptions): FixedAnswer {
  return new FixedAnswer(prepare(options))
}

/** A fixed answer: see {@link fixed}. */
export class FixedAnswer {
  private prepared: Prepared
  private readonly places: Place[] = []

  /** @internal */
  constructor(prepared: Prepared) {
    this.prepared = prepared
  }

  /**
   * From now on the core gives this answer instead, on all routes it is the target of; a request that came before may
   * still get the old one. Nothing of the old one is kept. When it throws, as `fixed` does, the old one stays.
   */
  replace(options: FixedOptions): this {
    this.prepared = prepare(options)
    for (const { table, number, compression, automatic } of this.places) {
      table.replaceFixed(number, this._native(compression, automatic))
    }
    return this
  }

  /** @internal What the core is given for a route of a server that compresses so. */
  _native(compression: Compression | null, automatic: boolean): NativeFixed {
    const { compress, contentType, ...answer } = this.prepared
    const wanted =
      compress ??
      (automatic && answer.body.length >= (compression?.threshold ?? 0) && compression?.isCompressible(contentType))
    return { ...answer, compress: compression !== null && wanted === true }
  }

  /** @internal Has become the target of a route. */
  _placed(place: Place): void {
    this.places.push(place)
  }
}

interface Place {
  readonly table: NativeRouteTable
  readonly number: number
  readonly compression: Compression | null
  readonly automatic: boolean
}

interface Prepared extends Omit<NativeFixed, 'compress'> {
  readonly compress: boolean | undefined
  readonly contentType: string
}

function prepare(given: unknown): Prepared {
  const options = group('', given, RULES) as FixedOptions
  const status = options.status!
  const reason = checkReason(options.reason)
  const fields = readyFields(options.headers)
  const { body, type } = bodyOf(options.body)
  if (body.length !== 0 && BODYLESS.has(status)) {
    throw invalid('body', options.body, `left out for the status ${status}, whose answers have none`)
  }
  const has = (name: string): boolean => fields.some(({ lower }) => lower === name)
  for (const name of ['etag', 'last-modified']) {
    if (has(name)) throw invalid('headers', options.headers, `without ${name}, which is an option of its own`)
  }
  let lines = linesOf(fields)
  let contentType = fields.find(({ lower }) => lower === 'content-type')?.value
  if (contentType === undefined && type !== '' && !BODYLESS.has(status)) {
    contentType = type
    lines += `content-type: ${type}\r\n`
  }
  if (options.compress === true && has('content-encoding')) {
    throw invalid('compress', true, 'left out when the headers have a content-encoding')
  }
  const etag = etagOf(options.etag, status, body)
  const lastModified = secondsOf(options.lastModified)
  return {
    status,
    reason,
    fields: lines,
    body,
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    compress: has('content-encoding') ? false : options.compress,
    contentType: contentType ?? '',
  }
}

/** The bytes, of which nobody else has a view, and the type they have by themselves. */
function bodyOf(body: FixedOptions['body']): { body: Uint8Array; type: string } {
  if (body === undefined || body === null) return { body: new Uint8Array(0), type: '' }
  if (typeof body === 'string') return { body: Buffer.from(body), type: 'text/plain; charset=utf-8' }
  if (ArrayBuffer.isView(body)) {
    return bytes(new Uint8Array(body.buffer, body.byteOffset, body.byteLength))
  }
  if (body instanceof ArrayBuffer || body instanceof SharedArrayBuffer) return bytes(new Uint8Array(body))
  const text = isSource(body) ? undefined : jsonOf(body)
  if (text === undefined) {
    throw codedType(
      'ERR_INVALID_CHUNK',
      `The body has to be text, bytes or a value for JSON, all of it now, but it is ${show(body)}.`,
    )
  }
  return { body: Buffer.from(text), type: 'application/json' }
}

/** What has its content elsewhere, of which JSON would make `{}`: promises, streams, blobs, sets. */
function isSource(body: object | number | boolean): boolean {
  if (typeof body !== 'object' || Array.isArray(body)) return false
  return body instanceof Promise || body instanceof Blob || Symbol.iterator in body || Symbol.asyncIterator in body
}

/** Undefined for what JSON does not have: functions, circles. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined
  } catch {
    return undefined
  }
}

function bytes(view: Uint8Array): { body: Uint8Array; type: string } {
  return { body: Buffer.from(view), type: 'application/octet-stream' }
}

function etagOf(given: string | false | undefined, status: number, body: Uint8Array): string | undefined {
  if (given === false) return undefined
  if (given === undefined) {
    return status === 200 ? `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` : undefined
  }
  if (typeof given === 'string' && ETAG.test(given)) return given
  throw invalid('etag', given, 'false, or an entity tag with its quotes, such as \'"v1"\' or \'W/"v1"\'')
}

function secondsOf(date: unknown): number | undefined {
  if (date === undefined) return undefined
  const time = date instanceof Date ? date.getTime() : Number.NaN
  if (time >= 0) return Math.floor(time / 1000)
  throw invalid('lastModified', date, 'a Date from 1970 on')
}

/** RFC 9110 8.8.3. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/
/** RFC 9110 15.3.5, 15.3.6, 15.4.5. */
const BODYLESS = new Set([204, 205, 304])
