/**
 * The byte layout of what crosses between JavaScript and the native core: the only file that knows offsets.
 * `crates/millrace-batch` is its other half, and the vectors in `crates/millrace-batch/testdata` hold the two together.
 *
 * Everything is little-endian 32-bit words (every platform with a prebuilt addon is little-endian). An exchange, one
 * request and its answer, is named by three words: connection, generation and sequence. The constants stay unexported
 * on purpose: V8 folds a module's own constants into machine code, but not what it reads from another module's exports.
 */
import type { Field } from './fields'
import type { Head } from './head'

/** Size of the buffer the core fills; a batch holds some 64 bytes for each request plus small body chunks. */
export const INBOX_BYTES = 256 * 1024
/** Size of the buffer the facade fills between two native calls. */
export const OUTBOX_BYTES = 256 * 1024
/**
 * A payload above this crosses by `putChunk` instead of through the outbox. Below it one copy more costs less than the
 * call.
 */
export const LARGE_PAYLOAD = 32 * 1024

// Inbound records

const END_WORD = 0
const MORE_WORD = 1
const FIRST_RECORD = 2

/** Kinds of records in a batch, in the lowest byte of their first word. */
export const Kind = { request: 1, body: 2, bodyEnd: 3, abort: 4, drain: 5, written: 6, server: 7 } as const

const REQUEST_WORDS = 18
/** Where the route's number and the count of its parameters are, and where the parameters begin. */
const ROUTE_WORD = 16
const ROUTE_BITS = 24
const BODY_WORDS = 6
/** Words of a record, by kind. */
const LENGTHS = [0, REQUEST_WORDS, BODY_WORDS, 6, 5, 5, 6, 5]

const HTTP10 = 1 << 16
const HAS_BODY = 1 << 17
const BODY_INLINE = 1 << 18
const UPGRADE = 1 << 20
const IPV6 = 1 << 21
const UNIX = 1 << 22
const CODING_SHIFT = 24
const ENCODED = 1 << 26
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
export const Outcome = { done: 0, notExecuted: 1, destroyed: 2, errno: 16 } as const

/** Events of a server. */
export const ServerEvent = { closed: 1, connectionError: 2, accepted: 3 } as const

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
  requestParameters(at: number): number[] | null {
    const count = this.requestParameterCount(at)
    if (count === 0) return null
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

  /** Body, body end, abort, drain and written records share the place of the exchange's name. */
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
  if ((record._flags & UNIX) !== 0) return undefined
  if ((record._flags & IPV6) === 0) {
    const a = record._address
    return `${a >>> 24}.${(a >>> 16) & 0xff}.${(a >>> 8) & 0xff}.${a & 0xff}`
  }
  const before = record._methodLength + record._targetLength + record._headersLength
  return formatIPv6(record._text, record._textStart + before)
}

export function remotePortOf(record: RequestRecord): number | undefined {
  return (record._flags & UNIX) !== 0 ? undefined : record._port
}

/** A parameter of the route as received, still percent-encoded. */
export function parameterOf(record: RequestRecord, index: number): string {
  const spans = record._parameters!
  return record._text.substring(record._textStart + spans[2 * index]!, record._textStart + spans[2 * index + 1]!)
}

/** The content coding that the client likes best of those the server has: a code of {@link Coding}. */
export function codingOf(record: RequestRecord): number {
  return (record._flags >>> CODING_SHIFT) & 3
}

/** Whether a parameter of the route has something to decode. */
export function isEncoded(record: RequestRecord): boolean {
  return (record._flags & ENCODED) !== 0
}

