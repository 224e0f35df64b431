import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import type { Handler, Server, ServerOptions } from '#dist/index'
import { connect, CONNECTED, createServer } from '../_helpers/transport'
import { Wire, type Answer } from '../_helpers/wire'

export interface Served {
  server: Server
  port: number
  /** Codes or messages given to `onError`. */
  reported: unknown[]
  /** Asks on a connection of its own. */
  get(target: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>
  /** Opens a connection. */
  wire(): Promise<Wire>
  /** Fails unless the next request is served, and nothing is left of those before. */
  stillServes(): Promise<void>
}

/** A server on real sockets, closed at the end of the test. `/alive` is its own. */
export async function serveFor(t: ExecutionContext, given: Handler, options: ServerOptions = {}): Promise<Served> {
  const reported: unknown[] = []
  const handler: Handler = (request, response) =>
    request.path === '/alive' ? response.end('alive') : given(request, response)
  const server = createServer({ ...options, handler, onError: (error) => reported.push(codeOf(error)) })
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  const wire = async (): Promise<Wire> => {
    const opened = await Wire.open(port)
    t.teardown(() => opened.destroy())
    return opened
  }
  const get: Served['get'] = async (target, headers = {}, method = 'GET') => {
    const connection = await wire()
    const answer = await connection.ask(requestText(target, headers, method))
    connection.destroy()
    return answer
  }
  const stillServes = async (): Promise<void> => {
    t.is((await get('/alive')).body.toString(), 'alive')
    await until(() => server.stats().pending === 0)
    t.is(server.stats().pending, 0)
  }
  return { server, port, reported, get, wire, stillServes }
}

export function requestText(target: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): string {
  const lines = Object.entries({ host: 'test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** A folder that is removed at the end of the test. */
export async function folderFor(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'millrace-answers-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

/** A client that asks and then reads nothing at all. */
export async function deafClient(t: ExecutionContext, port: number, target: string): Promise<{ close(): void }> {
  const socket = connect(port)
  t.teardown(() => socket.destroy())
  await once(socket, CONNECTED)
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(requestText(target))
  return { close: () => socket.resetAndDestroy() }
}

/** Waits for something that is about to happen; whoever calls says what it means when it has not. */
export async function until(isDone: () => boolean): Promise<void> {
  const late = Date.now() + 20_000
  while (!isDone() && Date.now() < late) await sleep(5)
}

/** Waits until so much has been told, and then for what would be too much. */
export async function untilTold(told: readonly unknown[], count: number): Promise<void> {
  await until(() => told.length >= count)
  await sleep(20)
}

export function codeOf(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string }
  return code ?? message ?? error
}
