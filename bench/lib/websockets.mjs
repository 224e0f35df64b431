// The load of the WebSocket scenarios: what bench-websocket is told.

import { generator } from './generator.mjs'
import { run } from './processes.mjs'

/** Throws when a server gives back anything but what it was given. */
export async function verifyWebSockets(port, scenario) {
  const [command, ...given] = loadingWebSockets(port, scenario, { warmup: 0, seconds: 0 })
  await run(command, given)
}

export function loadingWebSockets(port, { websocket: { load, ...rest } }, times) {
  return generator('bench-websocket', load, port, { ...rest, ...times })
}

/** The command that opens many sockets, has one message echoed on each, says "held", and keeps them. */
export function holdingWebSockets(port, { websocket: { bytes, kind }, idleConnections }) {
  return generator('bench-websocket', 'idle', port, { sockets: idleConnections, bytes, kind })
}
