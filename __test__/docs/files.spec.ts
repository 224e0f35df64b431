import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync } from 'node:zlib'
import { page } from './page'

const { show } = page('docs/guides/files.md')

show('folders are served as applications want them', "fallback: 'index.html'", async (t, { start, cwd }) => {
  const script = 'x'.repeat(5000)
  write(cwd, {
    'dist/index.html': '<h1>The app</h1>',
    'dist/assets/app.js': script,
    'dist/assets/app.js.br': brotliCompressSync(script),
    'dist/.env': 'secret',
    secret: 'secret',
  })
  // To make one is a privilege on Windows.
  if (process.platform !== 'win32') symlinkSync('../secret', path.join(cwd, 'dist', 'out'))
  const { url } = await start()
  const app = await fetch(`${url}/assets/app.js`, { headers: { 'accept-encoding': 'br' } })
  t.is(await app.text(), script)
  t.is(app.headers.get('content-encoding'), 'br')
  t.is(app.headers.get('cache-control'), 'max-age=31536000, immutable')
  t.is((await fetch(`${url}/assets/none.js`)).status, 404)
  for (const place of ['/', '/deep/link']) t.is(await (await fetch(url + place)).text(), '<h1>The app</h1>', place)
  for (const place of ['/.env', '/out', '/..%2fsecret', '/%2e%2e%2fsecret']) {
    t.not(await (await fetch(url + place)).text(), 'secret', place)
  }
  t.is((await fetch(`${url}/.env`)).status, 404)
  t.regex(await (await fetch(`${url}/api/time`)).text(), /^\d{4}-/)
  const { headers } = await fetch(`${url}/index.html`)
  const again = await fetch(`${url}/index.html`, { headers: { 'if-none-match': headers.get('etag')! } })
  t.is(again.status, 304)
  const part = await fetch(`${url}/index.html`, { headers: { range: 'bytes=4-6' } })
  t.deepEqual([part.status, await part.text()], [206, 'The'])
  t.is((await fetch(`${url}/index.html`, { method: 'DELETE' })).status, 405)
})

show('files are compressed ahead', '// compress.mjs', async (t, { run, cwd }) => {
  write(cwd, { 'dist/a/large.css': 'x'.repeat(5000), 'dist/small.css': 'x', 'dist/picture.png': 'x'.repeat(5000) })
  t.deepEqual(await run(), { code: 0, output: 'compressed\n', errors: '' })
  const made = readdirSync(path.join(cwd, 'dist'), { recursive: true, encoding: 'utf8' })
  t.deepEqual(made.map((name) => name.replaceAll(path.sep, '/')).sort(), [
    'a',
    'a/large.css',
    'a/large.css.br',
    'a/large.css.gz',
    'picture.png',
    'small.css',
  ])
})

show('a handler chooses a file', "root: 'reports'", async (t, { start, cwd }) => {
  write(cwd, { 'reports/7.csv': 'a,b\n1,2\n', 'pages/one.html': 'one', 'pages/missing.html': 'missing', outside: 'no' })
  const { url } = await start()
  const report = await fetch(`${url}/reports/7`)
  t.is(await report.text(), 'a,b\n1,2\n')
  t.is(report.headers.get('content-type'), 'text/csv; charset=utf-8')
  t.is(
    report.headers.get('content-disposition'),
    `attachment; filename="Ums_tze _Q3_.csv"; filename*=UTF-8''Ums%C3%A4tze%20%22Q3%22.csv`,
  )
  t.is((await fetch(`${url}/reports/8`)).status, 404)
  const part = await fetch(`${url}/raw/7.csv`, { headers: { range: 'bytes=0-2' } })
  t.deepEqual([part.status, await part.text()], [206, 'a,b'])
  t.is((await fetch(`${url}/raw/..%2foutside`)).status, 404)
  t.is(await (await fetch(`${url}/pages/one`)).text(), 'one')
  const missing = await fetch(`${url}/pages/two`)
  t.deepEqual([missing.status, await missing.text()], [404, 'missing'])
})

show('a part of a file is a piece of a body', "open('records.bin')", async (t, { start, cwd }) => {
  if (process.platform === 'win32') {
    t.pass('the core has no use for descriptors of JavaScript there')
    return
  }
  write(cwd, { 'records.bin': Array.from({ length: 9 }, (_, at) => `record${at}\n`).join('') })
  const { url } = await start()
  t.is(await (await fetch(`${url}/records/2/2`)).text(), 'begin\nrecord2\nrecord3\nend\n')
  t.is((await fetch(`${url}/records/8/2`)).status, 500)
})

show('an upload goes to the disk, whole or not at all', "from 'node:stream/promises'", async (t, { start, cwd }) => {
  const { url, errors } = await start()
  const body = Buffer.alloc(12_000_000, 'millrace')
  const stored = await fetch(`${url}/uploads/large.bin`, { method: 'PUT', body })
  t.deepEqual([stored.status, stored.headers.get('location')], [201, '/uploads/large.bin'])
  t.true(readFileSync(path.join(cwd, 'uploads', 'large.bin')).equals(body))
  const back = await fetch(`${url}/uploads/large.bin`)
  t.true(Buffer.from(await back.arrayBuffer()).equals(body))
  t.is((await fetch(`${url}/uploads/.profile`, { method: 'PUT', body: 'x' })).status, 400)

  const abandoned = connect(Number(new URL(url).port), '127.0.0.1')
  await once(abandoned, 'connect')
  abandoned.write('PUT /uploads/half HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf')
  const parts = (): string[] => readdirSync(path.join(cwd, 'uploads', 'part'))
  for (let tries = 0; parts().length === 0 && tries < 100; tries++) await sleep(20)
  t.is(parts().length, 1)
  abandoned.destroy()
  for (let tries = 0; parts().length > 0 && tries < 100; tries++) await sleep(20)
  t.deepEqual(parts(), [])
  t.is((await fetch(`${url}/uploads/half`)).status, 404)
  t.is(errors(), '')
})

function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
}
