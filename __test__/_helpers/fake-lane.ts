import { fstatSync, readSync } from 'node:fs'
import type { NativeBinding, NativeLane, NativeWebSocketSettings } from '#dist/binding'
import { FakeRouteTable } from './fake-route-table'
import { fakeTls, type FakeContext, type FakeCredentials } from './fake-tls'
import { readSocketRecord, type SentToSocket } from './fake-socket-records'

/** A server's port is this and its number, unless a test asks for another. */
export const FIRST_PORT = 40_000

/**
 * Stands in for the native core: takes the records a test puts into a batch to the facade, and reads what the facade
 * hands back. Speaks the byte layout of `crates/millrace-batch` on its own, without the facade's code.
 */
export class FakeLane implements NativeLane {
  readonly sent: Sent[] = []
  readonly listened: Array<Record<string, unknown>> = []
  readonly closed: Array<{ server: number; timeout: number }> = []
  readonly forgotten: number[] = []
  /** What TLS was to be spoken with, by each listen and reload; null for a server without. */
  readonly contexts: Array<FakeContext | null> = []
  /** The answers to questions for server names. */
  readonly names: Array<{ server: number; name: string; credentials: FakeCredentials | null; keepMs: number }> = []
  /** The routes given with each listen. */
  readonly tables: FakeRouteTable[] = []
  /** What the core was told of WebSockets, by number. */
  readonly settings: NativeWebSocketSettings[] = []
  /** How many connections servers wanted to accept by hand. */
  readonly acceptsAsked: Array<{ server: number; count: number }> = []
  descriptorTable: ReturnType<NativeLane['descriptors']> = { open: 20, limit: 1024 }
  connections: ReturnType<NativeLane['connectionInfo']> = null
  /** What handshakes have agreed on, by connection. */
  readonly agreed = new Map<number, ReturnType<NativeLane['tlsInfo']>>()
  references = 0
  turns = 0
  submits = 0
  /** Throws this at the next listen. */
  listenError: (Error & { code?: string }) | undefined
  /** Throws this when it is given a file. */
  putFileError: Error | undefined
  private readonly batches: Batch[] = []
  private chunks: Buffer[] = []
  private put: Buffer[] = []
  private servers = 0
  private isIdle = true
  private readonly inbox: Uint8Array
  private readonly outbox: Uint8Array
  private readonly onWake: () => void

  constructor(inbox: Uint8Array, outbox: Uint8Array, onWake: () => void) {
    this.inbox = inbox
    this.outbox = outbox
    this.onWake = onWake
  }

