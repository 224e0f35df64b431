// Writes what the packages are made of into build/sbom, in CycloneDX 1.5: millrace-<version>-npm.cdx.json has the
// packages that npm installs, millrace-<version>-addon.cdx.json the crates that are linked into the addon, for all eight
// platforms. The same commit gives the same bytes.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fail, root } from '../_shared.mjs'
import { mainManifest } from '../package/manifests.mjs'
import { isLinked, publishedLock, settle } from './bom.mjs'
import { environmentOf } from './tools.mjs'

const output = join(root, 'build', 'sbom')
const manifest = json(root, 'package.json')
const when = new Date(Number(process.env.SOURCE_DATE_EPOCH || run('git', ['log', '-1', '--format=%ct'])) * 1000)

const env = environmentOf('cargo-cyclonedx')
rmSync(output, { recursive: true, force: true })
mkdirSync(output, { recursive: true })
write('npm', billOfPackages())
write('addon', billOfCrates())

// Of the packages as they are published: the repository's own lock file is mostly about the tools.
function billOfPackages() {
  const folder = join(mkdtempSync(join(tmpdir(), 'millrace-sbom-')), 'millrace')
  mkdirSync(folder)
  const published = mainManifest(manifest)
  writeFileSync(join(folder, 'package.json'), JSON.stringify(published))
  writeFileSync(
    join(folder, 'package-lock.json'),
    JSON.stringify(publishedLock(json(root, 'package-lock.json'), published)),
  )
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=library', '--package-lock-only']
  const bill = JSON.parse(run('npm', args, { cwd: folder, shell: process.platform === 'win32' }))
  rmSync(join(folder, '..'), { recursive: true, force: true })
  return bill
}

// cargo-cyclonedx writes a file beside the manifest of each crate of the workspace; that of the addon has the others.
function billOfCrates() {
  const name = 'cyclonedx-of-millrace'
  const crates = readdirSync(join(root, 'crates'))
  const file = (crate) => join(root, 'crates', crate, `${name}.json`)
  const args = ['cyclonedx', '--manifest-path', 'crates/millrace-node/Cargo.toml', '--format', 'json', '--quiet']
  try {
    run(
      'cargo',
      [...args, '--spec-version', '1.5', '--target', 'all', '--no-build-deps', '--override-filename', name],
      {
        env: { ...env, SOURCE_DATE_EPOCH: String(when / 1000) },
      },
    )
    return readFileSync(file('millrace-node'), 'utf8')
  } finally {
    for (const crate of crates) rmSync(file(crate), { force: true })
  }
}

function write(part, bill) {
  const path = join(output, `millrace-${manifest.version}-${part}.cdx.json`)
  const settled = settle(bill, { when, root })
  if (part === 'addon') checkCrates(settled)
  writeFileSync(path, `${JSON.stringify(settled, null, 2)}\n`)
  console.log(`${relative(root, path)}: ${settled.components.length} components`)
}

// A bill without the parts that matter most would look as good as any.
function checkCrates({ components }) {
  const missing = ['aws-lc-sys', 'rustls', 'tokio', 'zstd-sys'].filter((name) => !isLinked(components, name))
  if (missing.length > 0) fail(`the bill of the addon has no ${missing.join(', ')}.`)
}

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 27,
    ...options,
  })
  if (status !== 0) fail(`${command} ${args[0]} failed.\n\n${error?.message ?? stderr}`)
  return stdout
}

function json(...path) {
  return JSON.parse(readFileSync(join(...path), 'utf8'))
}
