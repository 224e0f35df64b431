import type { System, SystemDetails } from './system'

type Refusal = readonly [
  says: RegExp,
  advice: (found: RegExpExecArray, system: System & SystemDetails, message: string) => string,
]

/** What to do about an addon that is there and that the system, or the runtime, refuses to load. */
export function refusal(error: Error, system: System & SystemDetails): string {
  for (const [says, advice] of REFUSALS) {
    const found = says.exec(error.message)
    if (found !== null) return advice(found, system, error.message)
  }
  return `The file is there, but cannot be used. ${AGAIN} If that does not help, please report it with this message.`
}

const AGAIN = 'Delete node_modules and install again, on the system that it runs on.'

// In the words of glibc, musl, macOS and Windows, and of Deno. The first that applies counts, so the special ones stand first.
const REFUSALS: readonly Refusal[] = [
  [
    /--allow-(?:ffi|all)|ffi access/i,
    () => 'Deno needs a permission to load addons: start it with --allow-ffi, and with --allow-read and --allow-env.',
  ],
  [
    /GLIBC_(\d+(?:\.\d+)+)/,
    ([, needed], { glibc }) =>
      `This addon needs glibc ${needed} or newer, and this system has ${glibc ?? 'an older one'}: use a newer release of the system, or one with musl, such as Alpine Linux.`,
  ],
  [
    /undefined symbol: (napi_\w+)|Error relocating .*: (napi_\w+): symbol not found|symbol '?_?(napi_\w+)/,
    ([, first, second, third], { runtime, version }) =>
      `${runtime} ${version} lacks the Node-API function ${first ?? second ?? third}: use a newer ${runtime}.`,
  ],
  [
    /libc\.musl|ld-musl|\blibc\.so: |ld-linux|libc\.so\.6|Error relocating/,
    (_, { libc }) =>
      `The addon is made for another C library than this system's${libc === undefined ? '' : `, which is ${libc}`}. ${AGAIN}`,
  ],
  [
    /failed to map segment|Operation not permitted/,
    (_, __, message) =>
      `${folderIn(message)} is on a file system that forbids to run code from it (mounted with noexec), or a rule of the system does: install elsewhere, or mount it with exec.`,
  ],
  [
    /file too short|invalid ELF header|truncated|not a mach-o/i,
    () => `The file is damaged: half downloaded, or changed on its way. ${AGAIN}`,
  ],
  [
    /wrong ELF class|incompatible architecture|need '\w+'|not a valid Win32|Exec format|cannot open shared object file: .*machine/,
    (_, { arch, translated }) =>
      `The addon is made for another processor than ${arch}, which this runtime is for${translated ? ' (macOS translates it: use the one for arm64)' : ''}. ${AGAIN}`,
  ],
  [
    /code signature|library load d|not valid for use in process|system policy/,
    () =>
      'macOS refuses the file by its signature or its origin: remove the mark of quarantine (`xattr -dr com.apple.quarantine node_modules`), or install again.',
  ],
  [
    /specified module could not be found|specified procedure could not be found/,
    () => 'A library of Windows is missing: install the Microsoft Visual C++ Redistributable.',
  ],
  [
    /EACCES|Permission denied|Access is denied/,
    (_, __, message) => `This user may not read or run the file: look at the permissions of ${folderIn(message)}.`,
  ],
  [
    /\.zip\//,
    () =>
      'Yarn keeps the package in an archive: set `dependenciesMeta` for it to `unplugged: true`, or `nodeLinker: node-modules`.',
  ],
  [
    /(?:^|: )(lib[\w+.-]+\.so[\w.]*): cannot open|loading shared library (lib[\w+.-]+)/,
    ([, first, second]) =>
      `The library ${first ?? second} of the system is missing: install it with the system's package manager.`,
  ],
]

function folderIn(message: string): string {
  return /(\/[^:]*)\/[^/:]+\.node/.exec(message)?.[1] ?? 'its directory'
}