  /**
   * Hands batches to the facade, as the core would: from a callback of the event loop, so that promises run before this
   * resolves.
   */
  async deliver(...batches: Batch[]): Promise<Sent[]> {
    const before = this.sent.length
    this.batches.push(...batches)
    this.isIdle = false
    await new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        try {
          this.onWake()
          resolve()
        } catch (error) {
          reject(error as Error)
        }
      })
    })
    // A loop that gave way goes on in a later turn.
    do await new Promise((resolve) => setImmediate(resolve))
    while (!this.isIdle)
    await new Promise((resolve) => setImmediate(resolve))
    return this.sent.slice(before)
  }

  /** Wakes the facade without a callback of the event loop around. */
  wake(batch: Batch): void {
    this.batches.push(batch)
    this.onWake()
  }

  turn(written: number): string | null {
    this.turns++
    this.take(written)
    const batch = this.batches.shift()
    this.isIdle = batch === undefined
    if (batch === undefined) return null
    this.chunks = batch.chunks
    return batch.write(this.inbox, this.batches.length > 0)
  }

  submit(written: number): void {
    this.submits++
    this.take(written)
  }

  takeChunk(index: number): Buffer {
    const chunk = this.chunks[index]
    if (chunk === undefined) throw new Error(`there is no chunk ${index}`)
    return chunk
  }

  putChunk(view: Uint8Array): number {
    return this.put.push(Buffer.from(view)) - 1
  }

  /** Reads the range at once, so that a test sees what would be sent. */
  putFile(descriptor: number, start: number, end: number): { index: number; length: number } {
    if (this.putFileError !== undefined) throw this.putFileError
    const length = (end < 0 ? fstatSync(descriptor).size : end) - start
    const bytes = Buffer.alloc(length)
    readSync(descriptor, bytes, 0, length, start)
    return { index: this.put.push(bytes) - 1, length }
  }

  lend(size: number): Buffer {
    return Buffer.allocUnsafeSlow(size)
  }

  listen(given: object, routes?: unknown, tls?: unknown): { id: number; host: string; port: number; path?: string } {
    if (this.listenError !== undefined) {
      const error = this.listenError
      this.listenError = undefined
      throw error
    }
    const options = given as Record<string, unknown>
    this.listened.push(options)
    this.tables.push(routes as FakeRouteTable)
    this.contexts.push((tls ?? null) as FakeContext | null)
    const place = {
      id: ++this.servers,
      host: String(options['host']),
      port: Number(options['port']) || FIRST_PORT + this.servers,
    }
    return options['path'] === undefined ? place : { ...place, path: String(options['path']) }
  }

  addWebSocketSettings(settings: NativeWebSocketSettings): number {
    return this.settings.push(settings) - 1
  }

  acceptMore(server: number, count: number): void {
    this.acceptsAsked.push({ server, count })
  }

  descriptors(): ReturnType<NativeLane['descriptors']> {
    return this.descriptorTable
  }

  connectionInfo(): ReturnType<NativeLane['connectionInfo']> {
    return this.connections
  }

  reloadTls(_server: number, context: unknown): void {
    this.contexts.push(context as FakeContext)
  }

  nameResolved(server: number, name: string, credentials: unknown, keepMs: number): void {
    this.names.push({ server, name, credentials: (credentials ?? null) as FakeCredentials | null, keepMs })
  }

  tlsInfo(connection: number): ReturnType<NativeLane['tlsInfo']> {
    return this.agreed.get(connection) ?? null
  }

  close(server: number, timeout: number): void {
    this.closed.push({ server, timeout })
  }

  stats(): ReturnType<NativeLane['stats']> {
    return null
  }

  forget(server: number): void {
    this.forgotten.push(server)
  }

  ref(): void {
    this.references++
  }

  unref(): void {
    this.references--
  }

  private take(written: number): void {
    const memory = Buffer.from(this.outbox.buffer, this.outbox.byteOffset, written)
    for (let at = 0; at < written;) {
      const record = memory.subarray(at, at + memory.readUInt32LE(at + 4))
      this.sent.push(read(record, this.put))
      at += record.length
    }
    this.put = []
  }
}

/** Undoes nothing: what comes in comes out. */
class FakeBodyDecoder {
  write(chunk: Uint8Array): Promise<Buffer[]> {
    return Promise.resolve([Buffer.from(chunk)])
  }

  finish(): Promise<Buffer[]> {
    return Promise.resolve([])
  }
}

/** The lanes made so far, the latest last. */
export const lanes: FakeLane[] = []

export const fakeBinding: NativeBinding = {
  Lane: class extends FakeLane {
    constructor(inbox: Uint8Array, outbox: Uint8Array, onWake: () => void) {
      super(inbox, outbox, onWake)
      lanes.push(this)
    }
  },
  RouteTable: FakeRouteTable,
  BodyDecoder: FakeBodyDecoder,
  ...fakeTls,
  version: () => '0.0.0',
}

// Outbound: what the facade wrote

/** One record the facade handed over. */
export interface Sent {
  kind: string
  connection: number
  generation: number
  sequence: number
  flags: string[]
  status?: number
  reason?: string
  fields?: string
  body?: string
  bytes?: Buffer
  declared?: number
  token?: number
  credit?: number
  /** Of a RESET record: 1 closes the connection also when the exchange has ended. */
  why?: number
  /** The content coding that a whole answer or a head asks for. */
  coding?: 'gzip' | 'br' | 'zstd'
  /** Of a FILE record: its path, or the index of an open file. */
  file?: string | number
  root?: string
  conditions?: string
  options?: number
  /** What is only in records for WebSockets. */
  socket?: SentToSocket
}

