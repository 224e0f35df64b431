import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import ava, { type ExecutionContext } from 'ava'
import { createServer, selfSignedCertificate, type CodedError, type SelfSigned } from '#dist/index'
import { FileWatch } from '#dist/tls/watch'

const test = ava.serial
const TIMES = { settle: 30, retry: 500, watched: 60_000, polled: 60 }
/** Long enough for anything that should not happen. */
const QUIET_MS = 250

test('a file that is written anew is read again, once', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1', 'key.pem': '1' })
  const { reloaded, count } = watched(t, folder, ['cert.pem', 'key.pem'])
  fs.writeFileSync(path.join(folder, 'cert.pem'), 'second')
  fs.writeFileSync(path.join(folder, 'key.pem'), 'second')
  await reloaded(1)
  await sleep(QUIET_MS)
  t.is(count(), 1)
})

test('what changes before the watch is set up is seen', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const { reloaded } = watched(t, folder, ['cert.pem'])
  fs.writeFileSync(path.join(folder, 'cert.pem'), 'second')
  await t.notThrowsAsync(reloaded(1))
})

test('a file that is replaced by a rename is read again, each time', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const { reloaded } = watched(t, folder, ['cert.pem'])
  for (let round = 1; round <= 3; round++) {
    await writeFile(path.join(folder, 'new'), String(round))
    await rename(path.join(folder, 'new'), path.join(folder, 'cert.pem'))
    await reloaded(round)
  }
  t.pass()
})

test('a secret of Kubernetes is read again when its link leads elsewhere', async (t) => {
  const folder = await folderOf(t, { '..1/tls.crt': '1', '..1/tls.key': '1', '..2/tls.crt': '2', '..2/tls.key': '2' })
  await symlink('..1', path.join(folder, '..data'))
  for (const name of ['tls.crt', 'tls.key']) await symlink(path.join('..data', name), path.join(folder, name))
  const { reloaded } = watched(t, folder, ['tls.crt', 'tls.key'])
  const swap = async (to: string): Promise<void> => {
    await symlink(to, path.join(folder, '..data_tmp'))
    await rename(path.join(folder, '..data_tmp'), path.join(folder, '..data'))
  }
  await swap('..2')
  await reloaded(1)
  await rm(path.join(folder, '..1'), { recursive: true })
  await mkdir(path.join(folder, '..3'))
  for (const name of ['tls.crt', 'tls.key']) await writeFile(path.join(folder, '..3', name), '3')
  await swap('..3')
  await t.notThrowsAsync(reloaded(2))
})

test('links as certbot makes them are followed, and so are files where they lead', async (t) => {
  const folder = await folderOf(t, {
    'archive/a.org/cert1.pem': '1',
    'archive/a.org/cert2.pem': '2',
    'live/a.org/x': '',
  })
  const link = path.join(folder, 'live', 'a.org', 'cert.pem')
  await symlink('../../archive/a.org/cert1.pem', link)
  const { reloaded } = watched(t, folder, ['live/a.org/cert.pem'])
  await writeFile(path.join(folder, 'archive', 'a.org', 'cert1.pem'), 'written anew')
  await reloaded(1)
  await rm(link)
  await symlink('../../archive/a.org/cert2.pem', link)
  await reloaded(2)
  await writeFile(path.join(folder, 'archive', 'a.org', 'cert2.pem'), 'written anew')
  await t.notThrowsAsync(reloaded(3))
})

test('a folder that is replaced, or comes only later, is watched as well', async (t) => {
  const folder = await folderOf(t, { 'pair/cert.pem': '1', 'next/cert.pem': '2' })
  const { reloaded } = watched(t, folder, ['pair/cert.pem'])
  await sleep(50)
  await rm(path.join(folder, 'pair'), { recursive: true })
  await sleep(50)
  await rename(path.join(folder, 'next'), path.join(folder, 'pair'))
  await reloaded(1)
  await sleep(100)
  await writeFile(path.join(folder, 'pair', 'cert.pem'), 'third')
  await t.notThrowsAsync(reloaded(2))
})

