import test from 'ava'
import type { Installation } from '#dist/addon/installation'
import { platformsFor } from '#dist/addon/platforms'
import type { System, SystemDetails } from '#dist/addon/system'
import { type Attempt, explain, type Situation } from '#dist/addon/unavailable'

const linux: System & SystemDetails = {
  platform: 'linux',
  arch: 'x64',
  libc: 'glibc',
  runtime: 'Node.js',
  version: '22.1.0',
  glibc: '2.31',
  translated: false,
}
const musl = { ...linux, libc: 'musl', glibc: undefined } as const
const mac = { ...linux, platform: 'darwin', libc: undefined, glibc: undefined }
const windows = { ...mac, platform: 'win32' }
const installation: Installation = { home: '/app/node_modules/millrace', form: 'package', manager: 'npm', present: [] }
const absent = Object.assign(new Error("Cannot find module 'millrace-x'\nRequire stack:\n- /app"), {
  code: 'MODULE_NOT_FOUND',
})

function text(system: System & SystemDetails, more: Partial<Situation> = {}): string {
  const platforms = platformsFor(system)
  const attempts: Attempt[] = platforms.map((name) => ({ kind: 'package', place: `millrace-${name}`, error: absent }))
  attempts.push({ kind: 'prebuild', place: installation.home, error: new Error('No native build was found for …') })
  return explain({ version: '1.2.3', system, platforms, attempts, installation, ...more })
}

/** With the platform package there, and this the answer of the system to loading it. */
function refused(message: string, system: System & SystemDetails = linux): string {
  const place = `millrace-${platformsFor(system)[0]!}`
  return text(system, { attempts: [{ kind: 'package', place, error: new Error(message) }] })
}

function present(...platforms: string[]): Installation {
  return {
    ...installation,
    present: platforms.map((platform) => ({ platform, version: '1.2.3', directory: '/app/m' })),
  }
}

test('the first line names version, platform, C library and runtime', (t) => {
  const first = (system: System & SystemDetails) => text(system).split('\n')[0]
  t.is(
    first(linux),
    'The native part of millrace 1.2.3 could not be loaded on linux-x64 (glibc 2.31) with Node.js 22.1.0:',
  )
  t.regex(first({ ...linux, libc: 'musl' })!, /on linux-x64 \(musl\) with/)
  t.regex(first({ ...mac, runtime: 'Bun', version: '1.4.5' })!, /on darwin-x64 with Bun 1\.4\.5:/)
})

test('each place has a line, of one line of its error', (t) => {
  t.deepEqual(text(linux).split('\n').slice(1, 3), [
    '  - millrace-linux-x64-gnu: not installed',
    '  - build/Release and prebuilds in /app/node_modules/millrace: nothing for this platform',
  ])
  t.true(text({ ...linux, libc: undefined }).includes('- millrace-linux-x64-musl: not installed'))
  t.false(text(linux).includes('Require stack'))
})

test('an optional dependency that was left out: by the ways of its package manager', (t) => {
  const by = (manager: Installation['manager']) => text(linux, { installation: { ...installation, manager } })
  t.regex(by('npm'), /npm install --include=optional.*--omit=optional/)
  t.regex(by('pnpm'), /supportedArchitectures in pnpm-workspace\.yaml without os linux, cpu x64, libc glibc/)
  t.regex(by('yarn'), /supportedArchitectures in \.yarnrc\.yml without os linux, cpu x64, libc glibc/)
  t.regex(by('yarn 1'), /--ignore-optional/)
  t.regex(by(undefined), /--omit=optional, --no-optional or --ignore-optional/)
})

test('node_modules of another system', (t) => {
  const copied = text(linux, { installation: present('darwin-arm64') })
  t.regex(copied, /millrace-darwin-arm64 is installed instead.*Dockerfile.*\.dockerignore/)
  t.regex(copied, /npm install --os=linux --cpu=x64 --libc=glibc/)
  t.regex(
    text({ ...linux, libc: 'musl' }, { installation: present('linux-x64-gnu') }),
    /millrace-linux-x64-gnu is installed instead.*--libc=musl/,
  )
  const pnpm = text(mac, { installation: { ...present('linux-x64-gnu', 'win32-x64-msvc'), manager: 'pnpm' } })
  t.regex(pnpm, /millrace-linux-x64-gnu and millrace-win32-x64-msvc are installed instead/)
  t.regex(pnpm, /supportedArchitectures with os darwin, cpu x64 in pnpm-workspace\.yaml/)
})

test('Node.js for x64 where the packages are for a processor of Apple', (t) => {
  const said = text({ ...mac, translated: true }, { installation: present('darwin-arm64') })
  t.regex(said, /this Node\.js is the one for x64, which macOS translates/)
})

test('a platform without a prebuilt addon, and runtimes for 32 bits', (t) => {
  const risc = text({ ...linux, arch: 'riscv64' })
  t.regex(risc, /no prebuilt addon for linux-riscv64; there are some for Linux \(glibc and musl\), macOS and Windows/)
  t.regex(risc, /npm run build.*node_modules\/millrace\/build\/Release/)
  t.regex(text({ ...mac, platform: 'freebsd' }), /no prebuilt addon for freebsd-x64/)
  t.regex(text({ ...windows, arch: 'ia32' }), /Node\.js for 32 bits.*the one for x64/)
  t.regex(text({ ...linux, arch: 'arm' }), /for 32 bits.*the one for arm64/)
})

