import { spawn } from 'node:child_process'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import ava, { type ExecutionContext } from 'ava'
import { Agent, fetch } from 'undici'

// The command as it is installed, in a process of its own each time: one after the other is kinder to a machine.

const test = ava.serial

const manifest = require('millrace/package.json') as { version: string; bin: { millrace: string } }
const command = path.join(path.dirname(require.resolve('millrace/package.json')), manifest.bin.millrace)

test('the command can be started as a program', async (t) => {
  t.true((await readFile(command, 'utf8')).startsWith('#!/usr/bin/env node\n'))
  if (process.platform !== 'win32') t.is((await stat(command)).mode & 0o111, 0o111)
})

test('help lists the commands, and tells about each', async (t) => {
  const overview = await millrace(t, ['--help'])
  t.like(overview, { code: 0, errors: '' })
  t.regex(
    overview.said,
    /^Usage: millrace <module>[^]*\n {2}serve +serve a module or a folder[^]*\n {2}cert +write a self-signed certificate/,
  )
  t.is((await millrace(t, ['help'])).said, overview.said)
  t.is((await millrace(t, ['-h'])).said, overview.said)

  const about = await millrace(t, ['cert', '--help'])
  t.like(about, { code: 0, errors: '' })
  for (const option of ['--days', '--out', '--cert', '--key', '--force', '--help']) t.true(about.said.includes(option))
  t.is((await millrace(t, ['help', 'cert'])).said, about.said)
})

test('no line of the help is wider than a terminal', async (t) => {
  for (const args of [['--help'], ['serve', '--help'], ['cert', '--help']]) {
    const { said } = await millrace(t, args)
    for (const line of said.split('\n')) t.true(line.length <= 80, line)
  }
})

test('the version is that of the package', async (t) => {
  t.like(await millrace(t, ['--version']), { code: 0, said: `${manifest.version}\n`, errors: '' })
  t.like(await millrace(t, ['-v']), { code: 0, said: `${manifest.version}\n`, errors: '' })
})

for (const [args, message] of [
  [['crt'], 'There is no file or folder, and no command, "crt". Did you mean cert?'],
  [['serve-everything'], 'There is no file or folder, and no command, "serve-everything".'],
  [['help', 'crt'], 'There is no command "crt". Did you mean cert?'],
  [['--versoin'], 'There is no option --versoin. Did you mean --version?'],
  [['cert', '--dais', '9'], 'There is no option --dais. Did you mean --days?'],
  [['cert', '--days'], '--days needs a value.'],
  [['cert', '--days='], '--days needs a value.'],
  [['cert', '--out', '--force'], '--out needs a value, and --force looks like an option: if not, --out=--force.'],
  [['cert', '--days', '-5'], '--days needs a value, and -5 looks like an option: if not, --days=-5.'],
  [['cert', '--days=-5'], '--days has to be a whole number from 1 to 825, but it is "-5".'],
  [['cert', '--days', '0'], '--days has to be a whole number from 1 to 825, but it is "0".'],
  [['cert', '--days=ten'], '--days has to be a whole number from 1 to 825, but it is "ten".'],
  [['cert', '--force=yes'], '--force takes no value.'],
  [['cert', '--key', 'a.pem'], '--cert and --key belong together.'],
  [['cert', '--key', 'a.pem', '--cert', './a.pem'], '--cert and --key have to be two files.'],
  [['cert', '--out', 'x', '--cert', 'a', '--key', 'b'], '--out goes without --cert and --key'],
  [['cert', 'https://localhost:3000'], '"https://localhost:3000" is no name: leave out https://'],
  [['cert', 'app.test:3000'], '"app.test:3000" is no name: leave out the port.'],
  [['cert', '127.0.0.1:443'], '"127.0.0.1:443" is no name: leave out the port.'],
  [['cert', '[::1]'], '"[::1]" is no name: leave out the brackets.'],
  [['cert', '[::1]:3000'], '"[::1]:3000" is no name: leave out the brackets and the port.'],
  [['cert', 'app.test', 'example.'], '"example." is no name: leave out the dot at its end.'],
  [['cert', '300.1.1.1'], '"300.1.1.1" is no name: it ends in a number, but it is no IP address.'],
  [['cert', '10.0.1'], '"10.0.1" is no name: it ends in a number, but it is no IP address.'],
  [['cert', 'app.0x7F'], '"app.0x7F" is no name: it ends in a number, but it is no IP address.'],
  [['cert', 'a b'], '"a b" is not a server name'],
] as Array<[string[], string]>) {
  test(`\`millrace ${args.join(' ')}\` is refused with a hint`, async (t) => {
    const { code, said, errors, folder } = await millrace(t, args)
    t.is(code, 2)
    t.is(said, '')
    t.true(errors.startsWith(`millrace: ${message}`), errors)
    const about = args[0] === 'cert' ? 'cert ' : args[0] === '--versoin' ? 'serve ' : ''
    t.true(errors.endsWith(`\nTry \`millrace ${about}--help\`.\n`), errors)
    t.deepEqual(await readdir(folder), [])
  })
}

