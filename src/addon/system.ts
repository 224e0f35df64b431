import { closeSync, openSync, readSync } from 'node:fs'
import { cpus } from 'node:os'

/** What decides whether an addon can be loaded: the system as the runtime sees it, and the runtime. */
export interface System {
  readonly platform: string
  readonly arch: string
  /** The C library of this process, on Linux; undefined where it could not be found out. */
  readonly libc: Libc | undefined
  readonly runtime: 'Node.js' | 'Bun' | 'Deno'
  readonly version: string
}

/** What only the error tells, and what costs too much to find out before there is one. */
export interface SystemDetails {
  /** The version of glibc, where that is the C library. */
  readonly glibc: string | undefined
  /** Whether this is a runtime for x64 that macOS translates for a processor of Apple. */
  readonly translated: boolean
}

export type Libc = 'glibc' | 'musl'

/**
 * The system this runs on. A tenth of a millisecond: no process is started, and no diagnostic report is made unless the
 * executable does not tell.
 */
export function currentSystem(): System {
  const { platform, arch, versions } = process
  const runtime = versions['bun'] !== undefined ? 'Bun' : versions['deno'] !== undefined ? 'Deno' : 'Node.js'
  const version = versions['bun'] ?? versions['deno'] ?? versions.node
  return { platform, arch, libc: platform === 'linux' ? libcOf(process.execPath) : undefined, runtime, version }
}

export function systemDetails({ platform, arch }: System): SystemDetails {
  const translated = platform === 'darwin' && arch === 'x64' && (cpus()[0]?.model.startsWith('Apple') ?? false)
  return { glibc: platform === 'linux' ? glibcOfReport() : undefined, translated }
}

/**
 * The C library an executable is linked with. What the system has is not asked (`ldd`, /etc/alpine-release): a Node.js
 * for musl runs on Debian as well.
 */
export function libcOf(executable: string): Libc | undefined {
  return (
    libcIn(executable) ?? libcIn(interpreterOf(executable)) ?? (glibcOfReport() === undefined ? undefined : 'glibc')
  )
}

// A program that was started by its loader (`/lib/ld-musl-x86_64.so.1 node`) has the loader's name.
function libcIn(path: string): Libc | undefined {
  const [, name] = /(?:^|\/)ld-(musl|linux)-[^/]*$/.exec(path) ?? []
  return name === undefined ? undefined : name === 'musl' ? 'musl' : 'glibc'
}

// The path of its loader stands at the head of an ELF executable.
function interpreterOf(executable: string): string {
  try {
    const head = Buffer.alloc(4096)
    const file = openSync(executable, 'r')
    try {
      readSync(file, head, 0, head.length, 0)
    } finally {
      closeSync(file)
    }
    return /\/[^\0]*\/ld-(?:musl|linux)-[^\0/]*/.exec(head.toString('latin1'))?.[0] ?? ''
  } catch {
    return ''
  }
}

function glibcOfReport(): string | undefined {
  try {
    // Without this the report resolves the names of all peers, one after another.
    const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean }
    const { excludeNetwork } = report
    report.excludeNetwork = true
    try {
      const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } }
      return header?.glibcVersionRuntime
    } finally {
      if (excludeNetwork !== undefined) report.excludeNetwork = excludeNetwork
    }
  } catch {
    return undefined
  }
}
