import type { System } from './system'

/** The platforms that there is a prebuilt addon for, each in the package `millrace-<platform>`. */
export const PLATFORMS = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
] as const

/** The same as a person would say it. */
export const PLATFORMS_IN_WORDS = 'Linux (glibc and musl), macOS and Windows, each on x64 and arm64'

/** The platforms whose addon fits a system, the likeliest first; none where there is no prebuilt addon. */
export function platformsFor({ platform, arch, libc }: Pick<System, 'platform' | 'arch' | 'libc'>): string[] {
  const names =
    platform === 'linux' ? linux(arch, libc) : [platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`]
  return names.filter((name) => (PLATFORMS as readonly string[]).includes(name))
}

// When nothing tells the C library, the addon for the other one fails to load and does no harm.
function linux(arch: string, libc: System['libc']): string[] {
  const [gnu, musl] = [`linux-${arch}-gnu`, `linux-${arch}-musl`]
  return libc === 'glibc' ? [gnu] : libc === 'musl' ? [musl] : [gnu, musl]
}
