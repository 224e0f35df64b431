/**
 * The byte layout of records for WebSockets, in both directions, by the same rules as in `inbound.ts` and `outbound.ts`.
 * A WebSocket is named by the connection that it was and that connection's generation.
 */
import type { Field } from './fields'
import type { Inbox } from './inbound'
import type { Outbox } from './outbound'
import { readLatin1, readUtf8 } from './text'

const MESSAGE_LARGE = 1 << 8
const BINARY = 1 << 9
const ASCII = 1 << 10
const FIRST = 1 << 11
const LAST = 1 << 12
const CLEAN = 1 << 8

const ACCEPT = 9
const SEND = 10
const CONTROL = 11
const TOPIC = 12
const PUBLISH = 13

const ACCEPT_BYTES = 36
const SEND_BYTES = 28
const TOPIC_BYTES = 24
const PUBLISH_BYTES = 32

/** The connection that stands for all I/O threads. */
const EVERY_THREAD = 0xff000000 | 0

/** Events of a WebSocket. */
export const SocketEvent = { ping: 1, pong: 2, drained: 3, dropped: 4 } as const

/** Flags of messages, beside those of `Flag` with the same meaning: large, notify, wantDrain. */
export const MessageFlag = { binary: 1, compress: 16, more: 64, part: 128, except: 256 } as const

/** What a control record asks for. */
export const Control = { ping: 1, pong: 2, close: 3, terminate: 4, pause: 5, resume: 6, overflow: 7 } as const

/** What becomes of messages that a slow client does not take. */
export const Overflow = { close: 0, dropNewest: 1, dropOldest: 2, latest: 3 } as const

// From the core. Connection and generation are where they are in all records: see Inbox.

/** The line with the extensions agreed on; empty for none. */
export function openedExtensions(inbox: Inbox, at: number, text: string): string {
  const start = inbox.words[at + 4]!
  return text.slice(start, start + inbox.words[at + 5]!)
}

export function messageIsBinary(inbox: Inbox, at: number): boolean {
  return (inbox.words[at]! & BINARY) !== 0
}

/** Whether the payload is outside the batch, to be had by `takeChunk` with {@link messageIndex}. */
export function messageIsLarge(inbox: Inbox, at: number): boolean {
  return (inbox.words[at]! & MESSAGE_LARGE) !== 0
}

export function messageIndex(inbox: Inbox, at: number): number {
  return inbox.words[at + 3]!
}

export function messageIsFirst(inbox: Inbox, at: number): boolean {
  return (inbox.words[at]! & FIRST) !== 0
}

export function messageIsLast(inbox: Inbox, at: number): boolean {
  return (inbox.words[at]! & LAST) !== 0
}

/** The text of a small message. */
export function messageText(inbox: Inbox, at: number): string {
  const start = inbox.words[at + 3]!
  const end = start + inbox.words[at + 4]!
  return (inbox.words[at]! & ASCII) !== 0 ? readLatin1(inbox.bytes, start, end) : readUtf8(inbox.bytes, start, end)
}

/** The bytes of a small message, the program's own for as long as it holds them. */
export function messageBytes(inbox: Inbox, at: number): Buffer {
  return copyOut(inbox, inbox.words[at + 3]!, inbox.words[at + 4]!)
}

export function socketEvent(inbox: Inbox, at: number): number {
  return (inbox.words[at]! >>> 8) & 0xff
}

/** What came with a ping or pong. */
export function heartbeatBytes(inbox: Inbox, at: number): Buffer {
  return copyOut(inbox, inbox.words[at + 3]!, inbox.words[at + 4]!)
}

export function drainedWaiting(inbox: Inbox, at: number): number {
  return inbox.words[at + 3]! >>> 0
}

export function droppedMessages(inbox: Inbox, at: number): number {
  return inbox.words[at + 3]! >>> 0
}

export function droppedBytes(inbox: Inbox, at: number): number {
  return inbox.words[at + 4]! >>> 0
}

export function closedIsClean(inbox: Inbox, at: number): boolean {
  return (inbox.words[at]! & CLEAN) !== 0
}

export function closedCode(inbox: Inbox, at: number): number {
  return inbox.words[at + 3]!
}

export function closedReason(inbox: Inbox, at: number): string {
  const start = inbox.words[at + 4]!
  return readUtf8(inbox.bytes, start, start + inbox.words[at + 5]!)
}

export function sentToken(inbox: Inbox, at: number): number {
  return inbox.words[at + 3]! >>> 0
}

export function sentOutcome(inbox: Inbox, at: number): number {
  return inbox.words[at + 4]!
}

export function sentBytes(inbox: Inbox, at: number): number {
  return inbox.words[at + 5]! >>> 0
}

/** Small messages share memory of this size: a view costs a third of a Buffer with memory of its own. */
const POOL_BYTES = 8 * 1024
/** What is larger gets its own, so that nobody who keeps one small message keeps much more than that. */
const POOLED_BYTES = 1024

let pool = new ArrayBuffer(POOL_BYTES)
let poolWords = new Int32Array(pool)
let pooled = 0

