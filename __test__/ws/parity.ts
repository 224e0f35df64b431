import { once } from 'node:events'
import test from 'ava'
import type { ServerOptions, WebSocketServer } from 'ws'
import { WS } from '../_helpers/transport'
import { connect, type Client, type ClientName, type ClientOptions } from './clients'
import { libraries, type LibraryName, type Shared, type Ws } from './libraries'

/** What a program has at hand, whichever package it runs with. */
export interface Stage {
  readonly name: LibraryName
  readonly lib: Ws
  /** Notes what was seen; the same has to be seen with both packages. */
  readonly log: (...seen: unknown[]) => void
  /** Starts a server on a port of its own. */
  serve(options?: ServerOptions): Promise<WebSocketServer>
  /** A server for plain requests whose port is shared. */
  share(): Shared
  connect(to: WebSocketServer | string, options?: ClientOptions): Promise<Client>
  /** For servers that the program makes itself. */
  onEnd(end: () => unknown): void
}

/**
 * Runs a program with both packages and compares what is seen with what is expected.
 *
 * @param clients which clients it is run with, one after the other
 */
export function same(
  title: string,
  clients: readonly ClientName[],
  program: (stage: Stage) => Promise<void>,
  expected: readonly unknown[],
): void {
  each(title, clients, program, { ws: expected, 'millrace/ws': expected })
}

/** As {@link same}, where what is seen differs for a reason that is told in docs/coming-from/ws.md. */
export function different(
  title: string,
  clients: readonly ClientName[],
  program: (stage: Stage) => Promise<void>,
  expected: Record<LibraryName, readonly unknown[]>,
): void {
  each(title, clients, program, expected)
}

function each(
  title: string,
  clients: readonly ClientName[],
  program: (stage: Stage) => Promise<void>,
  expected: Record<LibraryName, readonly unknown[]>,
): void {
  for (const name of ['ws', 'millrace/ws'] as const) {
    for (const client of clients) {
      test(`${name}, client ${client}: ${title}`, async (t) => {
        const seen: unknown[] = []
        const ends: Array<() => unknown> = []
        t.teardown(async () => {
          for (const end of ends.toReversed()) await end()
        })
        const lib = libraries[name]
        await program({
          name,
          lib,
          log: (...what) => void seen.push(what.length === 1 ? what[0] : what),
          async serve(options = {}) {
            const wss = new lib.WebSocketServer({ port: 0, host: '127.0.0.1', ...options })
            ends.push(() => stop(wss))
            await once(wss, 'listening')
            return wss
          },
          share() {
            const shared = lib.share()
            ends.push(() => shared.close())
            return shared
          },
          connect: (to, options) => connect[client](typeof to === 'string' ? to : urlOf(to), options),
          onEnd: (end) => void ends.push(end),
        })
        t.deepEqual(seen, [...expected[name]])
      })
    }
  }
}

export function urlOf(wss: WebSocketServer, path = '/'): string {
  return `${WS}://127.0.0.1:${portOf(wss)}${path}`
}

export function portOf(wss: WebSocketServer): number {
  return (wss.address() as { port: number }).port
}

function stop(wss: WebSocketServer): Promise<void> {
  return new Promise((resolve) => {
    wss.close(() => resolve())
    for (const client of wss.clients ?? []) client.terminate()
  })
}