test('other files in the same folder are nobody’s news', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const { count } = watched(t, folder, ['cert.pem'])
  for (let i = 0; i < 10; i++) {
    await writeFile(path.join(folder, 'access.log'), String(i))
    await sleep(20)
  }
  await sleep(QUIET_MS)
  t.is(count(), 0)
})

test('a folder in which much goes on puts nothing off', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const { reloaded } = watched(t, folder, ['cert.pem'])
  const log = setInterval(() => fs.appendFileSync(path.join(folder, 'access.log'), 'x'), 5)
  t.teardown(() => clearInterval(log))
  await writeFile(path.join(folder, 'cert.pem'), 'second')
  await t.notThrowsAsync(reloaded(1))
})

test('a pair of which one half has come is tried again before anybody is told', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1', 'key.pem': '1' })
  const { reloaded, errors } = watched(t, folder, ['cert.pem', 'key.pem'], () => {
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => fs.readFileSync(path.join(folder, name), 'utf8'))
    if (cert !== key) throw new Error('key and certificate do not belong together')
  })
  await writeFile(path.join(folder, 'cert.pem'), 'second')
  await reloaded(1)
  await writeFile(path.join(folder, 'key.pem'), 'second')
  await reloaded(2)
  await sleep(QUIET_MS)
  t.deepEqual(errors, [])
})

test('what cannot be used is told once, and is tried again when it changes', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': 'good' })
  const cause = new Error('the certificate in cert.pem is none')
  const { reloaded, errors, count } = watched(t, folder, ['cert.pem'], () => {
    if (fs.readFileSync(path.join(folder, 'cert.pem'), 'utf8') !== 'good') throw cause
  })
  await writeFile(path.join(folder, 'cert.pem'), 'bad')
  await reloaded(2)
  await sleep(QUIET_MS * 3)
  t.is(count(), 2)
  t.like(errors, { 0: { code: 'ERR_TLS_RELOAD', cause }, length: 1 })
  t.regex(errors[0]!.message, /stay in use: the certificate in cert\.pem is none \(ERR_TLS_RELOAD\)$/)
  await writeFile(path.join(folder, 'cert.pem'), 'good')
  await reloaded(3)
  await writeFile(path.join(folder, 'cert.pem'), 'worse')
  await reloaded(5)
  await sleep(QUIET_MS)
  t.is(errors.length, 2)
})

test('a file that is gone is an error, and its return is seen', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const { reloaded, errors } = watched(
    t,
    folder,
    ['cert.pem'],
    () => void fs.readFileSync(path.join(folder, 'cert.pem')),
  )
  await rm(path.join(folder, 'cert.pem'))
  await reloaded(2)
  await sleep(QUIET_MS)
  t.is((errors[0]!.cause as NodeJS.ErrnoException).code, 'ENOENT')
  await writeFile(path.join(folder, 'cert.pem'), '2')
  await reloaded(3)
  t.is(errors.length, 1)
})

test('what changes while files are read is read after that', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  let isFirst = true
  const { reloaded } = watched(t, folder, ['cert.pem'], async () => {
    if (!isFirst) return
    isFirst = false
    await writeFile(path.join(folder, 'cert.pem'), 'third')
    await sleep(150)
  })
  await writeFile(path.join(folder, 'cert.pem'), 'second')
  await t.notThrowsAsync(reloaded(2))
})

test('other files can be watched instead', async (t) => {
  const folder = await folderOf(t, { 'one/cert.pem': '1', 'two/cert.pem': '1' })
  const { watch, reloaded, count } = watched(t, folder, ['one/cert.pem'])
  watch.replace([path.join(folder, 'two', 'cert.pem')])
  await writeFile(path.join(folder, 'one', 'cert.pem'), 'second')
  await sleep(QUIET_MS)
  t.is(count(), 0)
  await writeFile(path.join(folder, 'two', 'cert.pem'), 'second')
  await t.notThrowsAsync(reloaded(1))
})

