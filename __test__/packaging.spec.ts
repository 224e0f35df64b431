import { gzipSync } from 'node:zlib'
import test from 'ava'
import { elf, type ElfParts } from './_helpers/elf'
import { loadPackaging, type Packaging } from './_helpers/packaging'

// What decides whether an addon may be published, on files that were made by hand: scripts/package has the checks, and
// `npm run package` holds what it has packed against them.

let packaging: Packaging

test.before(async () => {
  packaging = await loadPackaging()
})

const good: ElfParts = {
  needed: ['libc.so.6', 'ld-linux-x86-64.so.2'],
  versions: { 'libc.so.6': ['GLIBC_2.2.5', 'GLIBC_2.17'], 'libm.so.6': ['GLIBC_2.9'] },
  exports: ['napi_register_module_v1'],
  imports: ['napi_create_function', 'malloc'],
  buildId: '00112233445566778899aabbccddeeff00112233',
  debugLink: 'millrace.linux-x64-gnu.node.debug',
}

test('of an ELF file is read where it loads, what it needs and what it exports', (t) => {
  t.deepEqual(packaging.readAddon(elf(good)), {
    format: 'elf',
    machine: 'x86_64',
    needed: ['libc.so.6', 'ld-linux-x86-64.so.2'],
    versions: [
      { library: 'libc.so.6', version: 'GLIBC_2.2.5' },
      { library: 'libc.so.6', version: 'GLIBC_2.17' },
      { library: 'libm.so.6', version: 'GLIBC_2.9' },
    ],
    exports: ['napi_register_module_v1'],
    stripped: true,
    hasPackedRelocations: false,
    buildId: '00112233445566778899aabbccddeeff00112233',
    debugLink: 'millrace.linux-x64-gnu.node.debug',
  })
})

test('an ELF file without any of that is read as well', (t) => {
  const { machine, needed, versions, exports, buildId } = packaging.readAddon(elf({ machine: 0xb7 }))
  t.deepEqual(
    { machine, needed, versions, exports, buildId },
    {
      machine: 'aarch64',
      needed: [],
      versions: [],
      exports: [],
      buildId: undefined,
    },
  )
})

test('what is no addon of any system is refused, with words', (t) => {
  t.throws(() => packaging.readAddon(Buffer.from('#!/bin/sh\n')), { message: /neither an ELF file/ })
  const narrow = elf()
  narrow[4] = 1
  t.throws(() => packaging.readAddon(narrow), { message: /not an ELF file of 64 bits/ })
})

test('an addon that loads everywhere has no problems', (t) => {
  t.deepEqual(problems(good), [])
})

const faults: Array<[string, ElfParts, RegExp]> = [
  [
    'a newer glibc',
    { versions: { 'libc.so.6': ['GLIBC_2.18'] } },
    /GLIBC_2\.18 of libc\.so\.6, and must load with glibc 2\.17/,
  ],
  ['a version of another library', { versions: { 'libgcc_s.so.1': ['GCC_3.0'] } }, /needs GCC_3\.0 of libgcc_s\.so\.1/],
  [
    'a library that may be missing',
    { needed: ['libstdc++.so.6'] },
    /needs libstdc\+\+\.so\.6, which not every system has/,
  ],
  ['another machine', { machine: 0xb7 }, /is for aarch64, and must be for x86_64/],
  ['an export of its own', { exports: ['napi_register_module_v1', 'ZSTD_compress'] }, /exports ZSTD_compress/],
  ['no entry for Node.js', { exports: [] }, /does not export napi_register_module_v1/],
  ['symbols', { sections: { '.symtab': 2 } }, /is not stripped/],
  ['debug information', { sections: { '.debug_line': 1 } }, /is not stripped/],
  ['packed relocations', { sections: { '.relr.dyn': 19 } }, /has packed relocations/],
  ['no build id', { buildId: '' }, /has no build id/],
  ['no name for its debug information', { debugLink: '' }, /does not name the file/],
]
for (const [what, parts, sentence] of faults) {
  test(`an addon with ${what} is not published`, (t) => {
    const found = problems({ ...good, ...parts })
    t.is(found.length, 1)
    t.regex(found[0]!, sentence)
    t.true(found[0]!.startsWith('millrace.linux-x64-gnu.node '))
  })
}

test('an addon for musl needs libc.so and no versions', (t) => {
  const own = { ...good, needed: ['libc.so'], versions: {} }
  t.deepEqual(problems(own, 'x86_64-unknown-linux-musl'), [])
  t.is(problems({ ...own, needed: ['libc.so', 'libgcc_s.so.1'] }, 'x86_64-unknown-linux-musl').length, 1)
  t.regex(problems(good, 'x86_64-unknown-linux-musl').join('\n'), /musl knows no versions/)
})

