// What the scripts share: where the repository is, how a step is run, how a failure is told.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** For cargo: in CI a Cargo.lock that does not fit is an error; at a desk cargo brings it up to date. */
export const locked = process.env.CI ? ['--locked'] : []

/** Ends the script with a message a person can act on, without a stack. */
export function fail(message) {
  console.error(`\nmillrace: ${message}\n`)
  process.exit(1)
}

/** Runs a step in the repository's root with its output on the terminal; false when it failed. */
export function step(command, args, options = {}) {
  console.log(`\n> ${[command, ...args].join(' ')}`)
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...shell(command), ...options })
  if (error) console.error(`${command} could not be started: ${error.message}`)
  return status === 0
}

/**
 * Like `step`, and hands back what was printed, so that counts can be read from it. On a terminal what goes to standard
 * error is the terminal's alone, so that progress can be drawn.
 */
export function stepWithOutput(command, args, options = {}) {
  console.log(`\n> ${[command, ...args].join(' ')}`)
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', process.stderr.isTTY ? 'inherit' : 'pipe'],
      ...shell(command),
      ...options,
    })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text) => {
      output += text
      process.stdout.write(text)
    })
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      errors += text
      process.stderr.write(text)
    })
    child.on('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`)
      resolve({ ok: false, output, errors })
    })
    child.on('close', (code) => resolve({ ok: code === 0, output, errors }))
  })
}

/** The path of a development dependency's command, so that no script depends on npm having set PATH. */
export function tool(name) {
  const path = join(root, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name)
  if (!existsSync(path)) fail(`\`${name}\` is not installed. Run \`npm ci\` first.`)
  return path
}

/**
 * What napi is asked for: a release of the addon with its types, in the folder `output`. Not its loader, which heeds
 * variables of the environment that are meant for any package; `src/addon/load.ts` is ours.
 */
export function napiBuild(output) {
  const crate = 'crates/millrace-node/Cargo.toml'
  return [
    'build',
    '--platform',
    '--release',
    '--manifest-path',
    crate,
    '--output-dir',
    output,
    '--no-js',
    '--dts',
    'binding.d.cts',
  ]
}

/** Files below `directory` (all of them, recursively) whose name the filter accepts. */
export function filesBelow(directory, accepts = () => true) {
  const path = join(root, directory)
  if (!existsSync(path)) return []
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && accepts(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/** When the newest of these files was written, in milliseconds; 0 when there is none. */
export function newest(paths) {
  return Math.max(0, ...paths.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0)))
}

// The `.cmd` shims of npm on Windows only start through a shell.
function shell(command) {
  return { shell: process.platform === 'win32' && command.endsWith('.cmd') }
}
