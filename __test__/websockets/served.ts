import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { WebSocket, type ClientOptions } from 'ws'
import type { RouteMap, Server, ServerOptions } from '#dist/index'
import { createServer, WS } from '../_helpers/transport'
import { Wire, type Answer } from '../_helpers/wire'

/** What a client must send to open a WebSocket (RFC 6455 1.3). */
export const HANDSHAKE: Readonly<Record<string, string>> = {
  Host: 'test',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

export interface Served {
  server: Server
  port: number
  /** What `onError` was told. */
  reported: unknown[]
  /** A client that has opened a WebSocket. */
  open(path?: string, protocols?: readonly string[], options?: ClientOptions): Promise<Client>
  /** A connection that sends and reads bytes; its WebSocket is open. */
  raw(path?: string, headers?: Readonly<Record<string, string>>): Promise<RawClient>
  /** Asks for a WebSocket, on a connection of its own, and gives the answer. */
  ask(path: string, headers: Readonly<Record<string, string | null>>, method?: string): Promise<Answer>
}

/** A server with routes for WebSockets, closed at the end of the test. `/next` is its own, and echoes. */
export async function serve(t: ExecutionContext, routes: RouteMap, options: ServerOptions = {}): Promise<Served> {
  const reported: unknown[] = []
  const server = createServer({ onError: (error) => reported.push(error), ...options, routes })
  server.websocket('/next', { message: (socket, message) => socket.send(message) })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  const wire = async (): Promise<Wire> => {
    const opened = await Wire.open(port)
    t.teardown(() => opened.destroy())
    return opened
  }
  return {
    server,
    port,
    reported,
    async open(path = '/', protocols = [], clientOptions = {}) {
      const socket = new WebSocket(`${WS}://127.0.0.1:${port}${path}`, [...protocols], {
        perMessageDeflate: false,
        ...clientOptions,
      })
      t.teardown(() => socket.terminate())
      const client = new Client(socket)
      await once(socket, 'open')
      return client
    },
    async raw(path = '/', headers = {}) {
      const opened = await wire()
      opened.send(requestText(path, { ...HANDSHAKE, ...headers }))
      const answer = await opened.answer()
      if (answer.status !== 101) throw new Error(`refused with ${answer.status}: ${answer.body.toString()}`)
      return new RawClient(opened)
    },
    async ask(path, headers, method = 'GET') {
      const opened = await wire()
      opened.send(requestText(path, { ...HANDSHAKE, ...headers }, method))
      return opened.answer(method)
    },
  }
}

/** The client of the `ws` package, with messages to wait for. */
export class Client {
  readonly socket: WebSocket
  /** How it was closed. */
  readonly closed: Promise<{ code: number; reason: string }>
  private readonly messages: Array<string | Buffer> = []
  private wake: () => void = () => undefined
  private isClosed = false

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('message', (data: Buffer, isBinary) => {
      this.messages.push(isBinary ? data : data.toString())
      this.wake()
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.isClosed = true
        this.wake()
        resolve({ code, reason: reason.toString() })
      })
    })
  }

  /** The next message. */
  async next(): Promise<string | Buffer> {
    while (this.messages.length === 0) {
      if (this.isClosed) throw new Error('closed while a message was waited for')
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
    return this.messages.shift()!
  }

  /** Sends a message and gives the next one that comes. */
  ask(message: string | Uint8Array): Promise<string | Buffer> {
    this.socket.send(message)
    return this.next()
  }
}

export interface Frame {
  opcode: number
  fin: boolean
  rsv1: boolean
  payload: Buffer
}

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A client that sends the frames it is told to, right or wrong. */
export class RawClient {
  readonly wire: Wire

  constructor(wire: Wire) {
    this.wire = wire
  }

  send(opcode: number, payload: string | Uint8Array = '', fin = true): void {
    this.wire.send(frameOf(opcode, payload, fin))
  }

  /** The next frame. */
  async next(): Promise<Frame> {
    const [first, second] = await this.wire.bytes(2)
    if ((second & 0x80) !== 0) throw new Error('a server must not mask')
    let length = second & 0x7f
    if (length === 126) length = (await this.wire.bytes(2)).readUInt16BE()
    else if (length === 127) length = Number((await this.wire.bytes(8)).readBigUInt64BE())
    const payload = await this.wire.bytes(length)
    return { opcode: first & 0xf, fin: (first & 0x80) !== 0, rsv1: (first & 0x40) !== 0, payload }
  }

  /** The code and reason of the Close frame that comes next; whatever came before it is dropped. */
  async close(): Promise<{ code: number; reason: string }> {
    for (;;) {
      const { opcode, payload } = await this.next()
      if (opcode !== Opcode.close) continue
      if (payload.length === 0) return { code: 1005, reason: '' }
      return { code: payload.readUInt16BE(), reason: payload.subarray(2).toString() }
    }
  }
}

/** A frame as a client sends it: masked. */
export function frameOf(opcode: number, given: string | Uint8Array, fin = true): Buffer {
  const payload = Buffer.from(given)
  const mask = Buffer.from([0x11, 0xa2, 0x3c, 0xf4])
  const length = payload.length
  const extended = length < 126 ? Buffer.alloc(0) : length < 65_536 ? Buffer.alloc(2) : Buffer.alloc(8)
  if (extended.length === 2) extended.writeUInt16BE(length)
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length))
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127
  const head = Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | short])
  const masked = Buffer.from(payload.map((byte, at) => byte ^ mask[at & 3]))
  return Buffer.concat([head, extended, mask, masked])
}

/** The payload of a Close frame. */
export function closePayload(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
}

/** A promise and what settles it. */
export class Deferred<T = void> {
  resolve!: (value: T) => void
  readonly promise = new Promise<T>((resolve) => {
    this.resolve = resolve
  })
}

export function requestText(path: string, headers: Readonly<Record<string, string | null>>, method = 'GET'): string {
  const lines = Object.entries(headers).filter(([, value]) => value !== null)
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}