const KINDS = ['', 'RESPOND', 'HEAD', 'INFORMATIONAL', 'CHUNK', 'END', 'CREDIT', 'RESET', 'FILE']
KINDS.push('ACCEPT', 'SEND', 'CONTROL', 'TOPIC', 'PUBLISH')
const FLAGS = ['CLOSE', 'HAS_DATE', 'LARGE', 'NOTIFY', 'LENGTH', 'WANT_DRAIN', 'TUNNEL', 'FLUSH']
const CODINGS = [undefined, 'gzip', 'br', 'zstd'] as const

/** Reads one outbound record. */
export function read(record: Buffer, put: readonly Buffer[]): Sent {
  const word = (index: number): number => record.readUInt32LE(index * 4)
  const flags = FLAGS.filter((_, bit) => ((word(0) >>> (8 + bit)) & 1) !== 0)
  const sent: Sent = {
    kind: KINDS[word(0) & 0xff] ?? `unknown ${word(0)}`,
    connection: word(2),
    generation: word(3),
    sequence: word(4),
    flags,
  }
  const coding = CODINGS[(word(0) >>> 16) & 3]
  if ((word(0) & 0xff) >= KINDS.indexOf('ACCEPT')) {
    sent.socket = readSocketRecord(sent.kind, record, put)
    return sent
  }
  if (coding !== undefined) sent.coding = coding
  const payload = (start: number, length: number): Buffer => record.subarray(start, start + length)
  const piece = (start: number, length: number): Buffer =>
    flags.includes('LARGE') ? put[length]! : Buffer.from(payload(start, length))
  const head = (words: number): number => {
    const reasonLength = word(5) >>> 16
    sent.status = word(5) & 0xffff
    sent.reason = payload(words * 4, reasonLength).toString('latin1')
    sent.fields = payload(words * 4 + reasonLength, word(6)).toString('latin1')
    return words * 4 + reasonLength + word(6)
  }
  switch (sent.kind) {
    case 'RESPOND':
      sent.bytes = piece(head(9), word(7))
      sent.body = sent.bytes.toString()
      sent.token = word(8)
      break
    case 'HEAD':
      head(9)
      if (flags.includes('LENGTH')) sent.declared = word(7) + word(8) * 2 ** 32
      break
    case 'INFORMATIONAL':
      head(7)
      break
    case 'CHUNK':
      sent.bytes = piece(28, word(5))
      sent.body = sent.bytes.toString()
      sent.token = word(6)
      break
    case 'END':
      sent.fields = payload(28, word(5)).toString('latin1')
      sent.token = word(6)
      break
    case 'CREDIT':
      sent.credit = word(5)
      break
    case 'RESET':
      sent.why = word(5)
      break
    case 'FILE': {
      const path = head(13)
      const isHandle = (word(7) & 1) !== 0
      const root = isHandle ? path : path + word(9)
      sent.options = word(7)
      sent.token = word(8)
      sent.file = isHandle ? word(9) : payload(path, word(9)).toString()
      sent.root = payload(root, word(10)).toString()
      sent.conditions = payload(root + word(10), word(11)).toString('latin1')
    }
  }
  return sent
}

// Inbound: what a test has the core say

export interface FakeRequest {
  server?: number
  connection?: number
  generation?: number
  sequence?: number
  method?: string
  target?: string
  headers?: ReadonlyArray<readonly [string, string]>
  /** A body in the record itself. */
  inline?: string | Uint8Array
  /** A body in records of its own. */
  hasBody?: boolean
  http10?: boolean
  expectContinue?: boolean
  port?: number
  /** IPv4 as text, 16 bytes of IPv6, or null for a Unix domain socket. */
  address?: string | Uint8Array | null
  /** The number of its route; 0 for none. */
  route?: number
  /** Where the route's parameters are in the target, begin and end. */
  parameters?: ReadonlyArray<readonly [number, number]>
  /** The content coding that the core has chosen for the answer. */
  coding?: 0 | 1 | 2 | 3
  /** It came over TLS. */
  secure?: boolean
  /** As early data of TLS. */
  early?: boolean
}

export interface Exchange {
  connection?: number
  generation?: number
  sequence?: number
}

