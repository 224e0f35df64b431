import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import type { ExecutionContext } from 'ava'
import type { Held, Order } from './leaks-program'

// How the leak tests start their program, and compare what it holds.

export const KIB = 1024
export const MIB = 1024 * KIB

export interface Program {
  readonly port: number
  measure(): Promise<Held>
  /** Measures once nothing is left of the clients. */
  quiet(): Promise<Held>
  startWorker(): Promise<number[]>
  workerEnded(): Promise<unknown>
}

/** Starts it; its server speaks TLS when `secure`. */
export async function start(t: ExecutionContext, secure = false): Promise<Program> {
  const child: ChildProcess = fork(path.join(__dirname, 'leaks-program.js'), secure ? ['secure'] : [], {
    execArgv: ['--expose-gc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const order = (what: Order): void => void child.send(what)
  const said = async <T>(): Promise<T> => ((await once(child, 'message')) as [T])[0]
  const measure = (): Promise<Held> => {
    order('measure')
    return said()
  }
  const port = await said<number>()
  return {
    port,
    measure,
    async quiet() {
      for (;;) {
        const held = await measure()
        if (held.connections === 0) return held
      }
    },
    startWorker() {
      order('worker')
      return said()
    },
    workerEnded: said,
  }
}

/** A connection to the program. */
export interface Client {
  readonly socket: Duplex
  /** Ends it by a reset of what is beneath it. */
  reset(): void
}

/** Connects, asks once, and goes: in order, with a reset, or in the middle of a head. */
export async function connections(count: number, open: () => Promise<Client>): Promise<void> {
  for (let i = 0; i < count; i += 50) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const { socket, reset } = await open()
        if (index % 3 === 0) {
          socket.write('GET /hello HT')
        } else {
          socket.write('GET /hello HTTP/1.1\r\nHost: leaks\r\n\r\n')
          await once(socket, 'data')
        }
        if (index % 2 === 0) socket.destroy()
        else reset()
      }),
    )
  }
}

/** Fails unless the program holds about what it held before. */
export async function returns(t: ExecutionContext, program: Program, before: Held, most: number): Promise<void> {
  const after = await program.quiet()
  t.log(
    `resident ${inMib(before.rss)} → ${inMib(after.rss)} MiB, descriptors ${before.descriptors} → ${after.descriptors}`,
  )
  t.true(after.rss - before.rss < most, `resident memory grew by ${inMib(after.rss - before.rss)} MiB`)
  // Other than resident memory, these are exact: what is not collected is held by somebody.
  t.true(after.heap - before.heap < 2 * MIB, `the heap grew by ${inMib(after.heap - before.heap)} MiB`)
  t.true(after.external - before.external < MIB, `buffers grew by ${inMib(after.external - before.external)} MiB`)
  t.is(after.connections, 0)
  t.is(after.pending, 0)
  t.true(after.descriptors <= before.descriptors, `descriptors: ${before.descriptors} → ${after.descriptors}`)
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}