test('without anything to do it tells what there is, and fails', async (t) => {
  const { code, said, errors } = await millrace(t, [])
  t.is(code, 2)
  t.is(said, '')
  t.is(errors, `millrace: what to do is missing.\n\n${(await millrace(t, ['--help'])).said}`)
})

test('a certificate for this machine is written with its key, which nobody else can read', async (t) => {
  const { code, said, errors, folder } = await millrace(t, ['cert'])
  t.is(errors, '')
  t.is(code, 0)
  const certificate = new X509Certificate(await readFile(path.join(folder, 'cert.pem')))
  const key = createPrivateKey(await readFile(path.join(folder, 'key.pem')))
  t.true(certificate.checkPrivateKey(key))
  t.is(key.asymmetricKeyType, 'ec')
  t.deepEqual(key.asymmetricKeyDetails, { namedCurve: 'prime256v1' })
  t.is(certificate.checkHost('localhost'), 'localhost')
  for (const address of ['127.0.0.1', '::1']) t.is(certificate.checkIP(address), address)
  t.is(certificate.checkHost('example.com'), undefined)
  t.false(certificate.ca)
  t.is(days(certificate), 90)
  if (process.platform !== 'win32') t.is((await stat(path.join(folder, 'key.pem'))).mode & 0o777, 0o600)

  t.regex(said, /^Wrote key\.pem {3}the private key/)
  t.true(said.includes(`valid until ${new Date(certificate.validTo).toISOString().slice(0, 10)}`))
  t.true(said.includes("createServer({ tls: { certFile: 'cert.pem', keyFile: 'key.pem' } })"))
  t.true(said.includes('curl --cacert cert.pem https://localhost:3000/'))
})

test('names, days and files are as asked for', async (t) => {
  const names = ['app.test', '*.app.test', '192.168.1.7', 'fd00::7']
  const files = ['--cert', 'tls/it’s.crt', '--key', 'private/app.key']
  const { code, said, errors, folder } = await millrace(t, ['cert', ...names, '--days', '7', ...files])
  t.is(errors, '')
  t.is(code, 0)
  const certificate = new X509Certificate(await readFile(path.join(folder, 'tls', 'it’s.crt')))
  t.true(certificate.checkPrivateKey(createPrivateKey(await readFile(path.join(folder, 'private', 'app.key')))))
  t.is(days(certificate), 7)
  t.is(certificate.checkHost('app.test'), 'app.test')
  t.is(certificate.checkHost('www.app.test'), '*.app.test')
  t.is(certificate.checkIP('192.168.1.7'), '192.168.1.7')
  t.is(certificate.checkIP('fd00::7'), 'fd00::7')
  t.is(certificate.checkHost('localhost'), undefined)
  t.true(said.includes('the certificate of app.test, *.app.test, 192.168.1.7 and fd00::7, valid until'))
  t.true(said.includes("curl --cacert 'tls/it’s.crt' https://app.test:3000/"))
})

test('a name that is given twice is one name', async (t) => {
  const { code, said, folder } = await millrace(t, ['cert', 'a.test', 'B.test', 'A.test', 'a.test', 'b.test'])
  t.is(code, 0)
  t.true(said.includes('the certificate of a.test and B.test, valid until'), said)
  const { subjectAltName } = new X509Certificate(await readFile(path.join(folder, 'cert.pem')))
  t.is(subjectAltName?.toLowerCase(), 'dns:a.test, dns:b.test')
})

