// The loads in native/ that hold their sockets open: bench-websocket and bench-tls, told what to do in lines.

import { join } from 'node:path'

import { benchRoot } from './peers.mjs'
import { converse } from './processes.mjs'

/** The command line of one, its options as `name=value`. */
export function generator(name, mode, port, options) {
  const given = Object.entries(options).map(([option, value]) => `${option}=${value}`)
  return [join(benchRoot, 'target/release', name), mode, String(port), ...given]
}

/**
 * Starts one, which opens its sockets and loads them. `warm` resolves when they are warm, `measured` loads for some
 * seconds and gives the summary; the sockets then stay open until `end`.
 */
export function startGenerator(command, core) {
  const pinned = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const client = converse(pinned[0], pinned.slice(1))
  return {
    pid: client.pid,
    async warm() {
      const said = await client.line()
      if (said !== 'warm') throw new Error(`load: ${said} where warm was expected`)
    },
    async measured() {
      client.say('go')
      const summary = JSON.parse(await client.line())
      if (summary.messages === 0 && summary.bytes === 0) throw new Error('load: not one answer')
      return summary
    },
    end: () => client.end(),
  }
}
