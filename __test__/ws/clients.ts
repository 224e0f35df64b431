import * as undici from 'undici'
import * as ws from 'ws'

export type ClientName = 'ws' | 'undici'

/** What both clients can do, and what they have seen. */
export interface Client {
  /** The next message: text as a string, bytes as hexadecimal digits behind `0x`. */
  next(): Promise<string>
  /** What came and was not asked for. */
  readonly rest: readonly string[]
  send(data: string | Uint8Array): void
  close(code?: number, reason?: string): void
  /** Code and reason of the end, once there is one; the status of a refusal when the client knows it, else 0. */
  readonly closed: Promise<[code: number, reason: string]>
  readonly protocol: () => string
  readonly extensions: () => string
}

export interface ClientOptions {
  readonly protocols?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Opens a WebSocket; rejects with the status of a refusal (0 where the client does not tell). */
export const connect: Record<ClientName, (url: string, options?: ClientOptions) => Promise<Client>> = {
  ws: (url, { protocols = [], headers = {} } = {}) => {
    const socket = new ws.WebSocket(url, [...protocols], { headers })
    const inbox = new Inbox()
    return new Promise((resolve, reject) => {
      const closed = new Promise<[number, string]>((end) => {
        socket.on('close', (code, reason) => {
          inbox.end()
          end([code, String(reason)])
        })
      })
      socket.on('message', (data: Buffer, isBinary) => inbox.put(isBinary ? `0x${data.toString('hex')}` : String(data)))
      socket.on('unexpected-response', (_request, response) => {
        reject(new Refused(response.statusCode!))
        response.destroy()
      })
      socket.on('error', reject)
      socket.on('open', () =>
        resolve({
          next: () => inbox.next(),
          rest: inbox.waiting,
          send: (data) => socket.send(data),
          close: (code, reason) => socket.close(code, reason),
          closed,
          protocol: () => socket.protocol,
          extensions: () => socket.extensions,
        }),
      )
    })
  },

  undici: (url, { protocols = [], headers = {} } = {}) => {
    const socket = new undici.WebSocket(url, { protocols: [...protocols], headers: { ...headers } })
    socket.binaryType = 'arraybuffer'
    const inbox = new Inbox()
    return new Promise((resolve, reject) => {
      const closed = new Promise<[number, string]>((end) => {
        socket.addEventListener('close', ({ code, reason }) => {
          inbox.end()
          end([code, reason])
        })
      })
      socket.addEventListener('message', ({ data }) => {
        inbox.put(typeof data === 'string' ? data : `0x${Buffer.from(data as ArrayBuffer).toString('hex')}`)
      })
      socket.addEventListener('error', () => reject(new Refused(0)))
      socket.addEventListener('open', () =>
        resolve({
          next: () => inbox.next(),
          rest: inbox.waiting,
          send: (data) => socket.send(data as Uint8Array<ArrayBuffer>),
          close: (code, reason) => socket.close(code, reason),
          closed,
          protocol: () => socket.protocol,
          extensions: () => socket.extensions.replace(/;.*/, ''),
        }),
      )
    })
  },
}

/** The server has answered a handshake otherwise. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`refused with ${status}`)
    this.status = status
  }
}

/** Messages that came, and who waits for one. */
class Inbox {
  readonly waiting: string[] = []
  private asked: { resolve: (message: string) => void; reject: (error: Error) => void } | null = null
  private isOver = false

  put(message: string): void {
    if (this.asked === null) this.waiting.push(message)
    else this.asked.resolve(message)
    this.asked = null
  }

  next(): Promise<string> {
    const message = this.waiting.shift()
    if (message !== undefined) return Promise.resolve(message)
    if (this.isOver) return Promise.reject(new Error('closed without another message'))
    return new Promise((resolve, reject) => (this.asked = { resolve, reject }))
  }

  end(): void {
    this.isOver = true
    this.asked?.reject(new Error('closed without another message'))
  }
}
