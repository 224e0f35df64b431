// The load: wrk or, for large bodies, bench-drain; told what to send and asked for figures.

import { join } from 'node:path'

import { benchRoot } from './peers.mjs'
import { run } from './processes.mjs'

/** Loads a port for some seconds and gives the summary; throws when a request failed. */
export async function load(port, scenario, { seconds, core }) {
  const headers = Object.entries(scenario.request.headers).map(([name, value]) => `${name}: ${value}`)
  const command = scenario.drained ? drain(port, scenario, seconds, headers) : wrk(port, scenario, seconds, headers)
  const pinned = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const output = await run(pinned[0], pinned.slice(1))
  const summary = JSON.parse(output.trim().split('\n').at(-1))
  const failed = Object.entries(summary.errors).filter(([, count]) => count > 0)
  if (failed.length > 0) throw new Error(`load: ${failed.map(([kind, count]) => `${count} ${kind} errors`).join(', ')}`)
  if (summary.requests === 0) throw new Error('load: not one answer')
  return summary
}

function wrk(port, { request, connections, depth = 1, paths = [] }, seconds, headers) {
  const script = depth > 1 ? 'pipelined.lua' : paths.length > 0 ? 'rotating.lua' : 'wrk.lua'
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '5s']
  const body = request.filler ? `@${request.filler}` : request.body
  const url = `http://127.0.0.1:${port}${request.path}`
  const asked = [String(depth), request.method, body, ...headers, ...paths]
  return ['wrk', ...options, '-s', join(benchRoot, 'load', script), url, '--', ...asked]
}

function drain(port, { request, connections }, seconds, headers) {
  const binary = join(benchRoot, 'target/release/bench-drain')
  return [binary, ...[port, connections, seconds].map(String), request.method, request.path, ...headers]
}
