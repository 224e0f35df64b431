// `npm run check`: everything but the tests, in the order in which a mistake is cheapest to find.
// All steps run, so that one push can answer all of them; what failed is listed at the end.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { locked, root, step, tool } from './_shared.mjs'

const node = (script, ...args) => [process.execPath, [join('scripts', script), ...args]]

const steps = {
  formatting: [tool('prettier'), ['--check', '.']],
  'Rust formatting': ['cargo', ['fmt', '--all', '--check']],
  'Rust formatting of bench': ['cargo', ['fmt', '--all', '--check', '--manifest-path', 'bench/Cargo.toml']],
  'Rust formatting of fuzz': ['cargo', ['fmt', '--check', '--manifest-path', 'fuzz/Cargo.toml']],
  layers: node('check-layers.mjs'),
  documentation: node('check-docs.mjs'),
  lints: [tool('oxlint'), ['--deny-warnings']],
  'Rust lints': ['cargo', ['clippy', '--workspace', '--all-targets', ...locked, '--', '-D', 'warnings']],
  build: node('ensure-built.mjs'),
  types: [tool('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
  'types of the tests': [tool('tsc'), ['--noEmit', '-p', '__test__/tsconfig.json']],
  'tests of bench': ['npm', ['--prefix', 'bench', 'test', '--silent']],
  'generated files': node('check-generated.mjs'),
  'public types': node('check-api.mjs'),
  'the package as published': node('check-packed.mjs'),
  packages: node('check-packages.mjs'),
  'licences, duplicates, sources': ['cargo', ['deny', ...locked, 'check', 'licenses', 'bans', 'sources']],
  advisories: node('check-advisories.mjs'),
}

const failed = []
for (const [name, [command, args]] of Object.entries(steps)) {
  if (args[0] === 'deny' && !hasCargoDeny()) {
    console.log(
      '\nskipped: licences, duplicates and sources of the crates; `cargo install --locked cargo-deny` adds them',
    )
    if (process.env.CI) failed.push(name)
    continue
  }
  if (!step(command, args)) failed.push(name)
}
console.log(failed.length === 0 ? '\nall checks passed' : `\nfailed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

function hasCargoDeny() {
  return spawnSync('cargo', ['deny', '--version'], { cwd: root, stdio: 'ignore' }).status === 0
}
