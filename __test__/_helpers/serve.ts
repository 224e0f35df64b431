import { useBinding } from '#dist/binding'
import { createServer, Server, type Handler, type ServerOptions } from '#dist/index'
import { Batch, fakeBinding, FIRST_PORT, lanes, type FakeLane, type FakeRequest, type Sent } from './fake-lane'
import type { FakeRouteTable } from './fake-route-table'

useBinding(fakeBinding)

export interface Served {
  server: Server
  lane: FakeLane
  /** What the core calls the server. */
  id: number
  /** What the core was told of its routes. */
  table: FakeRouteTable
  /** Hands the facade one request and gives back what it has sent when all promises have run. */
  ask(request?: FakeRequest): Promise<Sent[]>
  /** Hands the facade more records. */
  tell(fill: (batch: Batch) => unknown): Promise<Sent[]>
}

/**
 * A server on the stand-in core. All servers of a file share one lane, so its tests run one after the other
 * (`test.serial`).
 */
export async function serve(given: Handler | readonly Handler[] | ServerOptions | Server): Promise<Served> {
  const server =
    given instanceof Server
      ? given
      : createServer(Array.isArray(given) ? { handler: given } : (given as Handler | ServerOptions))
  const { port } = await server.listen({ host: '127.0.0.1' })
  const lane = lanes.at(-1)!
  const id = port - FIRST_PORT
  return {
    server,
    lane,
    id,
    table: lane.tables.at(-1)!,
    ask: (request = {}) => lane.deliver(new Batch().request({ server: id, ...request })),
    tell: (fill) => {
      const batch = new Batch()
      fill(batch)
      return lane.deliver(batch)
    },
  }
}

/** Lets promises, ticks and one turn of the event loop run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
