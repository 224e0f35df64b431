// `npm run build [-- --native | --js]`: the addon with its loader, the TypeScript, and the ES module entry.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root, step, tool } from './_shared.mjs'

const only = process.argv.slice(2)
if (!only.includes('--js')) buildAddon()
if (!only.includes('--native')) buildFacade()

function buildAddon() {
  checkCargo()
  const output = join(root, 'build', 'native')
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  const args = ['build', '--platform', '--release', '--manifest-path', 'crates/millrace-node/Cargo.toml']
  args.push('--output-dir', 'build/native', '--js', 'binding.cjs', '--dts', 'binding.d.cts')
  if (!step(tool('napi'), args)) fail('the addon did not compile; the reason is above.')

  // Renamed into place, not written over: a process that has the old addon mapped keeps the old file.
  for (const name of readdirSync(output)) renameSync(join(output, name), join(root, name))
}

function buildFacade() {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  if (!step(tool('tsc'), ['-p', 'tsconfig.json'])) fail('the TypeScript did not compile; the reason is above.')
  writeModuleEntry()
}

// import and require must see one and the same module (one addon, one set of servers), so the ES module
// entry holds no code: it names what the CommonJS entry exports. scripts/check-generated.mjs compares the lists.
function writeModuleEntry() {
  const source = readFileSync(join(root, 'dist', 'index.js'), 'utf8')
  const names = new Set()
  for (const [, assigned, defined] of source.matchAll(/exports\.(\w+) = |defineProperty\(exports, "(\w+)"/g)) {
    names.add(assigned ?? defined)
  }
  names.delete('__esModule')
  if (names.size === 0) fail('dist/index.js exports nothing.')

  const list = [...names].sort().join(', ')
  writeFileSync(
    join(root, 'dist', 'index.mjs'),
    `import millrace from './index.js'\nexport const { ${list} } = millrace\n`,
  )
  writeFileSync(join(root, 'dist', 'index.d.mts'), `export * from './index.js'\n`)
}

function checkCargo() {
  const wanted = /rust-version = "(\d+)\.(\d+)"/.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))
  const { stdout, error } = spawnSync('cargo', ['--version'], { cwd: root, encoding: 'utf8' })
  if (error || !stdout) {
    fail(
      `the core is written in Rust, and no \`cargo\` was found on the PATH. Install Rust ${wanted[1]}.${wanted[2]} ` +
        'or newer (https://rustup.rs, or your system’s packages), open a new shell and try again.',
    )
  }
  const found = /(\d+)\.(\d+)/.exec(stdout)
  if (+found[1] < +wanted[1] || (+found[1] === +wanted[1] && +found[2] < +wanted[2])) {
    fail(`the core needs Rust ${wanted[1]}.${wanted[2]} or newer, and this is ${stdout.trim()}. Try \`rustup update\`.`)
  }
}
