// Where a measurement was made, in a line: hardware and versions, nothing that names a machine or its owner.

import { cpus, release, totalmem } from 'node:os'

import { peers } from './peers.mjs'
import { capture } from './processes.mjs'

export function describeEnvironment(names, settings) {
  const versions = {}
  for (const name of names) versions[name] = String(peers[name].version(settings))
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // The number alone: what distributors and clouds append says nothing about speed.
    kernel: /^\d+(\.\d+)*/.exec(release())[0],
    node: capture(settings.node, ['-p', 'process.versions.node']),
    wrk: wrkVersion(),
    versions,
  }
}

export function showEnvironment({ cpu, cores, memoryGiB, kernel, node, wrk, versions }) {
  const others = Object.entries(versions)
    .filter(([name, version]) => name !== 'node' && version !== '')
    .map(([name, version]) => `${name} ${version}`)
  const where = `${cpu}, ${cores} cores, ${memoryGiB} GiB; Linux ${kernel}; Node.js ${node}; wrk ${wrk}`
  return others.length > 0 ? `${where}; ${others.join(', ')}` : where
}

function wrkVersion() {
  // wrk prints its version with its usage and calls that a failure.
  const printed = capture('sh', ['-c', 'wrk -v 2>&1 || true'])
  return /\d+\.\d+\.\d+/.exec(printed)?.[0] ?? 'of unknown version'
}
