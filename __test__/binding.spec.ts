import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { checkWhole } from '#dist/addon/load'
import { PLATFORMS, platformsFor } from '#dist/addon/platforms'
import { currentSystem } from '#dist/addon/system'

// Copies of the package without its addon, and with platform packages that the test has made up.

const home = path.dirname(require.resolve('millrace/package.json'))

/** A project with the package and no addon, and with these platform packages. */
function installed(t: ExecutionContext, packages: Record<string, { version: string; code?: string }> = {}): string {
  const project = mkdtempSync(path.join(tmpdir(), 'millrace-binding-'))
  t.teardown(() => rmSync(project, { recursive: true }))
  const modules = path.join(project, 'node_modules')
  mkdirSync(path.join(modules, 'millrace'), { recursive: true })
  cpSync(path.join(home, 'dist'), path.join(modules, 'millrace', 'dist'), { recursive: true })
  cpSync(path.join(home, 'package.json'), path.join(modules, 'millrace', 'package.json'))
  symlinkSync(path.join(home, 'node_modules', 'node-gyp-build'), path.join(modules, 'node-gyp-build'), 'junction')
  for (const [platform, { version, code }] of Object.entries(packages)) {
    const directory = path.join(modules, `millrace-${platform}`)
    mkdirSync(directory)
    const manifest = { name: `millrace-${platform}`, version, main: 'addon.js' }
    writeFileSync(path.join(directory, 'package.json'), JSON.stringify(manifest))
    if (code !== undefined) writeFileSync(path.join(directory, 'addon.js'), code)
  }
  return project
}

/** The same for every platform, so that one is for that of the test. */
function forAll(version: string, code?: string): Record<string, { version: string; code?: string }> {
  return Object.fromEntries(PLATFORMS.map((name) => [name, code === undefined ? { version } : { version, code }]))
}

function listen(directory: string, ...flags: string[]): string {
  const program = `
    const { createServer } = require('millrace')
    createServer().listen().then(() => console.log('listening'), (error) => {
      console.log(error.code, '|', error.message, '|', error.cause?.errors?.length)
    })`
  return spawnSync(process.execPath, [...flags, '-e', program], { cwd: directory, encoding: 'utf8' }).stdout
}

test('without an addon listen rejects with one error that names every place and what to do', (t) => {
  const said = listen(installed(t))
  t.regex(
    said,
    /^ERR_ADDON_UNAVAILABLE \| The native part of millrace \S+ could not be loaded on \w+-\w+.* with Node\.js \d/,
  )
  t.regex(said, /\n {2}- millrace-[\w-]+: not installed\n/)
  t.regex(said, /\n {2}- build\/Release and prebuilds in .*millrace: nothing for this platform\n/)
  t.regex(said, /optional dependency/)
  t.regex(said, /\| 2$/m)
})

test('each call that needs the addon fails again, with the same error', (t) => {
  const program = `const server = require('millrace').createServer()
    server.listen().catch((one) => server.listen().catch((two) => console.log(one.message === two.message, two.code)))`
  const { stdout } = spawnSync(process.execPath, ['-e', program], { cwd: installed(t), encoding: 'utf8' })
  t.is(stdout, 'true ERR_ADDON_UNAVAILABLE\n')
})

test('an addon of another version is refused', (t) => {
  const said = listen(installed(t, forAll('0.0.1', `exports.version = () => '0.0.1'`)))
  t.regex(said, /ERR_ADDON_UNAVAILABLE/)
  t.regex(said, /its addon has version 0\.0\.1, and this package has version/)
  t.regex(said, /keeps millrace-[\w-]+ at 0\.0\.1 \(in .*\)/)
})

test('what is no addon of millrace is refused', (t) => {
  t.regex(listen(installed(t, forAll('0.1.0', ''))), /what is there is no addon of millrace/)
})

