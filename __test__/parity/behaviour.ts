import { setTimeout as sleep } from 'node:timers/promises'
import { Wire, type Answer } from '../_helpers/wire'
import { start, type Handle, type ServerName } from './servers'

/** One thing a client can see, and what the two servers do. Where they differ, both are data, with a reason. */
export type Behaviour = Same | Different

interface Conversation {
  /** The subject of the sentence. */
  readonly what: string
  /** The bytes of the client, one for each character. */
  readonly send: string
  /** The methods of the requests in `send`; by default one, its first word. */
  readonly methods?: readonly string[]
  /** Header names to look at in the answers. */
  readonly show?: readonly string[]
  /** By default `hello`. */
  readonly handle?: Handle
  /** Replaces sending, reading an answer for each method and finding out whether the connection is still open. */
  readonly talk?: (wire: Wire, send: string) => Promise<readonly string[]>
}

interface Same extends Conversation {
  /** The predicate of the sentence. */
  readonly does: string
  readonly seen: readonly string[]
}

export interface Different extends Conversation {
  readonly does: Readonly<Record<ServerName, string>>
  readonly seen: Readonly<Record<ServerName, readonly string[]>>
  /** Why this server does it its own way. */
  readonly because: string
}

/** A part of the suite. */
export interface Chapter {
  readonly title: string
  readonly behaviours: readonly Behaviour[]
}

export function isDifferent(behaviour: Behaviour): behaviour is Different {
  return typeof behaviour.does !== 'string'
}

/** Has the conversation with a server and tells what the client saw. */
export async function observe(name: ServerName, { send, methods, show, handle, talk }: Behaviour): Promise<string[]> {
  const answering = handle ?? hello
  const server = await start[name]((exchange) => (exchange.url === '/probe' ? exchange.end() : answering(exchange)))
  const wire = await Wire.open(server.port)
  try {
    if (talk !== undefined) return [...(await talk(wire, send))]
    wire.send(send)
    return await readAll(wire, methods ?? [send.trimStart().split(' ', 1)[0]], show)
  } finally {
    wire.destroy()
    await server.close()
  }
}

/** Reads an answer for each method, with the informational ones before it, and finds out whether the connection can be used on. */
export async function readAll(wire: Wire, methods: readonly string[], show?: readonly string[]): Promise<string[]> {
  const seen: string[] = []
  for (const method of methods) {
    const isThere = await readOne(wire, method, seen, show)
    if (!isThere) return [...seen, 'no answer']
  }
  return [...seen, await stateOf(wire)]
}

/** Whether another request is answered on the connection. */
export async function stateOf(wire: Wire): Promise<'open' | 'closed'> {
  wire.send('HEAD /probe HTTP/1.1\r\nHost: a\r\n\r\n')
  return wire.answer('HEAD').then(
    () => 'open' as const,
    () => 'closed' as const,
  )
}

/**
 * Status, how the length was told, body, the headers asked for and trailers of an answer in one line. Of an error only the status: its text is for people.
 */
export function told(answer: Answer, show: readonly string[] = []): string {
  if (answer.status >= 400) return String(answer.status)
  const shown = show.map((name) => `${name}=${answer.header(name) ?? '-'}`)
  const trailers = answer.trailers.map(([name, value]) => `${name}=${value}`)
  const body = answer.framing === 'none' ? [] : [JSON.stringify(answer.body.toString('latin1'))]
  return [answer.status, answer.framing, ...body, ...shown, ...trailers].join(' ')
}

export const hello: Handle = (exchange) => exchange.end('hello')

/** Answers with something of the request. */
export function answering(tell: (exchange: Parameters<Handle>[0]) => unknown): Handle {
  return async (exchange) => {
    const value = await tell(exchange)
    exchange.end(typeof value === 'string' ? value : JSON.stringify(value))
  }
}

/** Answers with the body of the request. */
export const echo: Handle = answering((exchange) => exchange.body())

/** A request with these header lines. */
export function request(requestLine: string, ...lines: string[]): string {
  return [`${requestLine} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n')
}

/** Long enough for what was sent before to arrive first; nothing depends on how long. */
export function pause(): Promise<void> {
  return sleep(20)
}

async function readOne(wire: Wire, method: string, seen: string[], show?: readonly string[]): Promise<boolean> {
  for (;;) {
    const answer = await wire.answer(method).catch(() => undefined)
    if (answer === undefined) return false
    seen.push(told(answer, show))
    if (answer.status >= 200) return true
  }
}