test('files that are there are replaced by --force alone', async (t) => {
  const { folder } = await millrace(t, ['cert', '--out', 'dev/tls'])
  const file = (name: string): string => path.join(folder, 'dev', 'tls', name)
  const before = await readFile(file('key.pem'), 'utf8')
  const refused = await millrace(t, ['cert', '--out', 'dev/tls'], folder)
  t.like(refused, { code: 1, said: '' })
  t.is(refused.errors, `millrace: ${path.join('dev', 'tls', 'key.pem')} is there already. --force replaces it.\n`)
  t.is(await readFile(file('key.pem'), 'utf8'), before)

  if (process.platform !== 'win32') await chmod(file('key.pem'), 0o666)
  const forced = await millrace(t, ['cert', '--out', 'dev/tls', '--force'], folder)
  t.like(forced, { code: 0, errors: '' })
  const key = await readFile(file('key.pem'), 'utf8')
  t.not(key, before)
  t.true(new X509Certificate(await readFile(file('cert.pem'))).checkPrivateKey(createPrivateKey(key)))
  if (process.platform !== 'win32') t.is((await stat(file('key.pem'))).mode & 0o777, 0o600)
  t.deepEqual((await readdir(path.join(folder, 'dev', 'tls'))).sort(), ['cert.pem', 'key.pem'])
})

test('when one file cannot be written, neither is', async (t) => {
  const folder = await folderOf(t)
  await writeFile(path.join(folder, 'cert.pem'), 'mine')
  const { code, errors } = await millrace(t, ['cert'], folder)
  t.is(code, 1)
  t.is(errors, 'millrace: cert.pem is there already. --force replaces it.\n')
  t.deepEqual(await readdir(folder), ['cert.pem'])
  t.is(await readFile(path.join(folder, 'cert.pem'), 'utf8'), 'mine')
})

test('a file where a folder has to be is told as one, whatever is forced', async (t) => {
  const folder = await folderOf(t)
  await writeFile(path.join(folder, 'file'), 'mine')
  for (const out of ['file', 'file/below', 'file/far/below']) {
    for (const force of [[], ['--force']]) {
      const { code, errors } = await millrace(t, ['cert', '--out', out, ...force], folder)
      t.deepEqual([code, errors], [1, 'millrace: file is not a folder.\n'])
    }
  }
  t.deepEqual(await readdir(folder), ['file'])
  t.is(await readFile(path.join(folder, 'file'), 'utf8'), 'mine')
})

test('a folder where a file has to be is told as one, and the other file is not touched', async (t) => {
  const folder = await folderOf(t)
  await mkdir(path.join(folder, 'cert.pem'))
  await writeFile(path.join(folder, 'key.pem'), 'mine')
  for (const force of [[], ['--force']]) {
    const { code, errors } = await millrace(t, ['cert', ...force], folder)
    t.deepEqual([code, errors], [1, 'millrace: cert.pem is a folder: nothing can be written in its place.\n'])
  }
  t.deepEqual((await readdir(folder)).sort(), ['cert.pem', 'key.pem'])
  t.is(await readFile(path.join(folder, 'key.pem'), 'utf8'), 'mine')
})

if (process.platform === 'linux') {
  test('a folder that cannot be made ends the command at once', async (t) => {
    for (const out of ['/proc/millrace', '/proc/millrace/below']) {
      const { code, errors } = await millrace(t, ['cert', '--out', out])
      t.is(code, 1)
      t.regex(errors, /^millrace: ENOENT: .*'\/proc\/millrace'\n$/)
    }
  })
}

test('a client that is given the certificate trusts it, and no other does', async (t) => {
  const { folder } = await millrace(t, ['cert'])
  const [cert, key] = await Promise.all(['cert.pem', 'key.pem'].map((name) => readFile(path.join(folder, name))))
  const server = createServer({ cert, key }, (_request, response) => response.end('trusted')).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  for (const host of ['localhost', '127.0.0.1']) {
    const dispatcher = new Agent({ connect: { ca: cert } })
    t.teardown(() => dispatcher.destroy())
    t.is(await (await fetch(`https://${host}:${port}/`, { dispatcher })).text(), 'trusted')
  }
  const error = await t.throwsAsync(fetch(`https://127.0.0.1:${port}/`))
  t.is((error.cause as NodeJS.ErrnoException).code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
})

interface Outcome {
  code: number | null
  said: string
  errors: string
  /** Where it ran. */
  folder: string
}

/** Runs the command, in a folder of its own unless one is given. */
async function millrace(t: ExecutionContext, args: readonly string[], where?: string): Promise<Outcome> {
  const folder = where ?? (await folderOf(t))
  const child = spawn(process.execPath, [command, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const [said, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, said, errors, folder }
}

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'millrace-cli-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function days({ validFrom, validTo }: X509Certificate): number {
  return Math.round((Date.parse(validTo) - Date.parse(validFrom)) / 86_400_000)
}