/** Keeps this request's own text and lets go of its batch's, which can be hundreds of times longer. */
export function detach(record: RequestRecord): void {
  const length = record._textLength
  if (record._text.length === length) return
  // V8 keeps a slice's parent alive; only going through bytes makes a string of its own.
  const own = record._text.substring(record._textStart, record._textStart + length)
  record._text = Buffer.from(own, 'latin1').toString('latin1')
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

// Outbound records

const RESPOND = 1
const HEAD = 2
const INFORMATIONAL = 3
const CHUNK = 4
const END = 5
const CREDIT = 6
const RESET = 7
const FILE = 8
const EXCHANGE_BYTES = 20
const HEAD_BYTES = 36
const INFORMATIONAL_BYTES = 28
const CHUNK_BYTES = 28
const FILE_BYTES = 52

/** Flags of outbound records. */
export const Flag = {
  close: 1,
  hasDate: 2,
  large: 4,
  notify: 8,
  length: 16,
  wantDrain: 32,
  tunnel: 64,
  flush: 128,
  /** Multiplied by a code of {@link Coding}: the body is to be compressed with it. */
  coding: 256,
} as const

/** Options of a file record. */
export const FileOption = {
  handle: 1,
  leaveOpen: 2,
  noEtag: 4,
  weakEtag: 8,
  noLastModified: 16,
  noRanges: 32,
  precompressed: 64,
  dotFiles: 128,
  hasRoot: 256,
} as const

/** More than any record needs besides its payload. */
export const RECORD_OVERHEAD = 64

/** The buffer the facade fills with records. The caller makes sure of the room: these methods only write. */
export class Outbox {
  readonly bytes: Buffer
  readonly words: Int32Array
  /** Bytes written since the last native call; always a multiple of four. */
  position: number

  constructor(size = OUTBOX_BYTES) {
    const memory = new ArrayBuffer(size)
    this.bytes = Buffer.from(memory)
    this.words = new Int32Array(memory)
    this.position = 0
  }

  room(): number {
    return this.bytes.length - this.position
  }

  /** A whole answer. `body` is text, bytes, or the index of a chunk put before (with {@link Flag.large}). */
  respond(
    connection: number,
    generation: number,
    sequence: number,
    status: number,
    reason: string,
    head: Head,
    rest: readonly Field[] | null,
    body: string | Uint8Array | number,
    flags: number,
    token: number,
  ): void {
    const start = this.position
    const word = start >>> 2
    const words = this.words
    let at = start + HEAD_BYTES
    if (reason !== '') at = this.latin1(reason, at)
    const fieldsStart = at
    if (head.length !== 0) at = this.block(head, at)
    if (rest !== null) at = this.fields(rest, at)
    const bodyStart = at
    let bodyLength: number
    if (typeof body === 'string') {
      at = this.utf8(body, at)
      bodyLength = at - bodyStart
    } else if (typeof body === 'number') {
      bodyLength = body
    } else {
      this.bytes.set(body, at)
      bodyLength = body.length
      at += bodyLength
    }
    const length = (at - start + 3) & ~3
    words[word] = RESPOND | (flags << 8)
    words[word + 1] = length
    words[word + 2] = connection
    words[word + 3] = generation
    words[word + 4] = sequence
    words[word + 5] = status | (reason.length << 16)
    words[word + 6] = bodyStart - fieldsStart
    words[word + 7] = bodyLength
    words[word + 8] = token
    this.position = start + length
  }

  /** The head of an answer whose body comes in pieces; `declared` is its length, or -1 when unknown. */
  head(
    connection: number,
    generation: number,
    sequence: number,
    status: number,
    reason: string,
    fields: readonly Field[],
    declared: number,
    flags: number,
  ): void {
    const known = declared >= 0
    const low = known ? declared % 0x1_0000_0000 : 0
    const high = known ? (declared - low) / 0x1_0000_0000 : 0
    const payload = this.latin1(reason, this.position + HEAD_BYTES)
    const end = this.fields(fields, payload)
    const kind = HEAD | ((known ? flags | Flag.length : flags) << 8)
    const word = this.finish(kind, connection, generation, sequence, end)
    this.words[word + 5] = status | (reason.length << 16)
    this.words[word + 6] = end - payload
    this.words[word + 7] = low
    this.words[word + 8] = high
  }

  /** An answer before the answer: 103 and its kin. */
  informational(
    connection: number,
    generation: number,
    sequence: number,
    status: number,
    fields: readonly Field[],
  ): void {
    const payload = this.position + INFORMATIONAL_BYTES
    const end = this.fields(fields, payload)
    const word = this.finish(INFORMATIONAL, connection, generation, sequence, end)
    this.words[word + 5] = status
    this.words[word + 6] = end - payload
  }

  /**
   * A piece of a body: text, bytes, or the index of a chunk put before (with {@link Flag.large}). Returns its length in
   * bytes.
   */
  chunk(
    connection: number,
    generation: number,
    sequence: number,
    piece: string | Uint8Array | number,
    flags: number,
    token: number,
  ): number {
    const start = this.position
    let at = start + CHUNK_BYTES
    let length: number
    if (typeof piece === 'string') {
      length = this.utf8(piece, at) - at
      at += length
    } else if (typeof piece === 'number') {
      length = piece
    } else {
      this.bytes.set(piece, at)
      length = piece.length
      at += length
    }
    const word = this.finish(CHUNK | (flags << 8), connection, generation, sequence, at)
    this.words[word + 5] = length
    this.words[word + 6] = token
    return length
  }

  end(
    connection: number,
    generation: number,
    sequence: number,
    trailers: readonly Field[],
    flags: number,
    token: number,
  ): void {
    const at = this.position + CHUNK_BYTES
    const end = this.fields(trailers, at)
    const word = this.finish(END | (flags << 8), connection, generation, sequence, end)
    this.words[word + 5] = end - at
    this.words[word + 6] = token
  }

  /** The handler has taken `bytes` of the request body; 0 says that it now wants it. */
  credit(connection: number, generation: number, sequence: number, bytes: number): void {
    const word = this.finish(CREDIT, connection, generation, sequence, this.position + EXCHANGE_BYTES + 4)
    this.words[word + 5] = bytes
  }

  /** Give the exchange up and close its connection. */
  reset(connection: number, generation: number, sequence: number, reason: number): void {
    const word = this.finish(RESET, connection, generation, sequence, this.position + EXCHANGE_BYTES + 4)
    this.words[word + 5] = reason
  }

  /**
   * A file as the whole answer: its path, beneath `root` when that is not empty, or the index of an open file put before.
   * `conditions` are the lines of the request that conditions, ranges and codings depend on.
   */
  file(
    connection: number,
    generation: number,
    sequence: number,
    status: number,
    reason: string,
    fields: readonly Field[],
    file: string | number,
    root: string,
    conditions: readonly Field[],
    options: number,
    flags: number,
    token: number,
  ): void {
    let at = this.latin1(reason, this.position + FILE_BYTES)
    const fieldsStart = at
    at = this.fields(fields, at)
    const pathStart = at
    if (typeof file === 'string') at = this.utf8(file, at)
    const rootStart = at
    at = this.utf8(root, at)
    const conditionsStart = at
    at = this.fields(conditions, at)
    const word = this.finish(FILE | (flags << 8), connection, generation, sequence, at)
    this.words[word + 5] = status | (reason.length << 16)
    this.words[word + 6] = pathStart - fieldsStart
    this.words[word + 7] = typeof file === 'string' ? options : options | FileOption.handle
    this.words[word + 8] = token
    this.words[word + 9] = typeof file === 'string' ? rootStart - pathStart : file
    this.words[word + 10] = conditionsStart - rootStart
    this.words[word + 11] = at - conditionsStart
    this.words[word + 12] = 0
  }

  /** Fills in what all records begin with, and moves on. Returns the index of the record's first word. */
  private finish(kind: number, connection: number, generation: number, sequence: number, end: number): number {
    const start = this.position
    const word = start >>> 2
    const length = (end - start + 3) & ~3
    this.words[word] = kind
    this.words[word + 1] = length
    this.words[word + 2] = connection
    this.words[word + 3] = generation
    this.words[word + 4] = sequence
    this.position = start + length
    return word
  }

  /** Copies a ready block of lines; words are copied past its end, where the payload goes on. */
  private block(head: Head, at: number): number {
    const block = head.words
    if ((at & 3) !== 0 || block.length > LONG_BLOCK) {
      this.bytes.set(new Uint8Array(block.buffer, 0, head.length), at)
    } else {
      const words = this.words
      const start = at >>> 2
      for (let i = 0; i < block.length; i++) words[start + i] = block[i]!
    }
    return at + head.length
  }

  private fields(fields: readonly Field[], at: number): number {
    for (const field of fields) at = this.field(field, at)
    return at
  }

  private field(field: Field, at: number): number {
    return field.written ? this.latin1(field.line, at) : at
  }

  private latin1(text: string, at: number): number {
    const bytes = this.bytes
    const length = text.length
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
    return at + length
  }

  private utf8(text: string, at: number): number {
    const length = text.length
    if (length > SHORT_TEXT) return at + this.bytes.write(text, at, 'utf8')
    const bytes = this.bytes
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return at + this.bytes.write(text, at, 'utf8')
      bytes[at + i] = code
    }
    return at + length
  }
}

/** Up to so many words a loop beats the call of `set`. */
const LONG_BLOCK = 64
/** Up to here a loop over the characters beats the call into Node's encoder. */
const SHORT_TEXT = 48
