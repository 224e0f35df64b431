// One run: a fresh server, its answers checked, a warm-up, and the measured load.

import { join } from 'node:path'

import { load } from './load.mjs'
import { benchRoot, peers } from './peers.mjs'
import { converse, sleep, startServer } from './processes.mjs'
import { childrenSeconds, machineBusySeconds, residentKiB, threadTimes, timeBetween } from './procfs.mjs'
import { verify } from './verify.mjs'

/** The figures of one run of a peer in a scenario; see figures.mjs for what they are called. */
export async function measure(name, scenario, settings) {
  const peer = peers[name]
  const cores = scenario.unpinned ? {} : { server: 0, client: 1 }
  let server
  try {
    server = await startServer(peer.command(scenario.handler, settings), { core: cores.server })
    const chunked = peer.chunked?.includes(scenario.handler)
    await verify(server.port, scenario, { chunked, floor: name === 'floor' })
    await load(server.port, scenario, { seconds: settings.warmup, core: cores.client })
    const run = scenario.idleConnections
      ? await measureIdle(server, scenario, settings)
      : await measureLoad(server, scenario, settings.duration, cores.client)
    if (!peer.javascript) delete run.javascript
    return run
  } catch (error) {
    throw new Error(`${name}: ${error.message}\n${server?.complaint() ?? ''}`.trim(), { cause: error })
  } finally {
    await server?.stop()
  }
}

async function measureLoad(server, scenario, seconds, core) {
  const started = { threads: threadTimes(server.pid), machine: machineBusySeconds(), wrk: childrenSeconds('self') }
  const summary = await load(server.port, scenario, { seconds, core })
  const spent = timeBetween(started.threads, threadTimes(server.pid), server.pid)
  const accounted = spent.total / 1e9 + childrenSeconds('self') - started.wrk
  const elapsed = summary.microseconds / 1e6
  return {
    rate: summary.requests / elapsed,
    cpu: spent.total / 1e3 / summary.requests,
    javascript: spent.main / 1e3 / summary.requests,
    ...latency(scenario, summary),
    resident: residentKiB(server.pid) / 1024,
    // Of one core: what neither the server nor wrk used. A run that others disturbed shows here.
    foreign: Math.max(0, (machineBusySeconds() - started.machine - accounted) / elapsed),
  }
}

/** wrk takes the time of a pipelined answer for that of its whole write: not a figure to compare. */
function latency({ depth = 1 }, { p50, p99, mean }) {
  return depth > 1 ? {} : { p50, p99, mean }
}

/**
 * Resident memory before and with the connections. The warm-up has grown the heap and compiled the code by then; one
 * request was answered on each connection, so that what a connection keeps after its first answer is counted.
 */
async function measureIdle(server, scenario) {
  const before = await settled(server.pid)
  const client = converse(process.execPath, [
    join(benchRoot, 'load/hold.mjs'),
    String(server.port),
    String(scenario.idleConnections),
  ])
  if ((await client.line()) !== 'held') throw new Error('the connections were not all answered')
  const after = await settled(server.pid)
  if ((await client.end()) !== 0) throw new Error('connections were lost while memory was read')
  return { memory: (after - before) / scenario.idleConnections, resident: after / 1024 }
}

/** Resident KiB once it has not changed for a second; within the ten seconds uWebSockets.js keeps idle connections. */
async function settled(pid) {
  let last = residentKiB(pid)
  let still = 0
  for (let waited = 0; waited < 5000 && still < 1000; waited += 250) {
    await sleep(250)
    const now = residentKiB(pid)
    still = now === last ? still + 250 : 0
    last = now
  }
  return last
}
