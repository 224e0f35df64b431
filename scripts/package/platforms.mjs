// The eight platforms there is a package for, and what an addon for each must look like.

/** The oldest glibc that the addons for Linux load with: that of RHEL 7 and of everything younger. */
export const glibcFloor = '2.17'

/**
 * `name` is the folder in npm/ and the end of the package's name, `target` what Rust calls the platform, `needs` the
 * shared libraries that an addon may depend on: what every system of that kind has, and Node.js itself needs. The
 * unwinder (libgcc_s) is not among them: it is linked in, since a bare Alpine or a distroless image may lack it.
 */
export const platforms = [
  linux('x64', 'gnu', 'x86_64', ['ld-linux-x86-64.so.2']),
  linux('arm64', 'gnu', 'aarch64', ['ld-linux-aarch64.so.1']),
  linux('x64', 'musl', 'x86_64', []),
  linux('arm64', 'musl', 'aarch64', []),
  darwin('x64', 'x86_64', '10.15'),
  darwin('arm64', 'aarch64', '11.0'),
  windows('x64', 'x86_64'),
  windows('arm64', 'aarch64'),
]

/** The platform of this target; undefined for a target there is no package for. */
export function platformOf(target) {
  return platforms.find((platform) => platform.target === target)
}

/** The platform this process runs on. */
export function hostPlatform() {
  const { platform, arch } = process
  const libc = platform === 'linux' && (process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl')
  return platforms.find(({ os, cpu, libc: its }) => os === platform && cpu === arch && (!its || its === libc))
}

/** The name of a platform's addon, which is its package's only file that matters. */
export function addonName({ name }) {
  return `millrace.${name}.node`
}

/** The name of a platform's package. */
export function packageName({ name }) {
  return `millrace-${name}`
}

function linux(cpu, abi, machine, loader) {
  const glibc = ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'librt.so.1', ...loader]
  return {
    name: `linux-${cpu}-${abi}`,
    target: `${machine}-unknown-linux-${abi}`,
    os: 'linux',
    cpu,
    libc: abi === 'gnu' ? 'glibc' : 'musl',
    format: 'elf',
    machine,
    // musl's loader takes itself for `libc.so`, whatever the distribution has called the file.
    needs: abi === 'gnu' ? glibc : ['libc.so'],
  }
}

// The oldest macOS is that of the builds of Node.js 20.
function darwin(cpu, machine, minimumOs) {
  return {
    name: `darwin-${cpu}`,
    target: `${machine}-apple-darwin`,
    os: 'darwin',
    cpu,
    format: 'mach-o',
    machine,
    minimumOs,
  }
}

function windows(cpu, machine) {
  return {
    name: `win32-${cpu}-msvc`,
    target: `${machine}-pc-windows-msvc`,
    os: 'win32',
    cpu,
    format: 'pe',
    machine,
  }
}
