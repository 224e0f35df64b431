import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import type { CodedError, Handler, Server, ServerOptions } from '#dist/index'
import { createServer } from '../_helpers/transport'
import { Wire } from '../_helpers/wire'

export const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n'

/** A request to the handler under test. */
export const FAULTY = 'GET /faulty HTTP/1.1\r\nHost: a\r\n\r\n'

/** The head of a request with a body. */
export const post = (length: number): string => `POST /faulty HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`

/** A wait this long has failed: only there so that it says what it waited for. */
const PATIENCE_MS = 20_000

export interface Served {
  readonly server: Server
  readonly port: number
  /** What `onError` was told about the handler. */
  readonly errors: unknown[]
  open(): Promise<Wire>
  /** Whatever has happened before, the next request is answered, on a connection of its own. */
  answersNext(): Promise<void>
  /** Waits until no connection and no request is left. */
  quiet(): Promise<void>
}

/** A server whose handler is the one under test, except for `/next`. */
export async function serve(t: ExecutionContext, faulty: Handler, options: ServerOptions = {}): Promise<Served> {
  const errors: unknown[] = []
  const server = createServer({
    onError: (error, { request }) => {
      if (request !== undefined) errors.push(error)
    },
    ...options,
    handler: (request, response) => {
      return request.path === '/next' ? response.end('next') : faulty(request, response)
    },
  })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  return {
    server,
    port,
    errors,
    async open() {
      const wire = await Wire.open(port)
      t.teardown(() => wire.destroy())
      return wire
    },
    async answersNext() {
      const wire = await Wire.open(port)
      const answer = await wire.ask(NEXT)
      t.is(answer.status, 200)
      t.is(answer.body.toString(), 'next')
      wire.endSending()
      t.is(await wire.closed(), 'ended')
    },
    async quiet() {
      await until(() => server.stats().connections === 0 && server.stats().pending === 0, 'the server is quiet')
    },
  }
}

/** Waits for something that has no event. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const begin = Date.now(); !isSo();) {
    if (Date.now() - begin > PATIENCE_MS) throw new Error(`waited too long until ${what}`)
    await sleep(2)
  }
}

export function codeOf(error: unknown): string {
  return (error as CodedError).code
}

/** A promise and what settles it. */
export class Deferred<T = void> {
  resolve!: (value: T) => void
  reject!: (error: unknown) => void
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve
    this.reject = reject
  })
}
