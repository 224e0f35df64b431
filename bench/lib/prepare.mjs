// Everything a measurement needs, installed and built when it is missing; a clear message when that cannot be done.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

import { writeFiles } from '../handlers/files.mjs'
import { benchRoot, peers, projectRoot } from './peers.mjs'
import { exists } from './processes.mjs'
import { scenarios } from './scenarios.mjs'
import { writeCredentials } from './tls.mjs'

export class PreparationError extends Error {}

const tools = {
  wrk: { probe: '-v', for: 'the load', get: 'apt-get install wrk' },
  taskset: { probe: '-V', for: 'pinning to a core', get: 'apt-get install util-linux' },
}

/** Checks the tools, installs the packages, builds the native peers; gives the peers that can run here. */
export function prepare(wanted, { lock, scenarios: chosen }) {
  if (process.platform !== 'linux') {
    throw new PreparationError('the benchmark reads /proc and pins with taskset: it runs on Linux only')
  }
  if (availableParallelism() < 2)
    throw new PreparationError('the benchmark needs two cores: one for the server, one for the load')
  for (const [tool, { probe, for: purpose, get }] of Object.entries(tools)) {
    if (!exists(tool, probe)) throw new PreparationError(`${tool} is needed for ${purpose}; on Debian: ${get}`)
  }
  const secure = chosen.some((name) => scenarios[name].tls)
  if (secure && !exists('openssl', 'version')) {
    throw new PreparationError('openssl is needed for the certificate of TLS; on Debian: apt-get install openssl')
  }
  if (lock && !exists('flock', '-V'))
    throw new PreparationError('--lock needs flock; on Debian: apt-get install util-linux')
  installPackages(lock)
  if (wanted.includes('millrace')) buildMillrace(lock)
  const loaded = chosen.some((name) => scenarios[name].drained || scenarios[name].websocket || scenarios[name].tls)
  if (loaded || wanted.some((name) => peers[name].native)) buildNative(lock)
  if (chosen.some((name) => scenarios[name].handler === 'files')) writeFiles()
  if (secure) writeCredentials()

  const usable = []
  for (const name of wanted) {
    const reason = peers[name].missing?.()
    if (reason) process.stderr.write(`leaving out ${name}: ${reason}\n`)
    else usable.push(name)
  }
  if (usable.length === 0) throw new PreparationError('no peer is left to measure')
  return usable
}

function installPackages(lock) {
  const installed = join(benchRoot, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(benchRoot, 'package-lock.json')).mtimeMs)
    return
  process.stderr.write('installing the peers (npm ci in bench/)\n')
  step(lock, 'npm', ['ci'], { help: 'npm comes with Node.js' })
}

/** Only when there is nothing to load: whether what there is should be built anew is for its developer to say. */
function buildMillrace(lock) {
  const hasAddon = readdirSync(projectRoot).some((name) => /^millrace\..*\.node$/.test(name))
  if (hasAddon && existsSync(join(projectRoot, 'dist/index.js'))) return
  if (!existsSync(join(projectRoot, 'node_modules'))) {
    throw new PreparationError(
      'millrace is not built: run `npm ci` at the repository root, or leave it out with --peers',
    )
  }
  process.stderr.write('building millrace (npm run build)\n')
  step(lock, 'npm', ['run', 'build'], { cwd: projectRoot, help: 'npm comes with Node.js' })
}

function buildNative(lock) {
  const built = ['bench-drain', 'bench-floor', 'bench-hyper', 'bench-tls', 'bench-websocket']
  if (built.every((name) => existsSync(join(benchRoot, 'target/release', name)))) return
  process.stderr.write('building the native peers and loads (cargo build --release in bench/)\n')
  step(lock, 'cargo', ['build', '--release', '--locked'], {
    help: 'install Rust from rustup.rs, or choose --peers without hyper and floor, and --scenario without large bodies, WebSockets and TLS',
  })
}

function step(lock, command, commandArguments, { cwd = benchRoot, help }) {
  if (!exists(command, '--version')) throw new PreparationError(`${command} is missing: ${help}`)
  const whole = [...(lock ? ['flock', lock] : []), command, ...commandArguments]
  const { status } = spawnSync(whole[0], whole.slice(1), { cwd, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new PreparationError(`${command} ${commandArguments.join(' ')} failed in ${cwd}`)
}
