// Child processes: the servers under test, the lock, and short commands.

import { execFileSync, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** Each child with the signal that ends it. */
const running = new Map()

// Whatever ends the harness, no server stays behind to disturb the next run.
process.on('exit', () => running.forEach((signal, child) => child.kill(signal)))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

/** What a command prints, trimmed; throws with its own complaint when it fails. */
export function capture(command, commandArguments) {
  return execFileSync(command, commandArguments, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** Whether a command can be started at all. */
export function exists(command, ...probe) {
  try {
    execFileSync(command, probe, { stdio: 'ignore' })
    return true
  } catch (error) {
    // It ran and was unhappy with the probe: it is there.
    return error.code !== 'ENOENT'
  }
}

/**
 * Starts a server and waits for the line with its port, or for the port it was told to accept. `core` pins it, and
 * every thread it starts, to one core; `signal` ends it, and what it has started itself.
 */
export async function startServer(command, { core, environment, port: told, signal = 'SIGKILL' } = {}) {
  const pinned = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  // As many descriptors as this user may have. Both wrappers end in exec: the child's id is the server's.
  const child = start('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...pinned], environment, signal)
  let complaint = ''
  child.stderr.on('data', (chunk) => (complaint += chunk))
  const port = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no port after 15 seconds\n${complaint}`)), 15_000)
    const ready = (port) => {
      clearTimeout(timer)
      resolve(port)
    }
    if (told === undefined) createInterface({ input: child.stdout }).once('line', (line) => ready(Number(line)))
    else accepting(told, child).then(() => ready(told))
    child.once('exit', (code, signalled) => {
      clearTimeout(timer)
      reject(new Error(`the server ended with ${signalled ?? code}\n${complaint}`))
    })
  })
  if (!Number.isInteger(port)) throw new Error(`a port was expected on the first line\n${complaint}`)
  return { pid: child.pid, port, stop: () => stop(child, signal), complaint: () => complaint }
}

/** Runs a command to its end and gives what it printed. */
export async function run(command, commandArguments) {
  const child = start(command, commandArguments)
  let output = ''
  let complaint = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (complaint += chunk))
  const code = await new Promise((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', reject)
  })
  if (code !== 0) throw new Error(`${command} ended with ${code}\n${complaint || output}`)
  return output
}

/**
 * A helper that talks in lines: `line()` waits for the next one, `say()` writes one, `end()` closes its input and gives
 * its exit code.
 */
export function converse(command, commandArguments) {
  const child = start(command, commandArguments)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let complaint = ''
  child.stderr.on('data', (chunk) => (complaint += chunk))
  return {
    pid: child.pid,
    async line() {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${command} ended early\n${complaint}`)
      return value
    },
    say: (text) => child.stdin.write(`${text}\n`),
    async end() {
      if (child.exitCode !== null) return child.exitCode
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      return ended
    },
  }
}

/** Holds an advisory lock during `work`; without a file there is nothing to wait for. */
export async function withLock(file, work) {
  if (file === undefined) return work()
  const holder = converse('flock', [file, 'sh', '-c', 'echo held; cat'])
  try {
    await holder.line()
    return await work()
  } finally {
    await holder.end()
  }
}

export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Until the port takes a connection, or nobody is left to open it. */
async function accepting(port, child) {
  while (child.exitCode === null && child.signalCode === null) {
    const accepted = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (accepted) return
    await sleep(20)
  }
}

function start(command, commandArguments, environment, signal = 'SIGKILL') {
  const child = spawn(command, commandArguments, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', ...environment },
  })
  running.set(child, signal)
  child.once('exit', () => running.delete(child))
  return child
}

async function stop(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}