test('an addon that is heavier than its budget is not published', (t) => {
  const budget = packaging.budgets['linux-x64-gnu']!
  const heavy = Buffer.concat([elf(good), Buffer.alloc(budget)])
  const [sentence] = packaging.problemsOfAddon(heavy, packaging.platformOf('x86_64-unknown-linux-gnu')!)
  t.regex(sentence!, new RegExp(`has ${heavy.length} bytes, and its budget is ${budget}`))
})

test('every platform has a budget', (t) => {
  const names = packaging.platforms.map(({ name }) => name)
  t.deepEqual(Object.keys(packaging.budgets).sort(), names.sort())
})

test('versions are compared by numbers', (t) => {
  for (const version of ['2.2.5', '2.9', '2.17', '1.99']) t.true(packaging.isWithinFloor(version), version)
  for (const version of ['2.17.1', '2.18', '2.100', '3.0']) t.false(packaging.isWithinFloor(version), version)
})

test('of a file for macOS is read the machine and the oldest system', (t) => {
  const bytes = machO(0x0100000c, '11.0')
  t.deepEqual(packaging.readAddon(bytes), { format: 'mach-o', machine: 'aarch64', minimumOs: '11.0' })
  t.deepEqual(problemsOf(bytes, 'aarch64-apple-darwin'), [])
  t.regex(
    problemsOf(machO(0x0100000c, '14.2'), 'aarch64-apple-darwin')[0]!,
    /asks for macOS 14\.2, and must load with 11\.0/,
  )
  t.regex(problemsOf(bytes, 'x86_64-apple-darwin')[0]!, /is for aarch64, and must be for x86_64/)
})

test('of a DLL is read the machine and what it exports', (t) => {
  const bytes = dll(0x8664, ['napi_register_module_v1'])
  t.deepEqual(packaging.readAddon(bytes), { format: 'pe', machine: 'x86_64', exports: ['napi_register_module_v1'] })
  t.deepEqual(problemsOf(bytes, 'x86_64-pc-windows-msvc'), [])
  t.regex(problemsOf(bytes, 'aarch64-pc-windows-msvc')[0]!, /is for x86_64, and must be for aarch64/)
  t.regex(problemsOf(dll(0x8664, ['main']), 'x86_64-pc-windows-msvc').join(), /exports main.*does not export/)
})

test('a tarball is read back, with long names and modes', (t) => {
  const long = `package/${'folder/'.repeat(20)}file.js`
  const record = ` path=${long}\n`
  const bytes = gzipSync(
    Buffer.concat([
      entry('package/package.json', '0', 0o644, '{}'),
      entry('pax', 'x', 0o644, `${record.length + 3}${record}`),
      entry('package/folder/fi', '0', 0o755, 'x'.repeat(600)),
      entry('package/last.js', '0', 0o644, ''),
      Buffer.alloc(1024),
    ]),
  )
  const files = packaging.readTarball(bytes)
  t.deepEqual([...files.keys()], ['package.json', long.slice('package/'.length), 'last.js'])
  t.is(files.get('package.json')!.bytes.toString(), '{}')
  t.is(files.get(long.slice('package/'.length))!.bytes.length, 600)
  t.is(files.get(long.slice('package/'.length))!.mode, 0o755)
})

test('the published manifest names every platform at its own version, and nothing for developers', (t) => {
  const manifest = {
    name: 'millrace',
    version: '1.2.3',
    scripts: {},
    devDependencies: {},
    overrides: {},
    ava: {},
    napi: {},
  }
  const { optionalDependencies, ...rest } = packaging.mainManifest(manifest)
  t.deepEqual(rest, { name: 'millrace', version: '1.2.3' })
  t.deepEqual(optionalDependencies, {
    'millrace-darwin-arm64': '1.2.3',
    'millrace-darwin-x64': '1.2.3',
    'millrace-linux-arm64-gnu': '1.2.3',
    'millrace-linux-arm64-musl': '1.2.3',
    'millrace-linux-x64-gnu': '1.2.3',
    'millrace-linux-x64-musl': '1.2.3',
    'millrace-win32-arm64-msvc': '1.2.3',
    'millrace-win32-x64-msvc': '1.2.3',
  })
})

test('the repository comes from who packs, and goes into every manifest', (t) => {
  const ci = { GITHUB_SERVER_URL: 'https://example.com', GITHUB_REPOSITORY: 'owner/name' }
  t.is(packaging.repositoryOf(undefined, {}), undefined)
  t.is(packaging.repositoryOf(undefined, ci), 'https://example.com/owner/name')
  t.is(packaging.repositoryOf('https://example.com/a/b', ci), 'https://example.com/a/b')
  const url = 'git+https://example.com/owner/name.git'
  t.deepEqual(packaging.mainManifest({}, 'https://example.com/owner/name').repository, { type: 'git', url })
  const platform = packaging.platformOf('x86_64-unknown-linux-musl')!
  const { repository, files } = packaging.platformManifest({ files: ['a'] }, platform, url.slice(4), ['LICENSES'])
  t.deepEqual(repository, { type: 'git', url, directory: 'npm/linux-x64-musl' })
  t.deepEqual(files, ['a', 'LICENSES'])
})