test('a runtime that is too old', (t) => {
  t.regex(text({ ...linux, version: '18.20.0' }), /Node\.js 18\.20\.0 is too old: millrace needs 20\.11 or newer/)
  t.regex(text({ ...linux, version: '20.10.0' }), /too old/)
  t.notRegex(text({ ...linux, version: '20.11.0' }), /too old/)
  t.notRegex(text({ ...linux, runtime: 'Bun', version: '1.4.5' }), /too old/)
  t.regex(
    refused('/app/a.node: undefined symbol: napi_new_feature', linux),
    /Node\.js 22\.1\.0 lacks the Node-API function napi_new_feature/,
  )
})

test('addons that are not allowed', (t) => {
  const error = Object.assign(new Error('Cannot load native addon'), { code: 'ERR_DLOPEN_DISABLED' })
  const said = text(linux, { attempts: [{ kind: 'package', place: 'millrace-linux-x64-gnu', error }] })
  t.regex(said, /without --no-addons, or with --allow-addons/)
  t.regex(refused('Requires ffi access to "/a.node", run again with the --allow-ffi flag'), /Deno needs a permission/)
})

test('versions that differ: which is where, and how to come to one', (t) => {
  const error = new Error('its addon has version 1.2.2, and this package has version 1.2.3')
  const at = (kind: Attempt['kind'], place: string, manager: Installation['manager'] = 'npm') =>
    text(linux, {
      attempts: [{ kind, place, error, found: '1.2.2' }],
      installation: { ...present('linux-x64-gnu'), manager },
    })
  const packaged = at('package', 'millrace-linux-x64-gnu')
  t.regex(packaged, /keeps millrace-linux-x64-gnu at 1\.2\.2 \(in \/app\/m\): run `npm install millrace@1\.2\.3`/)
  t.regex(at('package', 'millrace-linux-x64-gnu', 'pnpm'), /pnpm add millrace@1\.2\.3/)
  t.regex(at('package', 'millrace-linux-x64-gnu', 'yarn 1'), /yarn add millrace@1\.2\.3/)
  t.regex(at('own', '/app/millrace.linux-x64-gnu.node'), /npm run build.*delete \/app\/millrace\.linux-x64-gnu\.node/)
  t.regex(at('prebuild', '/app'), /build\/Release and prebuilds/)
})

test('a package without its file, a bundle, a clone', (t) => {
  t.regex(text(linux, { installation: present('linux-x64-gnu') }), /The file of the addon is missing from \/app\/m/)
  t.regex(
    text(linux, { installation: { ...installation, form: 'bundle' } }),
    /put into a bundle.*external.*install millrace-linux-x64-gnu where the bundle runs/,
  )
  t.regex(text(linux, { installation: { ...installation, form: 'clone' } }), /build the addon with `npm run build`/)
})

test('what the loader of the system says leads to what can be done', (t) => {
  for (const [message, said, on] of [
    [
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app/a.node)",
      /needs glibc 2\.38 or newer, and this system has 2\.31/,
    ],
    ['libc.musl-x86_64.so.1: cannot open shared object file: No such file', /another C library.*which is glibc/],
    ['Error loading shared library ld-linux-x86-64.so.2: No such file', /another C library.*which is musl/, 'musl'],
    ['Error relocating /a.node: gnu_get_libc_version: symbol not found', /another C library/, 'musl'],
    ['Error relocating /a.node: napi_x: symbol not found', /lacks the Node-API function napi_x/, 'musl'],
    [
      '/data/m/a.node: failed to map segment from shared object: Operation not permitted',
      /^\/data\/m is on a file system that forbids to run code from it \(mounted with noexec\)/m,
    ],
    ['/a/b.node: file too short', /The file is damaged/],
    ['/a/b.node: invalid ELF header', /The file is damaged/],
    ['/a/b.node: wrong ELF class: ELFCLASS64', /another processor than x64/],
    [
      "dlopen(/a.node): tried: '/a.node' (mach-o file, but is an incompatible architecture)",
      /another processor/,
      'mac',
    ],
    ['\\\\?\\C:\\a.node is not a valid Win32 application.', /another processor/, 'windows'],
    ['code signature in (/a.node) not valid for use in process', /macOS refuses.*quarantine/, 'mac'],
    ['The specified module could not be found.\n\\\\?\\C:\\a.node', /Visual C\+\+ Redistributable/, 'windows'],
    ['/srv/m/a.node: cannot open shared object file: Permission denied', /permissions of \/srv\/m/],
    ['/cache/m.zip/node_modules/m/a.node: no such file', /Yarn keeps the package in an archive/],
    ['libgcc_s.so.1: cannot open shared object file: No such file or directory', /The library libgcc_s\.so\.1/],
    ['Error loading shared library libgcc_s.so.1: No such file', /The library libgcc_s\.so\.1/, 'musl'],
    ['something nobody has seen', /cannot be used.*please report it/],
  ] as ReadonlyArray<readonly [string, RegExp, ('musl' | 'mac' | 'windows')?]>) {
    t.regex(refused(message, on === undefined ? linux : { musl, mac, windows }[on]), said)
  }
})
