// Builds the addon of one platform as it is shipped, with its symbols still in it.

import { spawnSync } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fail, napiBuild, root, step, tool } from '../_shared.mjs'
import { glibcFloor } from './platforms.mjs'
import { MissingTool, ensureRustTarget, zigEnvironment } from './tools.mjs'

// A directory of its own: with another C compiler everything in C would be built anew at each turn.
const targetDirectory = join(root, 'target', 'package')

/** Builds, and gives the path of the library, beside which Windows' PDB and macOS' dSYM lie. */
export function buildAddon(platform) {
  ensureRustTarget(platform.target)
  const isForLinux = platform.os === 'linux'
  if (!isForLinux && platform.os !== process.platform) {
    throw new MissingTool(
      `${platform.target} is built on ${platform.os === 'darwin' ? 'macOS' : 'Windows'} only: its linker and its ` +
        'libraries are of that system. The release workflow does it there.',
    )
  }
  const target = platform.libc === 'glibc' ? `${platform.target}.${glibcFloor}` : platform.target
  const args = [...napiBuild(generatedBy(platform)), '--target', target, '--target-dir', targetDirectory]
  // As napi calls it: by cargo-zigbuild.
  if (isForLinux) args.push('--cross-compile')
  const env = isForLinux ? zigEnvironment() : process.env
  if (!step(tool('napi'), [...args, '--', '--locked'], { env: { ...env, ...flags(platform) } })) {
    fail(`the addon for ${platform.target} did not compile; the reason is above.`)
  }
  return join(targetDirectory, platform.target, 'release', libraryName(platform))
}

/** The folder with what napi has written along with a platform's addon. */
export function generatedBy(platform) {
  return join(root, 'build', 'generated', platform.name)
}

function libraryName({ os }) {
  if (os === 'win32') return 'millrace_node.dll'
  return os === 'darwin' ? 'libmillrace_node.dylib' : 'libmillrace_node.so'
}

// What cargo and the C compiler are told beyond the release profile.
function flags(platform) {
  const rust = remappedPaths().map(([from, to]) => `--remap-path-prefix=${from}=${to}`)
  if (platform.os === 'linux') rust.push('-Clink-arg=-Wl,--build-id=sha1')
  // A shared library of musl has the libc of the process; Rust links its own by default.
  if (platform.libc === 'musl') rust.push('-Ctarget-feature=-crt-static')
  if (platform.os === 'darwin') rust.push('-Csplit-debuginfo=packed')

  const name = platform.target.replaceAll('-', '_')
  const c = remappedPaths().map(([from, to]) => `-ffile-prefix-map=${from}=${to}`)
  return {
    // Encoded, since a path may have spaces; and in place of RUSTFLAGS, so that the same comes out on every machine.
    CARGO_ENCODED_RUSTFLAGS: rust.join('\x1f'),
    ...(platform.os === 'win32' ? {} : { [`CFLAGS_${name}`]: c.join(' ') }),
    ...(platform.os === 'darwin' ? { MACOSX_DEPLOYMENT_TARGET: platform.minimumOs } : {}),
  }
}

// Panics and symbols name source files: by where they are in the sources, not by where those lie on this machine.
function remappedPaths() {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo')
  const sysroot = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).stdout.trim()
  return [
    [root, 'millrace'],
    [join(cargoHome, 'registry', 'src'), 'crates'],
    [sysroot, 'rust'],
  ]
}
