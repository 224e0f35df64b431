// The arrows between the parts point one way; this keeps them so. What is allowed is in the tables below.

import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { filesBelow, root } from './_shared.mjs'

/** Which of our own crates a crate may use; what is not listed here is refused. */
const crates = {
  'millrace-http1': [],
  'millrace-ws': [],
  'millrace-tls': [],
  'millrace-batch': [],
  'millrace-coding': [],
  'millrace-semantics': [],
  'millrace-server': [
    'millrace-batch',
    'millrace-coding',
    'millrace-http1',
    'millrace-semantics',
    'millrace-tls',
    'millrace-ws',
  ],
  'millrace-node': ['millrace-coding', 'millrace-server', 'millrace-tls'],
  'millrace-testkit': ['millrace-batch', 'millrace-http1', 'millrace-ws'],
}

/** Bytes and time go in, events and bytes come out: these crates have no socket, no clock, no JavaScript. */
const sansIo = [
  'millrace-http1',
  'millrace-semantics',
  'millrace-ws',
  'millrace-tls',
  'millrace-batch',
  'millrace-coding',
]
// std::net's addresses are plain values and welcome; its sockets are not.
const input =
  /\b(tokio|mio|socket2|napi\w*|Tcp(Stream|Listener)|UdpSocket|ToSocketAddrs|Unix(Stream|Listener)|std::thread|Instant|SystemTime)\b/

/** The only crate that may say `unsafe`, each time with its SAFETY line (clippy asks for that). */
const mayBeUnsafe = 'millrace-node'
const unsafeCode = /\bunsafe\s*(\{|fn\b|impl\b|trait\b|extern\b|\()/

/** What only one TypeScript module may do. (`head.ts` prepares words for `outbound.ts` to copy, and
 * `addon/load.ts` looks at the head of a file: they know no record.) */
const modules = [
  {
    only: ['binding.ts', join('addon', 'load.ts')],
    pattern: /binding\.cjs|\.node['"`]|node-gyp-build|process\.dlopen|createRequire/,
    what: 'loads the addon',
  },
  {
    only: ['inbound.ts', 'outbound.ts', 'socket-records.ts', 'head.ts', join('addon', 'load.ts')],
    pattern:
      /\b(Int32Array|Uint32Array|Big(Int|Uint)64Array|DataView)\b|\.(read|write|get|set)(Big)?U?[Ii]nt(16|32|64)/,
    what: 'reads or writes records at byte offsets',
  },
]

const problems = []
for (const [name, uses] of Object.entries(crates)) checkCrate(name, uses)
for (const file of filesBelow('src', (name) => name.endsWith('.ts'))) checkModule(file)

for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'layers: as drawn' : `layers: ${problems.length} arrow(s) point the wrong way`)
process.exitCode = problems.length === 0 ? 0 : 1

function checkCrate(name, uses) {
  const manifest = join('crates', name, 'Cargo.toml')
  if (!existsSync(join(root, manifest))) return

  for (const dependency of dependencies(readFileSync(join(root, manifest), 'utf8'))) {
    if (dependency in crates && !uses.includes(dependency)) report(manifest, 0, `${name} must not use ${dependency}`)
    if (sansIo.includes(name) && input.test(dependency)) report(manifest, 0, `${name} must stay free of ${dependency}`)
  }
  for (const file of filesBelow(join('crates', name), (path) => path.endsWith('.rs'))) {
    const inSource = relative(join(root, 'crates', name), file).startsWith(`src${sep}`)
    eachLine(file, (line, number) => {
      if (name !== mayBeUnsafe && unsafeCode.test(line)) report(file, number, `only ${mayBeUnsafe} may say unsafe`)
      if (inSource && sansIo.includes(name)) {
        const [found] = input.exec(line) ?? []
        if (found) report(file, number, `${name} is sans-I/O, and this names ${found}`)
      }
    })
  }
}

function checkModule(file) {
  const name = relative(join(root, 'src'), file)
  eachLine(file, (line, number) => {
    for (const { only, pattern, what } of modules) {
      if (!only.includes(name) && pattern.test(line)) report(file, number, `only src/${only[0]} ${what}`)
    }
  })
}

// The names under [dependencies]; what only tests or the build use is their own affair.
function dependencies(manifest) {
  const names = []
  let section = ''
  for (const line of manifest.split('\n')) {
    section = /^\[(.*)\]$/.exec(line)?.[1] ?? section
    const name = /^([\w-]+)(\.\w+)? *=/.exec(line)?.[1]
    if (name && /(^|\.)dependencies$/.test(section)) names.push(name)
    const table = /(^|\.)dependencies\.([\w-]+)$/.exec(section)?.[2]
    if (table && !names.includes(table)) names.push(table)
  }
  return names
}

// Comments may name anything. Good enough for code that prettier and rustfmt have laid out.
function eachLine(file, visit) {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
  text.split('\n').forEach((line, index) => visit(line.replace(/(^|[^:])\/\/.*$/, '$1'), index + 1))
}

function report(file, line, problem) {
  problems.push(`${isAbsolute(file) ? relative(root, file) : file}${line ? `:${line}` : ''}: ${problem}`)
}
