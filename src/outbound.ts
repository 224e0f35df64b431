/**
 * What JavaScript hands back to the core: the byte layout of records such as answers and pieces of bodies, by the same
 * rules as in `inbound.ts`; records for WebSockets are in `socket-records.ts`.
 */
import type { Field } from './fields'
import type { Head } from './head'
import { writeUtf8 } from './text'

/** Size of the buffer the facade fills between two native calls. */
export const OUTBOX_BYTES = 256 * 1024
/**
 * A payload above this crosses by `putChunk` instead of through the outbox. Below it one copy more costs less than the
 * call.
 */
export const LARGE_PAYLOAD = 32 * 1024

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
  /** Multiplied by a code of `Coding` in `inbound.ts`: the body is to be compressed with it. */
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
  finish(kind: number, connection: number, generation: number, sequence: number, end: number): number {
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

  /** Writes lines of fields and returns where they end. */
  fields(fields: readonly Field[], at: number): number {
    for (const field of fields) at = this.field(field, at)
    return at
  }

  private field(field: Field, at: number): number {
    return field.written ? this.latin1(field.line, at) : at
  }

  /** Writes text of characters below 256 and returns where it ends. */
  latin1(text: string, at: number): number {
    const bytes = this.bytes
    const length = text.length
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
    return at + length
  }

  /** Writes text and returns where it ends. */
  utf8(text: string, at: number): number {
    const length = text.length
    if (length > SHORT_TEXT) return at + writeUtf8(this.bytes, text, at)
    const bytes = this.bytes
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return at + writeUtf8(this.bytes, text, at)
      bytes[at + i] = code
    }
    return at + length
  }
}

/** Up to so many words a loop beats the call of `set`. */
const LONG_BLOCK = 64
/** Up to here a loop over the characters beats the call into Node's encoder. */
const SHORT_TEXT = 48
