import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import { createServer, type Server } from '#dist/index'
import { configurations, freePort, installed, serving } from './configurations'
import { page } from './page'

const { show } = page('docs/guides/behind-a-proxy.md')
const PAGE = 'docs/guides/behind-a-proxy.md'
const UPSTREAM = '127.0.0.1:3000'

test('nginx does what the guide says', async (t) => {
  const nginx = installed(t, 'nginx')
  if (nginx === undefined) return
  const folder = folderOf(t)
  const { server, place } = await upstream(t)
  const port = await freePort()
  const [sites] = configurations(PAGE, 'nginx')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const file = path.join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1; events {}\n` +
      `http { access_log off; ${temporary.join(' ')}\n` +
      `${sites.replace(UPSTREAM, place).replace('listen 80', `listen 127.0.0.1:${port}`)}}\n`,
  )
  await serving(t, port, nginx, ['-e', 'stderr', '-p', folder, '-c', file])
  await passesAll(t, server, port)
})

test('Caddy does what the guide says', async (t) => {
  const caddy = installed(t, 'caddy')
  if (caddy === undefined) return
  const folder = folderOf(t)
  const { server, place } = await upstream(t)
  const port = await freePort()
  const [site] = configurations(PAGE, 'caddyfile')
  const file = path.join(folder, 'Caddyfile')
  writeFileSync(file, `{\n\tadmin off\n}\n${site.replace(UPSTREAM, place).replace('example.org', `http://:${port}`)}`)
  await serving(t, port, caddy, ['run', '--config', file, '--adapter', 'caddyfile'], {
    env: { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  })
  await passesAll(t, server, port)
})

test('HAProxy does what the guide says', async (t) => {
  const haproxy = installed(t, 'haproxy')
  if (haproxy === undefined) return
  const folder = folderOf(t)
  const { server, place } = await upstream(t)
  const port = await freePort()
  const [configuration] = configurations(PAGE, 'haproxy')
  const file = path.join(folder, 'haproxy.cfg')
  writeFileSync(file, configuration.replace(UPSTREAM, place).replace('bind :80', `bind 127.0.0.1:${port}`))
  await serving(t, port, haproxy, ['-db', '-f', file])
  await passesAll(t, server, port)
})

test('the PROXY protocol is refused', async (t) => {
  const { place } = await upstream(t)
  const second = Buffer.from('0d0a0d0a000d0a515549540a2111000c7f0000017f00000130390050', 'hex')
  for (const first of ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', second]) {
    const socket = connect(Number(place.split(':')[1]), '127.0.0.1')
    socket.write(first)
    socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    t.regex(await text(socket), /^HTTP\/1\.1 400 /)
  }
})

show('the client is who our proxy says it is', '// client.mjs', async (t, { start }) => {
  const { url } = await start()
  const asked = async (headers: Record<string, string>): Promise<string> => (await fetch(url, { headers })).text()
  t.is(await asked({}), 'Come through the front door.\n')
  t.is(await asked({ 'x-forwarded-for': '' }), 'Come through the front door.\n')
  t.is(
    await asked({ 'x-forwarded-for': '10.9.9.9, 192.0.2.7', 'x-forwarded-proto': 'https' }),
    'You are 192.0.2.7, by https\n',
  )
})

show('a Unix domain socket is for its group', '// socket.mjs', async (t, { start, cwd }) => {
  mkdirSync(path.join(cwd, 'run'))
  const socketPath = path.join(cwd, 'run', 'web.sock')
  const { child } = await start((source) => source.replace('console.log(path)', 'console.log(`http://x/`)'), {
    SOCKET: socketPath,
  })
  t.is(statSync(socketPath).mode & 0o777, 0o660)
  const asked = request({ socketPath, path: '/' }).end()
  const [answer] = await once(asked, 'response')
  t.is(await text(answer), 'Hello through a file\n')
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  t.deepEqual(await exited, [0, null])
  t.throws(() => statSync(socketPath), { code: 'ENOENT' })
})

show('events are sent one by one', '// events.mjs', async (t, { start }) => {
  const { url } = await start()
  t.true((await pieces(`${url}/events`)).length > 1)
})

/** What the page says that its configurations do. */
async function passesAll(t: ExecutionContext, server: Server, port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}`
  const headers = { 'x-forwarded-for': '10.9.9.9', 'x-forwarded-proto': 'https' }
  const before = server.stats().accepted
  for (let times = 0; times < 10; times++) {
    const told = (await (await fetch(url, { headers })).json()) as Record<string, string>
    t.like(told, { host: `127.0.0.1`, for: '127.0.0.1', proto: 'http' })
  }
  t.true(server.stats().accepted - before <= 2, 'connections are kept')

  const body = Buffer.alloc(2 * 1024 * 1024)
  t.is(await (await fetch(`${url}/count`, { method: 'POST', body })).text(), String(body.length))

  const streamed = await pieces(`${url}/events`)
  t.is(streamed.join(''), 'data: one\n\ndata: two\n\n')
  t.true(streamed.length > 1)

  const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`)
  await once(socket, 'open')
  socket.send('hello')
  t.is(String((await once(socket, 'message'))[0]), 'hello')
  socket.close()
  await once(socket, 'close')
}

async function pieces(url: string): Promise<string[]> {
  const all: string[] = []
  for await (const piece of (await fetch(url)).body!.pipeThrough(new TextDecoderStream())) all.push(piece)
  return all
}

/** A server for the proxies, which tells what it was told. */
async function upstream(t: ExecutionContext): Promise<{ server: Server; place: string }> {
  const server = createServer({
    handler(request, response) {
      const { headers } = request
      const host = headers.get('host')?.replace(/:\d+$/, '')
      const told = { host, for: headers.get('x-forwarded-for'), proto: headers.get('x-forwarded-proto') }
      response.end(JSON.stringify(told))
    },
  })
  server.post('/count', async (request, response) => response.end(String((await request.bytes()).length)))
  server.get('/events', async (_request, response) => {
    response.setHeader('content-type', 'text/event-stream')
    response.setHeader('x-accel-buffering', 'no')
    response.write('data: one\n\n')
    await sleep(300)
    response.end('data: two\n\n')
  })
  server.websocket('/echo', { message: (socket, data) => void socket.send(data) })
  const { port } = await server.listen({ host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 1000 }))
  return { server, place: `127.0.0.1:${port}` }
}

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-proxy-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
