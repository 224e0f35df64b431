import { mkdtempSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { fetch } from 'undici'
import { createServer, staticFiles, type StaticFilesOptions } from '#dist/index'
import { Wire } from './_helpers/wire'

// Directories served by the core that is shipped.

const home = mkdtempSync(path.join(tmpdir(), 'millrace-'))
const root = path.join(home, 'public')

test.before(async () => {
  await mkdir(path.join(root, 'sub'), { recursive: true })
  await Promise.all([
    writeFile(path.join(home, 'secret.txt'), 'secret'),
    writeFile(path.join(root, 'index.html'), '<p>index'),
    writeFile(path.join(root, 'a b.txt'), '0123456789'),
    writeFile(path.join(root, 'a b.txt.gz'), 'ready'),
    writeFile(path.join(root, '.env'), 'dotted'),
    writeFile(path.join(root, 'sub', 'page.txt'), 'page'),
    symlink('../secret.txt', path.join(root, 'link.txt')),
  ])
})

async function listen(options?: StaticFilesOptions): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const server = createServer().get('/assets/*path', staticFiles(root, options))
  const { url, port } = await server.listen({ host: '127.0.0.1' })
  return { url: `${url}/assets`, port, close: () => server.close({ timeout: 0 }) }
}

test('a file is served with its type, length and headers, in part, and only when it is new', async (t) => {
  const { url, close } = await listen({ cacheControl: 'max-age=9', headers: { 'x-own': '1' } })
  const file = await fetch(`${url}/a%20b.txt`)
  t.deepEqual([file.status, await file.text()], [200, '0123456789'])
  t.deepEqual(
    ['content-type', 'content-length', 'cache-control', 'x-own'].map((name) => file.headers.get(name)),
    ['text/plain; charset=utf-8', '10', 'max-age=9', '1'],
  )
  const part = await fetch(`${url}/a%20b.txt`, { headers: { range: 'bytes=2-4' } })
  t.deepEqual([part.status, await part.text(), part.headers.get('content-range')], [206, '234', 'bytes 2-4/10'])
  const known = await fetch(`${url}/a%20b.txt`, { headers: { 'if-none-match': file.headers.get('etag')! } })
  t.is(known.status, 304)
  t.is((await fetch(`${url}/a%20b.txt`, { method: 'POST' })).status, 405)
  await close()
})

test('an index stands for its directory, and a path to one without its slash leads to it', async (t) => {
  const { url, close } = await listen()
  t.is(await (await fetch(`${url}/`)).text(), '<p>index')
  const redirect = await fetch(`${url}/sub`, { redirect: 'manual' })
  t.deepEqual([redirect.status, redirect.headers.get('location')], [301, './sub/'])
  t.is((await fetch(`${url}/sub/`)).status, 404)
  await close()
})

test('options change what is served', async (t) => {
  const { url, close } = await listen({
    dotFiles: true,
    list: true,
    precompressed: true,
    etag: false,
    lastModified: false,
    ranges: false,
    fallback: 'index.html',
  })
  t.is(await (await fetch(`${url}/.env`)).text(), 'dotted')
  t.regex(await (await fetch(`${url}/sub/`)).text(), /page\.txt/)
  t.is(await (await fetch(`${url}/no/such/file`)).text(), '<p>index')
  const whole = await fetch(`${url}/sub/page.txt`, { headers: { range: 'bytes=0-0' } })
  t.deepEqual([whole.status, whole.headers.get('etag'), whole.headers.get('last-modified')], [200, null, null])
  const ready = await fetch(`${url}/a%20b.txt`, { headers: { 'accept-encoding': 'gzip' } }).then(
    ({ headers }) => headers,
    () => undefined,
  )
  t.is(ready?.get('content-encoding'), 'gzip')
  await close()
})

test('nothing outside of the directory can be reached, and nothing with a dot', async (t) => {
  const { port, close } = await listen()
  const wire = await Wire.open(port)
  for (const target of [
    '../secret.txt',
    '%2e%2e/secret.txt',
    '..%2fsecret.txt',
    'sub/../../secret.txt',
    'sub/%2e%2e/%2E%2E/secret.txt',
    '..%5csecret.txt',
    '/etc/passwd',
    'link.txt',
    '.env',
    'sub/..%00',
    '%00',
    '%ff',
    '%',
    'none',
  ]) {
    const { status, body } = await wire.ask(`GET /assets/${target} HTTP/1.1\r\nhost: a\r\n\r\n`)
    t.true([400, 404].includes(status), `${target} ${status}`)
    t.notRegex(body.toString(), /secret|dotted|root:/)
  }
  wire.destroy()
  await close()
})
