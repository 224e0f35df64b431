/**
 * What the core hands to JavaScript: the byte layout of a batch of records, such as requests and pieces of bodies. With
 * `outbound.ts`, the way back, and `socket-records.ts`, both ways for WebSockets, the only file that knows offsets;
 * `crates/millrace-batch` is the other half of them, and the vectors in `crates/millrace-batch/testdata` hold all of it
 * together.
 *
 * Everything is little-endian 32-bit words (every platform with a prebuilt addon is little-endian). An exchange, one
 * request and its answer, is named by three words: connection, generation and sequence. The constants stay unexported
 * on purpose: V8 folds a module's own constants into machine code, but not what it reads from another module's exports.
 */
import { detached } from './text'

/** Size of the buffer the core fills; a batch holds some 64 bytes for each request plus small body chunks. */
export const INBOX_BYTES = 256 * 1024
const END_WORD = 0
const MORE_WORD = 1
const FIRST_RECORD = 2

/** Kinds of records in a batch, in the lowest byte of their first word. */
export const Kind = {
  request: 1,
  body: 2,
  bodyEnd: 3,
  abort: 4,
  drain: 5,
  written: 6,
  server: 7,
  opened: 8,
  message: 9,
  socket: 10,
  closed: 11,
  sent: 12,
} as const

const REQUEST_WORDS = 18
/** Where the route's number and the count of its parameters are, and where the parameters begin. */
const ROUTE_WORD = 16
const ROUTE_BITS = 24
const BODY_WORDS = 6
/** Words of a record, by kind. */
const LENGTHS = [0, REQUEST_WORDS, BODY_WORDS, 6, 5, 5, 6, 5, 6, 5, 5, 6, 6]

const HTTP10 = 1 << 16
const HAS_BODY = 1 << 17
const BODY_INLINE = 1 << 18
const UPGRADE = 1 << 20
const IPV6 = 1 << 21
const UNIX = 1 << 22
const CODING_SHIFT = 24
const ENCODED = 1 << 26
const SECURE = 1 << 27
const EARLY = 1 << 28
const IPV6_BYTES = 16

const HEAD_METHOD = 2 << 8
const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY']

const BODY_LARGE = 1 << 8
const BODY_COMPLETE = 1 << 9

/** Codes of content codings; 0 is none. */
export const Coding = { gzip: 1, br: 2, zstd: 3 } as const

/** Why an exchange ended before its time. */
export const Abort = {
  halfClosed: 1,
  connectionLost: 2,
  malformedBody: 3,
  bodyTimeout: 4,
  handlerTimeout: 5,
  writeTimeout: 6,
  serverClosed: 7,
  bodyTooLarge: 8,
  reset: 9,
} as const

/** What became of a write whose result was asked for; from `errno` on: a negated errno plus 16. */
export const Outcome = { done: 0, notExecuted: 1, destroyed: 2, dropped: 3, errno: 16 } as const

/** Events of a server. */
export const ServerEvent = { closed: 1, connectionError: 2, accepted: 3, nameWanted: 4, answered: 5 } as const

/** The buffer the core fills, and readers for its records. `at` is the index of a record's first word. */
export class Inbox {
  readonly bytes: Buffer
  readonly words: Int32Array

  constructor(size = INBOX_BYTES) {
    // Allocated by V8, its address given to the core: external buffers are forbidden in some embedders.
    const memory = new ArrayBuffer(size)
    this.bytes = Buffer.from(memory)
    this.words = new Int32Array(memory)
  }

  /** Where the first record is. */
  first(): number {
    return FIRST_RECORD
  }
  /** Just past the last record. */
  end(): number {
    return this.words[END_WORD]!
  }
  /** Whether the core holds more than fitted into this batch. */
  more(): boolean {
    return this.words[MORE_WORD] !== 0
  }
  kind(at: number): number {
    return this.words[at]! & 0xff
  }
  /** Where the record after the one at `at` is; past the end for a kind this version does not know. */
  after(at: number): number {
    const kind = this.words[at]! & 0xff
    if (kind === Kind.request) return at + REQUEST_WORDS + 2 * this.requestParameterCount(at)
    const length = LENGTHS[kind]
    return length === undefined || length === 0 ? this.end() : at + length
  }

