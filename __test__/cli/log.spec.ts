import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import ava from 'ava'
import { start, textOf } from './command'

// The log of the command, line by line.

const test = ava.serial

const FILES = {
  'app.mjs': `export default {
    routes: { 'GET /only': (request, response) => response.end('only') },
    handler(request, response) {
      if (request.path === '/fails') throw new Error('no luck')
      if (request.path === '/waits') {
        console.error('asked')
        request.signal.addEventListener('abort', () => console.error('gone'))
      } else response.end('served')
    },
  }`,
  'public/index.html': '<p>home',
}
const TIME = /\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]/g

test('a module: answers of handlers, of the core, and of nobody', async (t) => {
  const millrace = await start(t, FILES, ['app.mjs', '-p', '0', '--log', 'combined'])
  const url = await millrace.url()
  const { port } = new URL(url)
  await textOf(`${url}a?b=c`, { headers: { 'user-agent': 'one "two" \\ three', referer: 'http://a/' } })
  await textOf(`${url}only`, { method: 'POST', headers: { 'user-agent': 'x' } })
  await textOf(`${url}fails`, { method: 'HEAD', headers: { 'user-agent': 'x' } })
  await raw(port, 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n')
  await raw(port, 'GET /%0a"\\ HTTP/1.0\r\nUser-Agent: \xe4\r\n\r\n')
  const waits = connect(Number(port), '127.0.0.1').on('error', () => undefined)
  waits.write('GET /waits HTTP/1.1\r\nHost: a\r\n\r\n')
  await millrace.errors.next(/asked\n/)
  waits.resetAndDestroy()
  await millrace.errors.next(/gone\n/)
  t.is(await millrace.stop(), 0)
  t.deepEqual(linesOf(millrace.out.text), [
    String.raw`127.0.0.1 - - TIME "GET /a?b=c HTTP/1.1" 200 6 "http://a/" "one \"two\" \\ three"`,
    '127.0.0.1 - - TIME "POST /only HTTP/1.1" 405 37 "-" "x"',
    '127.0.0.1 - - TIME "HEAD /fails HTTP/1.1" 500 - "-" "x"',
    '127.0.0.1 - - TIME "-" 400 65 "-" "-"',
    String.raw`127.0.0.1 - - TIME "GET /%0a\"\\ HTTP/1.0" 200 6 "-" "\xe4"`,
    '127.0.0.1 - - TIME "GET /waits HTTP/1.1" 499 - "-" "-"',
  ])
})

test('a folder: files, parts, what is not modified and what is not there', async (t) => {
  const millrace = await start(t, FILES, ['public', '-p', '0', '--log=common'])
  const url = await millrace.url()
  const response = await fetch(url, { headers: { connection: 'close' } })
  await response.text()
  await textOf(url, { headers: { range: 'bytes=0-2' } })
  await textOf(url, { headers: { 'if-none-match': response.headers.get('etag')! } })
  await textOf(`${url}nothing`)
  t.is(await millrace.stop(), 0)
  t.deepEqual(linesOf(millrace.out.text), [
    '127.0.0.1 - - TIME "GET / HTTP/1.1" 200 7',
    '127.0.0.1 - - TIME "GET / HTTP/1.1" 206 3',
    '127.0.0.1 - - TIME "GET / HTTP/1.1" 304 -',
    '127.0.0.1 - - TIME "GET /nothing HTTP/1.1" 404 10',
  ])
})

test('JSON has an object in each line', async (t) => {
  const millrace = await start(t, FILES, ['app.mjs', '-p', '0', '--log', 'json', '--threads', '2'])
  const url = await millrace.url()
  await textOf(`${url}a"b`, { headers: { 'user-agent': 'x' } })
  t.is(await millrace.stop(), 0)
  const [, line] = millrace.out.text.split('\n')
  const { time, duration, ...rest } = JSON.parse(line!) as { time: string; duration: number }
  t.true(Math.abs(Date.now() - Date.parse(time)) < 60_000)
  t.true(duration > 0 && duration < 60_000)
  t.deepEqual(rest, {
    remoteAddress: '127.0.0.1',
    method: 'GET',
    url: '/a%22b',
    httpVersion: '1.1',
    status: 200,
    bytes: 6,
    host: new URL(url).host,
    userAgent: 'x',
  } as never)
})

test('the one for people is coloured only when that is asked for', async (t) => {
  for (const [env, pattern] of [
    [{}, /^\d\d:\d\d:\d\d 127\.0\.0\.1 GET \/fails 500 Internal Server Error 22 B \d+(?:\.\d)? ms$/m],
    [
      { FORCE_COLOR: '1' },
      // oxlint-disable-next-line no-control-regex
      /^\x1b\[2m\d\d:\d\d:\d\d 127\.0\.0\.1\x1b\[22m GET \/fails \x1b\[31m500 Internal Server Error\x1b\[39m \x1b\[2m22 B /m,
    ],
  ] as Array<[NodeJS.ProcessEnv, RegExp]>) {
    const millrace = await start(t, FILES, ['app.mjs', '-p', '0', '--log', 'dev'], env)
    await textOf(`${await millrace.url()}fails`)
    await millrace.stop()
    t.regex(millrace.out.text, pattern)
  }
})

test('a file is appended to, by all threads, and standard output left alone', async (t) => {
  const millrace = await start(t, { ...FILES, log: 'before\n' }, ['app.mjs', '-p', '0', '-t', '2', '--log-file', 'log'])
  const url = await millrace.url()
  for (let i = 0; i < 20; i++) await textOf(`${url}${i}`)
  t.is(await millrace.stop(), 0)
  t.is(millrace.out.text, `millrace is listening on ${url}\n`)
  const lines = (await readFile(path.join(millrace.folder, 'log'), 'utf8')).trimEnd().split('\n')
  t.is(lines.shift(), 'before')
  const asked = lines.map((line) => /"GET \/(\d+) HTTP\/1\.1" 200 6 "-" "/.exec(line)?.[1])
  t.deepEqual(
    asked.sort((a, b) => Number(a) - Number(b)),
    Array.from({ length: 20 }, (_, i) => String(i)),
  )
})

test('a file that is made is not for everybody to read', async (t) => {
  const millrace = await start(t, FILES, ['app.mjs', '-p', '0', '--log-file', 'log'])
  await millrace.url()
  t.is((await stat(path.join(millrace.folder, 'log'))).mode & 0o137, 0)
  t.is(await millrace.stop(), 0)
})

test('a file that cannot be written is told before anything is served', async (t) => {
  const millrace = await start(t, FILES, ['app.mjs', '-p', '0', '--log-file', 'nowhere/log'])
  t.is(await millrace.ended, 1)
  t.regex(millrace.errors.text, /^millrace: cannot write the log: ENOENT/)
})

test('there is no log unless it is asked for where nobody looks on', async (t) => {
  const millrace = await start(t, FILES, ['app.mjs', '-p', '0'])
  const url = await millrace.url()
  await textOf(url)
  await millrace.stop()
  t.is(millrace.out.text, `millrace is listening on ${url}\n`)
})

/** The lines of the log, with `TIME` for the time. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('millrace is listening'))
    .map((line) => line.replace(TIME, 'TIME'))
}

/** Sends bytes and waits for the connection to be closed. */
async function raw(port: string, request: string): Promise<void> {
  const socket = connect(Number(port), '127.0.0.1')
  socket.end(Buffer.from(request, 'latin1'))
  socket.resume()
  await once(socket, 'close')
}
