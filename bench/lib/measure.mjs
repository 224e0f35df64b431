// One run: a fresh server, its answers checked, a warm-up, and the measured load.

import { join } from 'node:path'

import { CERTIFICATE, KEY } from '../handlers/credentials.mjs'
import { startGenerator } from './generator.mjs'
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
import { connectTls, holdingTls, loadingTls } from './tls.mjs'
import { verify } from './verify.mjs'
import { holdingWebSockets, loadingWebSockets, verifyWebSockets } from './websockets.mjs'

/** The figures of one run of a peer in a scenario; see figures.mjs for what they are called. */
export async function measure(name, scenario, settings) {
  const cores = scenario.unpinned ? {} : { server: 0, client: 1 }
  return withServer(name, scenario, settings, cores.server, async (server) => {
    const fresh = scenario.stalled && residentKiB(server.pid)
    if (scenario.stalled) forgetPeak(server.pid)
    await verifyPeer(name, scenario, server)
    const run = await measured(server, scenario, settings, cores.client)
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
    ? await peer.launch(scenario)
    : { command: [...peer.command(handler, settings), ...(scenario.tls ? [CERTIFICATE, KEY] : [])] }
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
  if (scenario.websocket) return verifyWebSockets(port, scenario)
  const chunked = peers[name].chunked?.includes(scenario.handler)
  const open = scenario.tls && connectTls
  return verify(port, scenario, { chunked, floor: name === 'floor', ...(open && { open }) })
}

async function measured(server, scenario, settings, core) {
  const { warmup, duration } = settings
  const held = scenario.websocket || scenario.tls
  if (held && !scenario.idleConnections) return measureHeld(server, scenario, settings, core)
  if (held) await warmHeld(server, scenario, warmup, core)
  else await load(server.port, scenario, { seconds: warmup, core })
  return scenario.idleConnections ? measureIdle(server, scenario) : measureLoad(server, scenario, duration, core)
}

async function measureLoad(server, scenario, seconds, core) {
  const started = readings(server)
  const before = childrenSeconds('self')
  const summary = await load(server.port, scenario, { seconds, core })
  const ended = readings(server)
  const loading = childrenSeconds('self') - before
  const counted = { ...summary, requests: answered(scenario, summary) }
  return { ...figuresOf(server, counted, scenario, { started, ended, loading }), ...latency(scenario, summary) }
}

/** All of it on the same sockets: opening a thousand costs a server more than many messages. */
async function measureHeld(server, scenario, { warmup, duration: seconds }, core) {
  const client = startGenerator(commandOf(server.port, scenario, { warmup, seconds }), core)
  await client.warm()
  const started = readings(server)
  const before = threadTimes(client.pid)
  const summary = await client.measured()
  const ended = readings(server)
  const loading = timeBetween(before, threadTimes(client.pid), client.pid).total / 1e9
  await client.end()
  const { p50, p99 } = summary
  const counted = { ...summary, requests: answered(scenario, { ...summary, requests: summary.messages }) }
  return {
    ...figuresOf(server, counted, scenario, { started, ended, loading }),
    // With several messages in flight the time of one is not taken.
    ...(p50 !== null && { p50, p99 }),
  }
}

async function warmHeld(server, scenario, seconds, core) {
  const client = startGenerator(commandOf(server.port, scenario, { warmup: 0, seconds }), core)
  await client.warm()
  await client.measured()
  await client.end()
}

function commandOf(port, scenario, times) {
  return scenario.tls ? loadingTls(port, scenario, times) : loadingWebSockets(port, scenario, times)
}

function readings({ pid }) {
  return { threads: threadTimes(pid), machine: machineBusySeconds() }
}

/** `loading` is the time the load itself spent on a core, in seconds. */
function figuresOf(server, { requests, microseconds, bytes }, scenario, { started, ended, loading }) {
  const spent = timeBetween(started.threads, ended.threads, server.pid)
  const accounted = spent.total / 1e9 + loading
  const elapsed = microseconds / 1e6
  return {
    rate: requests / elapsed,
    cpu: spent.total / 1e3 / requests,
    javascript: spent.main / 1e3 / requests,
    ...(scenario.coded && { wire: bytes / requests }),
    resident: residentKiB(server.pid) / 1024,
    // Of one core: what neither the server nor the load used. A run that others disturbed shows here.
    foreign: Math.max(0, (ended.machine - started.machine - accounted) / elapsed),
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
  const [command, ...given] = holding(server.port, scenario)
  const client = converse(command, given)
  if ((await client.line()) !== 'held') throw new Error('the connections were not all answered')
  const after = await settled(server.pid)
  if ((await client.end()) !== 0) throw new Error('connections were lost while memory was read')
  return { memory: (after - before) / scenario.idleConnections, resident: after / 1024 }
}

function holding(port, scenario) {
  if (scenario.websocket) return holdingWebSockets(port, scenario)
  if (scenario.tls) return holdingTls(port, scenario)
  return [process.execPath, join(benchRoot, 'load/hold.mjs'), String(port), String(scenario.idleConnections)]
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
