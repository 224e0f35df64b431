// `npm run build [-- --native | --js]`: the addon with its types, the TypeScript, and the entries that are not compiled.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, napiBuild, root, step, tool } from './_shared.mjs'

const only = process.argv.slice(2)
if (!only.includes('--js')) buildAddon()
if (!only.includes('--native')) buildFacade()

function buildAddon() {
  checkCargo()
  const output = join(root, 'build', 'native')
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  if (!step(tool('napi'), napiBuild('build/native'))) fail('the addon did not compile; the reason is above.')

  // Renamed into place, not written over: a process that has the old addon mapped keeps the old file.
  for (const name of readdirSync(output)) renameSync(join(output, name), join(root, name))
}

function buildFacade() {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  if (!step(tool('tsc'), ['-p', 'tsconfig.json'])) fail('the TypeScript did not compile; the reason is above.')
  writeModuleEntries()
  // As npm makes the commands of what it installs.
  chmodSync(join(root, 'dist', 'cli', 'main.js'), 0o755)
}

// import and require must see one and the same module (one addon, one set of servers), so the ES module
// entries hold no code: they name what the CommonJS entries export. scripts/check-generated.mjs compares the lists.
function writeModuleEntries() {
  write(
    'index.mjs',
    `import millrace from './index.js'\nexport const { ${exportsOf('index.js').join(', ')} } = millrace\n`,
  )
  write('index.d.mts', `export * from './index.js'\n`)

  // As with the package `ws`, what is required is the class WebSocket, on which the others hang.
  const names = exportsOf('ws/index.js').join(', ')
  write('ws/index.mjs', `import ws from './index.js'\nexport const { ${names} } = ws\nexport default ws.WebSocket\n`)
  write('ws/index.d.mts', `export * from './index.js'\nexport { WebSocket as default } from './index.js'\n`)
  write('ws/index.cjs', `module.exports = require('./index.js').WebSocket\n`)
  write('ws/index.d.cts', typesOfClassEntry('ws/index.d.ts'))
}

// The values are static members of the class; the types are in a namespace of its name, each with its default arguments:
// TypeScript takes no alias by import of what is exported by `export type`.
function typesOfClassEntry(entry) {
  const source = readFileSync(join(root, 'dist', entry), 'utf8')
  const types = [...source.matchAll(/export type \{ ([^}]*) \}/g)].flatMap(([, list]) => list.split(', '))
  const lines = [
    `import ws = require('./index.js')`,
    'declare const WebSocket: typeof ws.WebSocket',
    'type WebSocket = ws.WebSocket',
    'declare namespace WebSocket {',
    '  type WebSocket = ws.WebSocket',
    '  type WebSocketServer<T extends typeof ws.WebSocket = typeof ws.WebSocket> = ws.WebSocketServer<T>',
    '  type Server<T extends typeof ws.WebSocket = typeof ws.WebSocket> = ws.WebSocketServer<T>',
    ...types.map((name) => `  type ${name} = ws.${name}`),
    '}',
    'export = WebSocket',
  ]
  return `${lines.join('\n')}\n`
}

function exportsOf(entry) {
  const source = readFileSync(join(root, 'dist', entry), 'utf8')
  const names = new Set()
  for (const [, assigned, defined] of source.matchAll(/exports\.(\w+) = |defineProperty\(exports, "(\w+)"/g)) {
    names.add(assigned ?? defined)
  }
  names.delete('__esModule')
  if (names.size === 0) fail(`dist/${entry} exports nothing.`)
  return [...names].sort()
}

function write(name, text) {
  writeFileSync(join(root, 'dist', name), text)
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
