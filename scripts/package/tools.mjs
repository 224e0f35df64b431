// Finds what the packages are built with, and gets what is missing where that is a matter of one command.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root, step } from '../_shared.mjs'

/** A tool is missing, and the message says how to get it. */
export class MissingTool extends Error {}

/** Zig is the C compiler and the linker: it has the headers of every glibc and of musl with it. */
const pinned = { ziglang: '0.17.1', 'cargo-zigbuild': '0.24.0' }

/**
 * The environment in which `cargo zigbuild` works: the one there is, when the command is on the PATH; else with a
 * virtual environment of Python in target/tools, where both come from PyPI at the pinned versions.
 */
export function zigEnvironment(env = process.env) {
  if (runs('cargo-zigbuild', ['--version'], env) && runs('zig', ['version'], env)) return env

  const folder = join(root, 'target', 'tools', `zig-${pinned.ziglang}-${pinned['cargo-zigbuild']}`)
  const bin = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin')
  const own = { ...env, PATH: `${bin}${delimiter}${env.PATH}` }
  if (!runs('cargo-zigbuild', ['--version'], own)) installZig(folder, bin)
  return own
}

/** Adds the Rust target to the toolchain when it is not there. */
export function ensureRustTarget(target) {
  const library = output('rustc', ['--print', 'target-libdir', '--target', target])
  if (library && existsSync(library)) return
  if (!step('rustup', ['target', 'add', target])) {
    throw new MissingTool(
      `Rust's library for ${target} is not installed. With rustup, \`rustup target add ${target}\` adds it; a Rust of ` +
        'the system’s packages has it in a package of its own, if at all.',
    )
  }
}

/** An objcopy that takes every machine's ELF files, with its environment: the one that comes with Rust, or LLVM's. */
export function findObjcopy() {
  const host = /^host: (.*)$/m.exec(output('rustc', ['-vV']) ?? '')?.[1]
  const library = join(output('rustc', ['--print', 'sysroot']) ?? '', 'lib')
  const ofRust = join(library, 'rustlib', host ?? '', 'bin', 'rust-objcopy')
  // Rust's is linked with the LLVM of the compiler, and does not say where that lies.
  const env = { ...process.env, LD_LIBRARY_PATH: library }
  const command = [ofRust, 'llvm-objcopy'].find((name) => runs(name, ['--version'], env))
  if (command) return { command, env }
  throw new MissingTool(
    'Neither rust-objcopy, which comes with the toolchains of rustup, nor llvm-objcopy was found (Debian: ' +
      'apt-get install llvm). One of them keeps the symbols apart from the addon.',
  )
}

function installZig(folder, bin) {
  const python = ['python3', 'python'].find((command) => runs(command, ['-c', 'import venv, ensurepip']))
  if (!python) {
    throw new MissingTool(
      'The addons for Linux are built with cargo-zigbuild, which is not on the PATH. It can be installed from PyPI ' +
        'into target/tools, but there is no Python with venv and pip (Debian: apt-get install python3-venv).',
    )
  }
  mkdirSync(join(root, 'target', 'tools'), { recursive: true })
  const packages = Object.entries(pinned).map(([name, version]) => `${name}==${version}`)
  const isInstalled =
    step(python, ['-m', 'venv', '--clear', folder]) &&
    step(join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages])
  if (!isInstalled) {
    throw new MissingTool(
      `${packages.join(' and ')} could not be installed from PyPI; the reason is above. ` +
        'Where PyPI cannot be reached, put `zig` and `cargo-zigbuild` on the PATH.',
    )
  }
}

function runs(command, args, env = process.env) {
  return spawnSync(command, args, { stdio: 'ignore', env }).status === 0
}

function output(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', cwd: root })
  return status === 0 ? stdout.trim() : undefined
}