test('what the addon throws when it is loaded is told', (t) => {
  const said = listen(
    installed(t, forAll('0.1.0', `throw new Error('/lib/libc.so.6: version \`GLIBC_2.99\\' not found')`)),
  )
  t.regex(said, /GLIBC_2\.99' not found\n/)
  t.regex(said, /needs glibc 2\.99 or newer/)
})

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('an addon whose end is missing is told as damaged, and ends no process', (t) => {
  const [platform] = platformsFor(currentSystem())
  const name = `millrace.${platform}.node`
  const whole = path.join(home, name)
  const { length } = readFileSync(whole)
  for (const [kept, said] of [
    [20, /file too short/],
    [100_000, /only 100000 of \d+ bytes are there/],
    [length - 1, new RegExp(`only ${length - 1} of ${length} bytes are there`)],
  ] as const) {
    const project = installed(t, { [platform!]: { version: '0.1.0' } })
    const modules = path.join(project, 'node_modules')
    const directory = path.join(modules, `millrace-${platform}`)
    writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ name: `millrace-${platform}`, main: name }))
    for (const file of [path.join(modules, 'millrace', name), path.join(directory, name)]) {
      cpSync(whole, file)
      truncateSync(file, kept)
    }
    const message = listen(project)
    t.is(message.split('\n').filter((line) => said.test(line)).length, 2, message)
    t.regex(message, /The file is damaged: half downloaded, or changed on its way\./)
  }
})

onLinux('an addon without a table of sections is left to the loader of the system', (t) => {
  const file = path.join(installed(t), 'addon.node')
  const bytes = Buffer.alloc(64)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1])
  for (const given of [bytes, bytes.subarray(0, 10), Buffer.from('text')]) {
    writeFileSync(file, given)
    t.notThrows(() => checkWhole(file))
  }
  t.notThrows(() => checkWhole(`${file}.missing`))
})

test('a platform package without its file is told from one that is not installed', (t) => {
  const said = listen(installed(t, forAll('0.1.0')))
  t.regex(said, /: installed without its file\n/)
  t.regex(said, /The file of the addon is missing from .*node_modules.millrace-/)
})

test('the package of another platform alone is told as such', (t) => {
  const other = PLATFORMS.find((name) => !name.startsWith(process.platform))!
  const said = listen(installed(t, { [other]: { version: '0.1.0', code: '' } }))
  t.regex(said, new RegExp(`millrace-${other} is installed instead: node_modules was made on, or for, another system`))
})

test('the manager that left the addon out is known by what it leaves in node_modules', (t) => {
  for (const [file, said] of [
    ['.package-lock.json', /npm install --include=optional/],
    ['.modules.yaml', /pnpm-workspace\.yaml/],
    ['.yarn-state.yml', /\.yarnrc\.yml/],
    ['.yarn-integrity', /--ignore-optional/],
  ] as const) {
    const project = installed(t)
    writeFileSync(path.join(project, 'node_modules', file), '')
    t.regex(listen(project), said)
  }
})

test('a runtime that loads no addons is told so', (t) => {
  // Only what is an addon meets the flag: any file will do, as it is not looked into.
  const packages = forAll('0.1.0', `module.exports = require('./none.node')`)
  const project = installed(t, packages)
  for (const platform of PLATFORMS) {
    writeFileSync(path.join(project, 'node_modules', `millrace-${platform}`, 'none.node'), '')
  }
  t.regex(listen(project, '--no-addons'), /start it without --no-addons/)
})

test('a bundle without the addon is told to leave millrace out', (t) => {
  const project = installed(t)
  // As a bundler leaves it: the files lie where no package.json names millrace.
  const manifest = path.join(project, 'node_modules', 'millrace', 'package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  writeFileSync(manifest, JSON.stringify({ name: 'shop', version, main: './dist/index.js' }))
  const said = listen(project)
  t.regex(said, /not looked at, as this is a bundle/)
  t.regex(said, /Leave it out of the bundle/)
})

test('making a server loads no addon', (t) => {
  const project = installed(t, forAll('0.1.0', `console.log('loaded')`))
  const program = `const server = require('millrace').createServer(); console.log(server.stats().requests)`
  t.is(spawnSync(process.execPath, ['-e', program], { cwd: project, encoding: 'utf8' }).stdout, '0\n')
})