export interface FakeMessage extends Exchange {
  /** Outside of the batch. */
  large?: boolean
  first?: boolean
  last?: boolean
}

const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY']

/** A batch of inbound records, put together by a test. */
export class Batch {
  readonly chunks: Buffer[] = []
  private readonly words: number[] = []
  private readonly bytes: Buffer[] = []
  private byteLength = 0
  private readonly offsets: number[] = []
  private text = ''

  request(request: FakeRequest = {}): this {
    const method = request.method ?? 'GET'
    const target = request.target ?? '/'
    const code = Math.max(0, METHODS.indexOf(method))
    const headers = (request.headers ?? []).map(([name, value]) => line(name, value)).join('')
    const pathEnd = target.includes('?') ? target.indexOf('?') : target.length
    const pathStart = /^https?:\/\/[^/?]*/.exec(target)?.[0].length ?? 0
    const address = request.address === undefined ? '127.0.0.1' : request.address
    let flags = (code << 8) | (request.http10 === true ? 1 << 16 : 0)
    if (request.hasBody === true || request.inline !== undefined) flags |= 1 << 17
    if (request.inline !== undefined) flags |= 1 << 18
    if (request.expectContinue === true) flags |= 1 << 19
    if (address === null) flags |= 1 << 22
    flags |= (request.coding ?? 0) << 24
    if (request.secure === true) flags |= 1 << 27
    if (request.early === true) flags |= 1 << 28
    const parameters = request.parameters ?? []
    if (parameters.some(([from, to]) => target.slice(from, to).includes('%'))) flags |= 1 << 26
    const start = this.text.length
    this.text += (code === 0 ? method : '') + target + headers
    let ipv4 = 0
    if (typeof address === 'string') ipv4 = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    else if (address !== null) {
      flags |= 1 << 21
      this.text += Buffer.from(address).toString('latin1')
    }
    const body = Buffer.from(request.inline ?? '')
    if (request.inline !== undefined) this.offsets.push(this.words.length + 12)
    this.words.push(1 | flags, request.server ?? 1, ...exchange(request))
    this.words.push(start, code === 0 ? method.length : 0, target.length, pathStart, pathEnd)
    this.words.push(headers.length, request.headers?.length ?? 0, this.byteLength, body.length)
    this.words.push(address === null ? 0 : (request.port ?? 5000), ipv4)
    this.words.push((request.route ?? 0) | (parameters.length << 24), this.text.length - start)
    const targetStart = code === 0 ? method.length : 0
    for (const [from, to] of parameters) this.words.push(targetStart + from, targetStart + to)
    this.store(body)
    return this
  }

  body(
    data: string | Uint8Array,
    { end = false, large = false, ...name }: Exchange & { end?: boolean; large?: boolean } = {},
  ): this {
    const bytes = Buffer.from(data)
    const flags = (large ? 1 << 8 : 0) | (end ? 1 << 9 : 0)
    if (!large) this.offsets.push(this.words.length + 4)
    this.words.push(2 | flags, ...exchange(name), large ? this.chunks.length : this.byteLength, bytes.length)
    if (large) this.chunks.push(bytes)
    else this.store(bytes)
    return this
  }

  bodyEnd(trailers: ReadonlyArray<readonly [string, string]> = [], name: Exchange = {}): this {
    const text = trailers.map(([key, value]) => line(key, value)).join('')
    this.words.push(3, ...exchange(name), this.text.length, text.length)
    this.text += text
    return this
  }

  abort(reason: number, name: Exchange = {}): this {
    this.words.push(4, ...exchange(name), reason)
    return this
  }

  drain(unsent: number, name: Exchange = {}): this {
    this.words.push(5, ...exchange(name), unsent)
    return this
  }

  written(token: number, outcome: number, name: Exchange = {}): this {
    this.words.push(6, ...exchange(name), token, outcome)
    return this
  }

  /** An exchange has become a WebSocket. */
  opened(name: Exchange = {}, extensions = ''): this {
    this.words.push(8, ...exchange(name), this.text.length, extensions.length)
    this.text += extensions
    return this
  }