  requestFlags(at: number): number {
    return this.words[at]!
  }
  requestServer(at: number): number {
    return this.words[at + 1]!
  }
  requestHasBody(at: number): boolean {
    return (this.words[at]! & HAS_BODY) !== 0
  }
  requestIsHead(at: number): boolean {
    return (this.words[at]! & 0xff00) === HEAD_METHOD
  }
  requestConnection(at: number): number {
    return this.words[at + 2]!
  }
  requestGeneration(at: number): number {
    return this.words[at + 3]!
  }
  requestSequence(at: number): number {
    return this.words[at + 4]!
  }
  requestTextStart(at: number): number {
    return this.words[at + 5]!
  }
  requestMethodLength(at: number): number {
    return this.words[at + 6]!
  }
  requestTargetLength(at: number): number {
    return this.words[at + 7]!
  }
  requestPathStart(at: number): number {
    return this.words[at + 8]!
  }
  requestPathEnd(at: number): number {
    return this.words[at + 9]!
  }
  requestHeadersLength(at: number): number {
    return this.words[at + 10]!
  }
  /** The route's number; 0 for none. */
  requestRoute(at: number): number {
    return this.words[at + ROUTE_WORD]! & ((1 << ROUTE_BITS) - 1)
  }
  /** The content coding that the client likes best of those the server has: a code of {@link Coding}. */
  requestCoding(at: number): number {
    return (this.words[at]! >>> CODING_SHIFT) & 3
  }
  requestParameterCount(at: number): number {
    return this.words[at + ROUTE_WORD]! >>> ROUTE_BITS
  }
  /** Where the route's parameters begin and end, one after the other, counted from the record's text. */
  requestParameters(at: number): number[] {
    const count = this.requestParameterCount(at)
    const { words } = this
    const first = at + REQUEST_WORDS
    // Lists of their length: making a typed array, or a list that grows, takes V8 longer than the request object.
    if (count === 1) return [words[first]!, words[first + 1]!]
    if (count === 2) return [words[first]!, words[first + 1]!, words[first + 2]!, words[first + 3]!]
    const spans: number[] = []
    for (let i = 0; i < 2 * count; i++) spans.push(words[first + i]!)
    return spans
  }
  requestTextLength(at: number): number {
    return this.words[at + ROUTE_WORD + 1]!
  }
  requestPort(at: number): number {
    return this.words[at + 14]!
  }
  requestAddress(at: number): number {
    return this.words[at + 15]!
  }

  /** All records but requests and those of servers have the name of their exchange, or WebSocket, here. */
  connection(at: number): number {
    return this.words[at + 1]!
  }
  generation(at: number): number {
    return this.words[at + 2]!
  }
  sequence(at: number): number {
    return this.words[at + 3]!
  }

  bodyIsLarge(at: number): boolean {
    return (this.words[at]! & BODY_LARGE) !== 0
  }
  bodyIsComplete(at: number): boolean {
    return (this.words[at]! & BODY_COMPLETE) !== 0
  }
  /** What `takeChunk` wants for a large chunk. */
  bodyIndex(at: number): number {
    return this.words[at + 4]!
  }
  /** A copy of a small chunk. */
  bodyChunk(at: number): Buffer {
    const start = this.words[at + 4]!
    return this.copy(start, start + this.words[at + 5]!)
  }
  copy(start: number, end: number): Buffer {
    return Buffer.from(this.bytes.subarray(start, end))
  }
  trailers(at: number, text: string): string {
    const start = this.words[at + 4]!
    return text.slice(start, start + this.words[at + 5]!)
  }
  abortReason(at: number): number {
    return this.words[at + 4]!
  }
  drainUnsent(at: number): number {
    return this.words[at + 4]! >>> 0
  }
  writtenToken(at: number): number {
    return this.words[at + 4]! >>> 0
  }
  writtenOutcome(at: number): number {
    return this.words[at + 5]!
  }
  serverId(at: number): number {
    return this.words[at + 1]!
  }
  serverEvent(at: number): number {
    return this.words[at + 2]!
  }
  serverText(at: number, text: string): string {
    const start = this.words[at + 3]!
    return text.slice(start, start + this.words[at + 4]!)
  }
}

/**
 * What a request object keeps of its record, so that it stays valid when the buffer is used again: integers, and where
 * its text is in the one string of its batch. An interface and not a class to inherit from: an object of a derived class
 * costs V8 20 ns more, a sixth of a whole request.
 */
export interface RequestRecord {
  _text: string
  readonly _flags: number
  _textStart: number
  readonly _methodLength: number
  readonly _targetLength: number
  readonly _pathStart: number
  readonly _pathEnd: number
  readonly _headersLength: number
  readonly _textLength: number
  readonly _parameters: readonly number[] | null
  readonly _port: number
  readonly _address: number
}