/** The core begins each payload at a whole word, so that short ones are copied word by word; `set` costs three times that. */
function copyOut(inbox: Inbox, start: number, length: number): Buffer {
  if (length > POOLED_BYTES) {
    const own = Buffer.allocUnsafeSlow(length)
    own.set(inbox.bytes.subarray(start, start + length))
    return own
  }
  if (pooled + length > POOL_BYTES) {
    pool = new ArrayBuffer(POOL_BYTES)
    poolWords = new Int32Array(pool)
    pooled = 0
  }
  const { words } = inbox
  const from = start >>> 2
  const to = pooled >>> 2
  const count = (length + 3) >>> 2
  for (let i = 0; i < count; i++) poolWords[to + i] = words[from + i]!
  const copy = view(pool, pooled, length)
  pooled += count << 2
  return copy
}

/** What Node.js makes Buffers with. `subarray` looks for it each time, which takes longer than making one. */
const FastBuffer = (Buffer as unknown as Record<symbol, typeof Uint8Array | undefined>)[Symbol.species]

const view: (memory: ArrayBuffer, start: number, length: number) => Buffer =
  FastBuffer !== undefined && FastBuffer !== (Buffer as unknown) && FastBuffer.prototype === Buffer.prototype
    ? (memory, start, length) => new FastBuffer(memory, start, length) as Buffer
    : (memory, start, length) => Buffer.from(memory, start, length)

// To the core. As with Outbox, the caller makes sure of the room.

/** More than any of these records needs besides its payload. */
export const SOCKET_RECORD_OVERHEAD = 48

/** The exchange becomes a WebSocket. */
export function writeAccept(
  outbox: Outbox,
  connection: number,
  generation: number,
  sequence: number,
  settings: number,
  fields: readonly Field[],
  key: string,
  offers: string,
): void {
  const start = outbox.position
  const fieldsStart = start + ACCEPT_BYTES
  const keyStart = outbox.fields(fields, fieldsStart)
  const end = outbox.latin1(offers, outbox.latin1(key, keyStart))
  const word = outbox.finish(ACCEPT, connection, generation, sequence, end)
  outbox.words[word + 5] = settings
  outbox.words[word + 6] = keyStart - fieldsStart
  outbox.words[word + 7] = key.length
  outbox.words[word + 8] = offers.length
}

/**
 * A message, or a part of one: text, bytes, or the index of a chunk put before (with `Flag.large`). Returns the
 * bytes of its payload in the record.
 */
export function writeSend(
  outbox: Outbox,
  connection: number,
  generation: number,
  data: string | Uint8Array | number,
  flags: number,
  fragment: number,
  token: number,
): number {
  const at = outbox.position + SEND_BYTES
  const end = put(outbox, data, at)
  const word = outbox.finish(SEND | (flags << 8), connection, generation, token, end)
  outbox.words[word + 5] = typeof data === 'number' ? data : end - at
  outbox.words[word + 6] = fragment
  return end - at
}

/** A control record; `argument` is a close code or an overflow policy. */
export function writeControl(
  outbox: Outbox,
  connection: number,
  generation: number,
  operation: number,
  argument: number,
  payload: string | Uint8Array,
): void {
  const at = outbox.position + SEND_BYTES
  const end = put(outbox, payload, at)
  const word = outbox.finish(CONTROL, connection, generation, operation, end)
  outbox.words[word + 5] = argument
  outbox.words[word + 6] = end - at
}

/** Another rule for messages that a slow client does not take. */
export function writeOverflow(
  outbox: Outbox,
  connection: number,
  generation: number,
  policy: number,
  bytes: number,
): void {
  const end = outbox.position + SEND_BYTES
  const word = outbox.finish(CONTROL, connection, generation, Control.overflow, end)
  outbox.words[word + 5] = policy
  outbox.words[word + 6] = bytes
}

/** Subscribes or unsubscribes. */
export function writeTopic(
  outbox: Outbox,
  connection: number,
  generation: number,
  subscribe: boolean,
  topic: string,
): void {
  const at = outbox.position + TOPIC_BYTES
  const end = outbox.utf8(topic, at)
  const word = outbox.finish(TOPIC, connection, generation, subscribe ? 1 : 2, end)
  outbox.words[word + 5] = end - at
}

/** A message for all WebSockets of a server that want its topic, but one when {@link MessageFlag.except} says so. */
export function writePublish(
  outbox: Outbox,
  server: number,
  topic: string,
  data: string | Uint8Array | number,
  flags: number,
  exceptConnection: number,
  exceptGeneration: number,
): void {
  const topicStart = outbox.position + PUBLISH_BYTES
  const at = outbox.utf8(topic, topicStart)
  const end = put(outbox, data, at)
  const word = outbox.finish(PUBLISH | (flags << 8), EVERY_THREAD, server, exceptConnection, end)
  outbox.words[word + 5] = exceptGeneration
  outbox.words[word + 6] = at - topicStart
  outbox.words[word + 7] = typeof data === 'number' ? data : end - at
}

function put(outbox: Outbox, data: string | Uint8Array | number, at: number): number {
  if (typeof data === 'string') return outbox.utf8(data, at)
  if (typeof data === 'number') return at
  outbox.bytes.set(data, at)
  return at + data.length
}
