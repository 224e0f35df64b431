// The load of the WebSocket scenarios: bench-websocket, told what to do and asked for figures.

import { join } from 'node:path'

import { benchRoot } from './peers.mjs'
import { converse, run } from './processes.mjs'

/** Throws when a server gives back anything but what it was given. */
export async function verifyWebSockets(port, scenario) {
  const [command, ...given] = loading(port, scenario, { warmup: 0, seconds: 0 })
  await run(command, given)
}

/**
 * Opens the sockets and loads them. `warm` resolves when they are warm, `measured` loads for some seconds and gives the
 * summary; the sockets then stay open until `end`.
 */
export function startWebSockets(port, scenario, { warmup, seconds, core }) {
  const command = loading(port, scenario, { warmup, seconds })
  const pinned = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const client = converse(pinned[0], pinned.slice(1))
  return {
    pid: client.pid,
    async warm() {
      expect('warm', await client.line())
    },
    async measured() {
      client.say('go')
      const summary = JSON.parse(await client.line())
      if (summary.messages === 0) throw new Error('load: not one message')
      return summary
    },
    end: () => client.end(),
  }
}

/** The command that opens many sockets, has one message echoed on each, says "held", and keeps them. */
export function holdingWebSockets(port, { websocket: { bytes, kind }, idleConnections }) {
  return generator('idle', port, { sockets: idleConnections, bytes, kind })
}

function loading(port, { websocket: { load, ...rest } }, times) {
  return generator(load, port, { ...rest, ...times })
}

function generator(mode, port, options) {
  const given = Object.entries(options).map(([name, value]) => `${name}=${value}`)
  return [join(benchRoot, 'target/release/bench-websocket'), mode, String(port), ...given]
}

function expect(word, said) {
  if (said !== word) throw new Error(`load: ${said} where ${word} was expected`)
}