test('after close nothing is read any more', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const { watch, count } = watched(t, folder, ['cert.pem'])
  await writeFile(path.join(folder, 'cert.pem'), 'second')
  watch.close()
  await sleep(QUIET_MS)
  t.is(count(), 0)
})

test('where the system does not tell of changes, files are looked at now and then', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const { watch } = fs
  t.teardown(() => (fs.watch = watch))
  fs.watch = () => {
    throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' })
  }
  const { reloaded } = watched(t, folder, ['cert.pem'])
  await writeFile(path.join(folder, 'cert.pem'), 'second')
  await reloaded(1)
  await writeFile(path.join(folder, 'cert.pem'), 'third one')
  await t.notThrowsAsync(reloaded(2))
})

test('a server takes what its files change to, tells of what it cannot use, and ends its watch with itself', async (t) => {
  const first = selfSignedCertificate()
  const folder = await folderOf(t, { 'cert.pem': first.cert, 'key.pem': first.key })
  const errors: CodedError[] = []
  const server = createServer({
    tls: { certFile: path.join(folder, 'cert.pem'), keyFile: path.join(folder, 'key.pem'), watch: true },
    onError: (error, context) => {
      t.is(context.server, server)
      errors.push(error as CodedError)
    },
  })
  await server.listen({ host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 0 }))
  const serial = (): string => server.tls!.certificates[0].serialNumber
  const becomes = async (isSo: () => boolean): Promise<void> => {
    for (let tries = 0; !isSo() && tries < 500; tries++) await sleep(20)
    t.true(isSo())
  }

  const before = serial()
  await writePair(folder, selfSignedCertificate())
  await becomes(() => serial() !== before)

  const last = serial()
  await writePair(folder, { cert: first.cert, key: selfSignedCertificate().key })
  await becomes(() => errors.length > 0)
  t.like(errors, { 0: { code: 'ERR_TLS_RELOAD', cause: { code: 'ERR_TLS_MISMATCH' } }, length: 1 })
  t.is(serial(), last)

  await server.close({ timeout: 0 })
  await writePair(folder, first)
  await sleep(700)
  t.is(serial(), last)
})

test('a watch keeps no process alive', async (t) => {
  const folder = await folderOf(t, { 'cert.pem': '1' })
  const program = `const { FileWatch } = require(${JSON.stringify(require.resolve('#dist/tls/watch'))})
    new FileWatch([${JSON.stringify(path.join(folder, 'cert.pem'))}], async () => {}, () => {})`
  await t.notThrowsAsync(promisify(execFile)(process.execPath, ['-e', program], { timeout: 10_000 }))
})

interface Watched {
  watch: FileWatch
  /** Waits until the files have been read so many times. */
  reloaded: (times: number) => Promise<void>
  count: () => number
  errors: CodedError[]
}

function watched(
  t: ExecutionContext,
  folder: string,
  names: readonly string[],
  reload: () => void | Promise<void> = () => undefined,
): Watched {
  let reloads = 0
  const errors: CodedError[] = []
  const watch = new FileWatch(
    names.map((name) => path.join(folder, ...name.split('/'))),
    async () => {
      reloads++
      await reload()
    },
    (error) => errors.push(error),
    TIMES,
  )
  t.teardown(() => watch.close())
  const reloaded = async (times: number): Promise<void> => {
    const isDone = (): boolean => reloads >= times
    for (const start = performance.now(); !isDone(); await sleep(10)) {
      if (performance.now() - start > 10_000) throw new Error(`read ${reloads} times instead of ${times}`)
    }
  }
  return { watch, reloaded, count: () => reloads, errors }
}

async function writePair(folder: string, { cert, key }: SelfSigned): Promise<void> {
  await writeFile(path.join(folder, 'cert.pem'), cert)
  await writeFile(path.join(folder, 'key.pem'), key)
}

async function folderOf(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-watch-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), text)
  }
  return folder
}
