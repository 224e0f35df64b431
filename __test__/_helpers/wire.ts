import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { connect, CONNECTED } from './transport'

/** One message of a server, informational ones included, as its bytes say. */
export interface Answer {
  readonly version: string
  readonly status: number
  readonly reason: string
  /** Every header line, names spelt as sent. */
  readonly headers: ReadonlyArray<readonly [string, string]>
  /** How the end of the body was told. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close'
  readonly body: Buffer
  readonly trailers: ReadonlyArray<readonly [string, string]>
  /** The values of a header, joined by `', '`, or undefined. */
  header(name: string): string | undefined
}

/** How the server's side of a connection ended. */
export type Ending = 'ended' | 'reset'

/** A wait this long has failed: only there so that it says what it waited for. */
const PATIENCE_MS = 20_000

/**
 * A connection that sends exactly the bytes it is told to, and reads answers strictly. Its own sending side stays open until {@link endSending}, so that
 * whatever closes, closes because of the server.
 */
export class Wire {
  private readonly socket: Socket
  private received: Buffer = Buffer.alloc(0)
  private ending: Ending | undefined
  private wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes])
      this.wake()
    })
    socket.on('end', () => this.end('ended'))
    socket.on('error', () => this.end('reset'))
    socket.on('close', () => this.end('reset'))
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect(port, { allowHalfOpen: true })
    await once(socket, CONNECTED)
    return new Wire(socket)
  }

  /** Over a connection that is there already. */
  static over(socket: Socket): Wire {
    return new Wire(socket)
  }

  /** The port this side has. */
  get localPort(): number | undefined {
    return this.socket.localPort
  }

  /** Sends text (one byte for each character) or bytes. */
  send(data: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
  }

  /** Sends each byte in a packet of its own, as far as the system allows. */
  async sendByteByByte(data: string): Promise<void> {
    for (const byte of Buffer.from(data, 'latin1')) {
      this.send(Uint8Array.of(byte))
      await turn()
    }
  }

  /** Closes the sending side only. */
  endSending(): void {
    this.socket.end()
  }

  /** Drops the connection. */
  destroy(): void {
    this.socket.destroy()
  }

  /** Drops the connection with a reset. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Stops reading; what the server sends stays with the system. */
  pause(): void {
    this.socket.pause()
  }

  /** Reads on. */
  resume(): void {
    this.socket.resume()
  }

  /** The next message. A final answer's body depends on the method it answers. */
  async answer(method = 'GET'): Promise<Answer> {
    const first = await this.line()
    const status = /^HTTP\/(\d\.\d) (\d{3}) ([\t -~\x80-\xff]*)$/.exec(first)
    if (status === null) throw new Error(`not a status line: ${JSON.stringify(first)}`)
    const headers = await this.fields()
    const header = (name: string): string | undefined => valueOf(headers, name)
    const code = Number(status[2])
    const framing = framingOf(code, method, header)
    const [body, trailers] = await this.body(framing, header)
    return { version: status[1], status: code, reason: status[3], headers, framing, body, trailers, header }
  }

  /** The next final answer; informational ones before it are dropped. */
  async finalAnswer(method = 'GET'): Promise<Answer> {
    for (;;) {
      const answer = await this.answer(method)
      if (answer.status >= 200) return answer
    }
  }

  /** Sends one request and reads its final answer. */
  async ask(request: string): Promise<Answer> {
    this.send(request)
    return this.finalAnswer(request.slice(0, request.indexOf(' ')))
  }

  /** Waits until the server has closed its side. Bytes nobody has read are an error. */
  async closed(): Promise<Ending> {
    await this.until(() => this.ending !== undefined, 'the server closes the connection')
    if (this.received.length > 0) throw new Error(`unread: ${JSON.stringify(this.received.toString('latin1'))}`)
    return this.ending!
  }

  /** Everything until the server closes its side. */
  async rest(): Promise<Buffer> {
    await this.until(() => this.ending !== undefined, 'the server closes the connection')
    return this.take(this.received.length)
  }

  /** Waits for so many bytes and takes them. */
  async bytes(count: number): Promise<Buffer> {
    await this.until(() => this.received.length >= count || this.ending !== undefined, `${count} bytes arrive`)
    if (this.received.length < count) throw this.cutShort(`${count} bytes`)
    return this.take(count)
  }

  private async line(): Promise<string> {
    let end = -1
    await this.until(() => (end = this.received.indexOf('\r\n')) >= 0 || this.ending !== undefined, 'a line arrives')
    if (end < 0) throw this.cutShort('a line')
    const line = this.take(end).toString('latin1')
    this.take(2)
    return line
  }

  private async fields(): Promise<Array<[string, string]>> {
    const fields: Array<[string, string]> = []
    for (let line = await this.line(); line !== ''; line = await this.line()) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(.*?)[\t ]*$/.exec(line)
      if (field === null) throw new Error(`not a header line: ${JSON.stringify(line)}`)
      fields.push([field[1], field[2]])
    }
    return fields
  }

  private async body(framing: Answer['framing'], header: Answer['header']): Promise<[Buffer, Array<[string, string]>]> {
    if (framing === 'length') return [await this.bytes(Number(header('content-length'))), []]
    if (framing === 'chunked') return this.chunks()
    return [framing === 'close' ? await this.rest() : Buffer.alloc(0), []]
  }

  private async chunks(): Promise<[Buffer, Array<[string, string]>]> {
    const chunks: Buffer[] = []
    for (;;) {
      const line = await this.line()
      if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`)
      const size = Number.parseInt(line, 16)
      if (size === 0) return [Buffer.concat(chunks), await this.fields()]
      chunks.push(await this.bytes(size))
      const end = (await this.bytes(2)).toString('latin1')
      if (end !== '\r\n') throw new Error(`not the end of a chunk: ${JSON.stringify(end)}`)
    }
  }

  private take(count: number): Buffer {
    const taken = this.received.subarray(0, count)
    this.received = this.received.subarray(count)
    return taken
  }

  private end(ending: Ending): void {
    this.ending ??= ending
    this.wake()
  }

  private async until(isDone: () => boolean, what: string): Promise<void> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.wake()
    }, PATIENCE_MS)
    try {
      while (!isDone()) {
        if (late) throw this.cutShort(what)
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }

  private cutShort(what: string): Error {
    const place = this.ending === undefined ? 'still open' : this.ending
    const got = JSON.stringify(this.received.subarray(0, 2000).toString('latin1'))
    return new Error(`waited for ${what}; connection ${place}, got ${this.received.length} bytes: ${got}`)
  }
}

function framingOf(status: number, method: string, header: Answer['header']): Answer['framing'] {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none'
  if (method === 'CONNECT' && status < 300) return 'close'
  if (header('transfer-encoding') !== undefined) return 'chunked'
  return header('content-length') === undefined ? 'close' : 'length'
}

function valueOf(fields: ReadonlyArray<readonly [string, string]>, name: string): string | undefined {
  const values = fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value)
  return values.length === 0 ? undefined : values.join(', ')
}
