// One run: a fresh server, its answers checked, a warm-up, and the measured load.

import { join } from 'node:path'

import { load } from './load.mjs'
import { benchRoot, handlerOf, peers } from './peers.mjs'
import { converse, sleep, startServer } from './processes.mjs'
import {
  childrenSeconds,
  forgetPeak,
  machineBusySeconds,
  peakKiB,
  residentKiB,
  threadTimes,
  timeBetween,
} from './procfs.mjs'
import { verify } from './verify.mjs'

/** The figures of one run of a peer in a scenario; see figures.mjs for what they are called. */
export async function measure(name, scenario, settings) {
  const cores = scenario.unpinned ? {} : { server: 0, client: 1 }
  return withServer(name, scenario, settings, cores.server, async (server) => {
    const fresh = scenario.stalled && residentKiB(server.pid)
    if (scenario.stalled) forgetPeak(server.pid)
    await verifyPeer(name, scenario, server)
    await load(server.port, scenario, { seconds: settings.warmup, core: cores.client })
    const run = scenario.idleConnections
      ? await measureIdle(server, scenario, settings)
      : await measureLoad(server, scenario, settings.duration, cores.client)
    if (scenario.stalled) run.growth = ((await peakWithStalled(server, scenario)) - fresh) / 1024
    if (!peers[name].javascript) delete run.javascript
    return run
  })
}

/** Nothing but the answers: what `measure` begins with. */
export async function check(name, scenario, settings) {
  await withServer(name, scenario, settings, undefined, (server) => verifyPeer(name, scenario, server))
}

async function withServer(name, scenario, settings, core, work) {
  const peer = peers[name]
  const handler = handlerOf(name, scenario)
  const { command, release, ...known } = peer.launch
    ? await peer.launch()
    : { command: peer.command(handler, settings) }
  let server
  try {
    server = await startServer(command, { core, ...known })
    return await work(server)
  } catch (error) {
    throw new Error(`${name}: ${error.message}\n${server?.complaint() ?? ''}`.trim(), { cause: error })
  } finally {
    await server?.stop()
    release?.()
  }
}

function verifyPeer(name, scenario, { port }) {
  const chunked = peers[name].chunked?.includes(scenario.handler)
  return verify(port, scenario, { chunked, floor: name === 'floor' })
}

async function measureLoad(server, scenario, seconds, core) {
  const started = { threads: threadTimes(server.pid), machine: machineBusySeconds(), wrk: childrenSeconds('self') }
  const summary = await load(server.port, scenario, { seconds, core })
  const spent = timeBetween(started.threads, threadTimes(server.pid), server.pid)
  const loading = childrenSeconds('self') - started.wrk
  const accounted = spent.total / 1e9 + loading
  const elapsed = summary.microseconds / 1e6
  const requests = answered(scenario, summary)
  return {
    rate: requests / elapsed,
    cpu: spent.total / 1e3 / requests,
    javascript: spent.main / 1e3 / requests,
    ...latency(scenario, summary),
    ...(scenario.coded && { wire: summary.bytes / requests }),
    resident: residentKiB(server.pid) / 1024,
    // Of one core: what neither the server nor wrk used. A run that others disturbed shows here.
    foreign: Math.max(0, (machineBusySeconds() - started.machine - accounted) / elapsed),
    // Likewise: what the load itself used. Near 1 it was the load that was measured, not the server.
    load: loading / elapsed,
  }
}

/** Answers of many megabytes are few: those under way at the end count as far as they came. */
function answered({ drained, bytesPerRequest }, { requests, bytes }) {
  return drained ? bytes / bytesPerRequest : requests
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

/** The most resident memory so far, after some connections have asked for the body and read nothing of it. */
async function peakWithStalled(server, { stalled, request }) {
  const client = converse(process.execPath, [
    join(benchRoot, 'load/stall.mjs'),
    String(server.port),
    String(stalled),
    request.path,
  ])
  if ((await client.line()) !== 'stalled') throw new Error('the connections that read nothing were not all made')
  const peak = peakKiB(server.pid)
  if ((await client.end()) !== 0) throw new Error('connections were lost while they read nothing')
  return peak
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