export function methodOf(record: RequestRecord): string {
  const code = (record._flags >>> 8) & 0xff
  if (code !== 0) return METHODS[code]!
  return record._text.substring(record._textStart, record._textStart + record._methodLength)
}

export function targetOf(record: RequestRecord): string {
  const start = record._textStart + record._methodLength
  return record._text.substring(start, start + record._targetLength)
}

export function pathOf(record: RequestRecord): string {
  const start = record._textStart + record._methodLength
  return record._text.substring(start + record._pathStart, start + record._pathEnd)
}

export function queryOf(record: RequestRecord): string {
  if (record._pathEnd >= record._targetLength) return ''
  const start = record._textStart + record._methodLength
  return record._text.substring(start + record._pathEnd + 1, start + record._targetLength)
}

/** The lines as `headers.ts` reads them. */
export function headersBlockOf(record: RequestRecord): string {
  const start = record._textStart + record._methodLength + record._targetLength
  return record._text.substring(start, start + record._headersLength)
}

/** Whether the client offers another protocol. */
export function isUpgrade(record: RequestRecord): boolean {
  return (record._flags & UPGRADE) !== 0
}

export function isHttp10(record: RequestRecord): boolean {
  return (record._flags & HTTP10) !== 0
}

export function remoteAddressOf(record: RequestRecord): string | undefined {
  const kept = keptAddressOf(record)
  return typeof kept === 'number' ? formatIPv4(kept) : kept
}

/** The same in a form that takes little memory: an address of IPv4 is a small integer for V8, with its sign. */
export function keptAddressOf(record: RequestRecord): string | number | undefined {
  if ((record._flags & UNIX) !== 0) return undefined
  if ((record._flags & IPV6) === 0) return record._address | 0
  const before = record._methodLength + record._targetLength + record._headersLength
  return formatIPv6(record._text, record._textStart + before)
}

export function remotePortOf(record: RequestRecord): number | undefined {
  return (record._flags & UNIX) !== 0 ? undefined : record._port
}

/** An address of IPv4 as text, from its 32 bits. */
export function formatIPv4(a: number): string {
  return `${a >>> 24}.${(a >>> 16) & 0xff}.${(a >>> 8) & 0xff}.${a & 0xff}`
}

/** A parameter of the route as received, still percent-encoded. */
export function parameterOf(record: RequestRecord, index: number): string {
  const spans = record._parameters!
  return record._text.substring(record._textStart + spans[2 * index]!, record._textStart + spans[2 * index + 1]!)
}

/** Whether the request came over TLS. */
export function isSecure(record: RequestRecord): boolean {
  return (record._flags & SECURE) !== 0
}

/** Whether the request came as early data of TLS, which an attacker can send once more (RFC 8470). */
export function isEarly(record: RequestRecord): boolean {
  return (record._flags & EARLY) !== 0
}

/** Whether a parameter of the route has something to decode. */
export function isEncoded(record: RequestRecord): boolean {
  return (record._flags & ENCODED) !== 0
}

/** Keeps this request's own text and lets go of its batch's, which can be hundreds of times longer. */
export function detach(record: RequestRecord): void {
  const length = record._textLength
  if (record._text.length === length) return
  record._text = detached(record._text.substring(record._textStart, record._textStart + length))
  record._textStart = 0
}

/**
 * Where a request's inline body is in the inbox: `[start, end)`, or nothing when it comes in records of its own or
 * there is none.
 */
export function inlineBody(inbox: Inbox, at: number): { start: number; end: number } | undefined {
  if ((inbox.words[at]! & BODY_INLINE) === 0) return undefined
  const start = inbox.words[at + 12]!
  return { start, end: start + inbox.words[at + 13]! }
}

/**
 * RFC 5952: the longest run of zero groups (at least two) becomes `::`; IPv4-mapped addresses are shown as IPv4, as
 * `::ffff:1.2.3.4`.
 */
function formatIPv6(text: string, start: number): string {
  const groups: number[] = []
  for (let i = 0; i < IPV6_BYTES; i += 2)
    groups.push((text.charCodeAt(start + i) << 8) | text.charCodeAt(start + i + 1))
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    const [high, low] = [groups[6]!, groups[7]!]
    return `::ffff:${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`
  }
  let [bestStart, bestLength] = [-1, 1]
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && groups[i + length] === 0) length++
    if (length > bestLength) [bestStart, bestLength] = [i, length]
    i += length
  }
  const hex = groups.map((group) => group.toString(16))
  if (bestStart < 0) return hex.join(':')
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`
}
