import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Request, Response } from '#dist/index'
import { createNodeServer, createServer } from '../_helpers/transport'

/** The two servers the suite runs against. */
export type ServerName = 'millrace' | 'node'

/** What both servers can do for a handler, under one name each. */
export interface Exchange {
  readonly method: string
  readonly url: string
  readonly version: string
  /** Every header line as received. */
  readonly lines: ReadonlyArray<readonly [string, string]>
  header(name: string): string | undefined
  /** The whole body; rejects when it does not arrive. */
  body(): Promise<string>
  /** Every trailer line as received, once the body has been read. */
  trailers(): ReadonlyArray<readonly [string, string]>
  /** Resolves when the client has gone before the answer was complete. */
  gone(): Promise<void>

  status(status: number, reason?: string): this
  set(name: string, value: string | string[]): this
  informational(status: 102 | 103, link?: string): this
  write(chunk: string): this
  end(chunk?: string): this
  /** Ends a chunked answer with a trailer. */
  endWithTrailer(name: string, value: string): this
}

export type Handle = (exchange: Exchange) => unknown

export interface Running {
  readonly port: number
  close(): Promise<void>
}

/** Starts a server with all its defaults. */
export const start: Record<ServerName, (handle: Handle) => Promise<Running>> = {
  async millrace(handle) {
    const server = createServer((request, response) => handle(new MillraceExchange(request, response)))
    const { port } = await server.listen({ host: '127.0.0.1' })
    return { port, close: () => server.close({ timeout: 0 }) }
  },

  async node(handle) {
    const server = createNodeServer((request, response) => {
      // A rejection would end the process: node:http does not look at what a handler returns.
      void Promise.resolve(handle(new NodeExchange(request, response))).catch(() => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    }
  },
}

class MillraceExchange implements Exchange {
  private readonly request: Request
  private readonly response: Response

  constructor(request: Request, response: Response) {
    this.request = request
    this.response = response
  }

  get method(): string {
    return this.request.method
  }

  get url(): string {
    return this.request.url
  }

  get version(): string {
    return this.request.httpVersion
  }

  get lines(): Array<[string, string]> {
    return this.request.headers.raw
  }

  header(name: string): string | undefined {
    return this.request.headers.get(name) ?? undefined
  }

  async body(): Promise<string> {
    return (await this.request.bytes()).toString('latin1')
  }

  trailers(): Array<[string, string]> {
    return this.request.trailers.raw
  }

  gone(): Promise<void> {
    const { signal } = this.request
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve())
    })
  }

  status(status: number, reason?: string): this {
    this.response.status = status
    if (reason !== undefined) this.response.reason = reason
    return this
  }

  set(name: string, value: string | string[]): this {
    this.response.setHeader(name, value)
    return this
  }

  informational(status: 102 | 103, link?: string): this {
    this.response.informational(status, link === undefined ? {} : { link })
    return this
  }

  write(chunk: string): this {
    this.response.write(Buffer.from(chunk, 'latin1'))
    return this
  }

  end(chunk?: string): this {
    this.response.end(chunk === undefined ? undefined : Buffer.from(chunk, 'latin1'))
    return this
  }

  endWithTrailer(name: string, value: string): this {
    this.response.trailers({ [name]: value }).end()
    return this
  }
}

class NodeExchange implements Exchange {
  private readonly request: IncomingMessage
  private readonly response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request
    this.response = response
  }

  get method(): string {
    return this.request.method!
  }

  get url(): string {
    return this.request.url!
  }

  get version(): string {
    return this.request.httpVersion
  }

  get lines(): Array<[string, string]> {
    return pairs(this.request.rawHeaders)
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  async body(): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of this.request) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('latin1')
  }

  trailers(): Array<[string, string]> {
    return pairs(this.request.rawTrailers)
  }

  gone(): Promise<void> {
    return new Promise((resolve) => this.response.once('close', () => resolve()))
  }

  status(status: number, reason?: string): this {
    this.response.statusCode = status
    if (reason !== undefined) this.response.statusMessage = reason
    return this
  }

  set(name: string, value: string | string[]): this {
    this.response.setHeader(name, value)
    return this
  }

  informational(status: 102 | 103, link?: string): this {
    if (status === 102) this.response.writeProcessing()
    else this.response.writeEarlyHints({ link: link ?? '' })
    return this
  }

  write(chunk: string): this {
    this.response.write(Buffer.from(chunk, 'latin1'))
    return this
  }

  end(chunk?: string): this {
    this.response.end(chunk === undefined ? undefined : Buffer.from(chunk, 'latin1'))
    return this
  }

  endWithTrailer(name: string, value: string): this {
    this.response.addTrailers({ [name]: value })
    this.response.end()
    return this
  }
}

function pairs(flat: readonly string[]): Array<[string, string]> {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2], flat[index * 2 + 1]])
}