test('a platform’s manifest that does not fit its addon is found', (t) => {
  const platform = packaging.platformOf('x86_64-unknown-linux-musl')!
  const addon = 'millrace.linux-x64-musl.node'
  const manifest = {
    name: 'millrace-linux-x64-musl',
    version: '1.0.0',
    main: addon,
    files: [addon],
    os: ['linux'],
    cpu: ['x64'],
    libc: ['musl'],
  }
  t.deepEqual(packaging.problemsOfPlatformManifest(manifest, platform, '1.0.0'), [])
  t.deepEqual(
    packaging.problemsOfPlatformManifest({ ...manifest, libc: ['glibc'], cpu: undefined }, platform, '1.0.1'),
    [
      'npm/linux-x64-musl/package.json: "version" must be "1.0.1"',
      'npm/linux-x64-musl/package.json: "cpu" must be ["x64"]',
      'npm/linux-x64-musl/package.json: "libc" must be ["musl"]',
    ],
  )
})

test('versions that differ are found, in the manifests of Rust as well', (t) => {
  const toml =
    '[workspace]\nmembers = []\n\n[workspace.package]\nedition = "2024"\nversion = "1.0.0"\n\n[other]\nversion = "9"\n'
  t.is(packaging.versionOfCrates(toml), '1.0.0')
  t.is(packaging.versionOfCrates('[workspace.package]\nedition = "2024"\n\n[other]\nversion = "9"\n'), undefined)
  const lock =
    '[[package]]\nname = "memchr"\nversion = "2.8.3"\n\n[[package]]\nname = "millrace-ws"\nversion = "0.9.0"\n'
  t.deepEqual(packaging.problemsOfVersions('1.0.0', [['Cargo.toml', '1.0.0'], ...packaging.versionsInLock(lock)]), [
    'Cargo.lock, for millrace-ws, says 0.9.0, and package.json says version 1.0.0',
  ])
})

function problems(parts: ElfParts, target = 'x86_64-unknown-linux-gnu'): string[] {
  return problemsOf(elf(parts), target)
}

function problemsOf(bytes: Buffer, target: string): string[] {
  return packaging.problemsOfAddon(bytes, packaging.platformOf(target)!)
}

// One load command, LC_BUILD_VERSION for macOS.
function machO(cpu: number, minimumOs: string): Buffer {
  const [major, minor] = minimumOs.split('.').map(Number) as [number, number]
  const bytes = Buffer.alloc(32 + 24)
  for (const [at, value] of [0xfeedfacf, cpu, 0, 6, 1, 24, 0, 0, 0x32, 24, 1, (major << 16) | (minor << 8)].entries()) {
    bytes.writeUInt32LE(value, at * 4)
  }
  return bytes
}

// One section at address 0x1000, which has the table of exports and its names.
function dll(machine: number, names: string[]): Buffer {
  const bytes = Buffer.alloc(1024)
  bytes.write('MZ', 0, 'latin1')
  bytes.writeUInt32LE(0x80, 0x3c)
  bytes.write('PE\0\0', 0x80, 'latin1')
  bytes.writeUInt16LE(machine, 0x84)
  bytes.writeUInt16LE(1, 0x86)
  bytes.writeUInt16LE(240, 0x94)
  const optional = 0x98
  bytes.writeUInt16LE(0x20b, optional)
  bytes.writeUInt32LE(0x1000, optional + 112)
  const section = optional + 240
  bytes.writeUInt32LE(0x1000, section + 12)
  bytes.writeUInt32LE(512, section + 16)
  bytes.writeUInt32LE(512, section + 20)
  bytes.writeUInt32LE(names.length, 512 + 24)
  bytes.writeUInt32LE(0x1000 + 40, 512 + 32)
  let at = 40 + names.length * 4
  for (const [index, name] of names.entries()) {
    bytes.writeUInt32LE(0x1000 + at, 512 + 40 + index * 4)
    at += bytes.write(`${name}\0`, 512 + at, 'latin1')
  }
  return bytes
}

// A header of ustar, and its body in blocks of 512 bytes.
function entry(name: string, type: string, mode: number, body: string): Buffer {
  const bytes = Buffer.alloc(512 + Math.ceil(body.length / 512) * 512)
  bytes.write(name, 0, 'latin1')
  bytes.write(`${mode.toString(8).padStart(7, '0')}\0`, 100, 'latin1')
  bytes.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  bytes.write(type, 156, 'latin1')
  bytes.write('ustar\0', 257, 'latin1')
  bytes.write(body, 512, 'latin1')
  return bytes
}
