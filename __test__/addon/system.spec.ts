import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { platformsFor } from '#dist/addon/platforms'
import { currentSystem, libcOf } from '#dist/addon/system'

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-system-'))
test.after.always(() => rmSync(directory, { recursive: true }))

/** The head of an executable that names this loader. */
function executable(name: string, loader: string): string {
  const file = path.join(directory, name)
  writeFileSync(file, `\x7fELF\x02\x01\x01${'\0'.repeat(600)}${loader}\0GNU\0`)
  return file
}

test('the C library is that of the executable, wherever its loader lies', (t) => {
  t.is(libcOf(executable('glibc', '/lib64/ld-linux-x86-64.so.2')), 'glibc')
  t.is(libcOf(executable('arm', '/lib/ld-linux-aarch64.so.1')), 'glibc')
  t.is(libcOf(executable('nix', '/nix/store/3n-glibc-2.40/lib/ld-linux-x86-64.so.2')), 'glibc')
  t.is(libcOf(executable('musl', '/lib/ld-musl-x86_64.so.1')), 'musl')
})

test('an executable that was started by its loader has that one’s name', (t) => {
  t.is(libcOf('/lib/ld-musl-x86_64.so.1'), 'musl')
  t.is(libcOf('/lib64/ld-linux-x86-64.so.2'), 'glibc')
})

test('an addon is chosen by system, processor and C library', (t) => {
  t.deepEqual(platformsFor({ platform: 'linux', arch: 'x64', libc: 'glibc' }), ['linux-x64-gnu'])
  t.deepEqual(platformsFor({ platform: 'linux', arch: 'arm64', libc: 'musl' }), ['linux-arm64-musl'])
  t.deepEqual(platformsFor({ platform: 'linux', arch: 'x64', libc: undefined }), ['linux-x64-gnu', 'linux-x64-musl'])
  t.deepEqual(platformsFor({ platform: 'darwin', arch: 'arm64', libc: undefined }), ['darwin-arm64'])
  t.deepEqual(platformsFor({ platform: 'win32', arch: 'x64', libc: undefined }), ['win32-x64-msvc'])
  t.deepEqual(platformsFor({ platform: 'linux', arch: 'riscv64', libc: 'glibc' }), [])
})

test('the system this runs on is described, and has an addon', (t) => {
  const system = currentSystem()
  t.is(system.platform, process.platform)
  t.is(system.version, process.versions['bun'] ?? process.versions['deno'] ?? process.versions.node)
  t.is(platformsFor(system).length, 1)
})