  /** A message of a WebSocket: text, or bytes for a binary one. */
  message(data: string | Uint8Array, { large = false, first = true, last = true, ...name }: FakeMessage = {}): this {
    const bytes = Buffer.from(data)
    let flags = (large ? 1 << 8 : 0) | (typeof data === 'string' ? 0 : 1 << 9) | (first ? 1 << 11 : 0)
    if (typeof data === 'string' && bytes.length === data.length) flags |= 1 << 10
    if (last) flags |= 1 << 12
    this.words.push(9 | flags, ...socket(name))
    if (large) this.words.push(this.chunks.push(bytes) - 1, bytes.length)
    else this.aligned(bytes)
    return this
  }

  /** A ping or pong. */
  heartbeat(event: 'ping' | 'pong', data: string, name: Exchange = {}): this {
    this.words.push(10 | ((event === 'ping' ? 1 : 2) << 8), ...socket(name))
    this.aligned(Buffer.from(data))
    return this
  }

  /** So many bytes still wait for the client. */
  drained(waiting: number, name: Exchange = {}): this {
    this.words.push(10 | (3 << 8), ...socket(name), waiting, 0)
    return this
  }

  dropped(messages: number, bytes: number, name: Exchange = {}): this {
    this.words.push(10 | (4 << 8), ...socket(name), messages, bytes)
    return this
  }

  socketClosed(code: number, reason = '', { clean = true, ...name }: Exchange & { clean?: boolean } = {}): this {
    this.words.push(11 | (clean ? 1 << 8 : 0), ...socket(name), code)
    this.aligned(Buffer.from(reason))
    return this
  }

  /** What became of a message. */
  sentMessage(token: number, outcome: number, bytes: number, name: Exchange = {}): this {
    this.words.push(12, ...socket(name), token, outcome, bytes)
    return this
  }

  serverClosed(server = 1): this {
    this.words.push(7, server, 1, 0, 0)
    return this
  }

  connectionError(text: string, server = 1): this {
    return this.serverEvent(2, text, server)
  }

  /** A connection that a server has accepted by hand. */
  accepted(connection: number, generation: number, server = 1): this {
    return this.serverEvent(3, `${connection} ${generation}`, server)
  }

  /** A client has asked for a name that no certificate has. */
  nameWanted(name: string, server = 1): this {
    return this.serverEvent(4, name, server)
  }

  /** An exchange has come to its end, on a server that wants to know. */
  answered(lines: readonly string[], server = 1): this {
    return this.serverEvent(5, lines.join('\n'), server)
  }

  /** Writes the batch as the core does and returns its text. */
  write(inbox: Uint8Array, more: boolean): string {
    const memory = Buffer.from(inbox.buffer, inbox.byteOffset, inbox.length)
    const end = 2 + this.words.length
    ;[end, more ? 1 : 0, ...this.words].forEach((word, index) => memory.writeUInt32LE(word >>> 0, index * 4))
    for (const offset of this.offsets) memory.writeUInt32LE(this.words[offset]! + end * 4, (offset + 2) * 4)
    Buffer.concat(this.bytes).copy(memory, end * 4)
    return this.text
  }

  private serverEvent(event: number, text: string, server: number): this {
    this.words.push(7, server, event, this.text.length, text.length)
    this.text += text
    return this
  }

  /** Where bytes are that begin at a whole word, and their length. */
  private aligned(bytes: Buffer): void {
    this.store(Buffer.alloc(-this.byteLength & 3))
    this.offsets.push(this.words.length)
    this.words.push(this.byteLength, bytes.length)
    this.store(bytes)
  }

  private store(bytes: Buffer): void {
    this.bytes.push(bytes)
    this.byteLength += bytes.length
  }
}

function exchange({ connection = 0, generation = 0, sequence = 0 }: Exchange): number[] {
  return [connection, generation, sequence]
}

function socket({ connection = 0, generation = 0 }: Exchange): number[] {
  return [connection, generation]
}

function line(name: string, value: string): string {
  const lower = name.toLowerCase()
  if (name === lower) return `\n${lower}:a${value}`
  const capitalised = lower.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase())
  return name === capitalised ? `\n${lower}:A${value}` : `\n${lower}:=${name}:${value}`
}
