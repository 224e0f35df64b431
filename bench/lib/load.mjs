// wrk, told what to send and asked for figures.

import { join } from 'node:path'

import { benchRoot } from './peers.mjs'
import { run } from './processes.mjs'

/** Loads a port for some seconds and gives wrk's summary; throws when a request failed. */
export async function load(port, scenario, { seconds, core }) {
  const { request, connections, depth = 1 } = scenario
  const script = join(benchRoot, 'load', depth > 1 ? 'pipelined.lua' : 'wrk.lua')
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '5s', '-s', script]
  const [command, ...rest] = core === undefined ? wrk : ['taskset', '-c', String(core), ...wrk]
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`)
  const body = request.filler ? `@${request.filler}` : request.body
  const url = `http://127.0.0.1:${port}${request.path}`
  const output = await run(command, [...rest, url, '--', String(depth), request.method, body, ...headers])
  const summary = JSON.parse(output.trim().split('\n').at(-1))
  const failed = Object.entries(summary.errors).filter(([, count]) => count > 0)
  if (failed.length > 0) throw new Error(`wrk: ${failed.map(([kind, count]) => `${count} ${kind} errors`).join(', ')}`)
  if (summary.requests === 0) throw new Error('wrk: not one answer')
  return summary
}
