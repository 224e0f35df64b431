import { once } from 'node:events'
import { createServer as createNetServer, type AddressInfo } from 'node:net'
import { Agent, fetch as fetchWith } from 'undici'
import ava from 'ava'
import { selfSignedCertificate } from 'millrace'
import { start, textOf } from './command'

// Where the command listens, and how.

const test = ava.serial

const APP = { 'app.mjs': `export default (request, response) => response.end(String(request.secure))` }

test('the command line goes before the environment, and that before the module', async (t) => {
  const free = await freePorts(3)
  const [first, second, third] = free.map(String) as [string, string, string]
  const module = { 'app.mjs': `export default { port: ${third}, handler: (request, response) => response.end() }` }
  for (const [args, env, port] of [
    [['-p', first], { PORT: second }, first],
    [[], { PORT: second }, second],
    [[], {}, third],
  ] as Array<[string[], NodeJS.ProcessEnv, string]>) {
    const millrace = await start(t, module, ['app.mjs', ...args], env)
    t.is(await millrace.url(), `http://127.0.0.1:${port}/`)
    t.is(await millrace.stop(), 0)
  }
})

test('the address is that of the option, the environment or the module', async (t) => {
  const module = { 'app.mjs': `export default { host: '127.0.0.4', handler: (request, response) => response.end() }` }
  for (const [args, env, host] of [
    [['--host', '127.0.0.2'], { HOST: '127.0.0.3' }, '127.0.0.2'],
    [[], { HOST: '127.0.0.3' }, '127.0.0.3'],
    [[], {}, '127.0.0.4'],
  ] as Array<[string[], NodeJS.ProcessEnv, string]>) {
    const millrace = await start(t, module, ['app.mjs', '-p', '0', ...args], env)
    t.is(new URL(await millrace.url()).hostname, host)
    await millrace.stop()
  }
})

test('a port that is taken is told with the next one that is free', async (t) => {
  const other = createNetServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  for (const more of [[], ['--watch'], ['--threads', '2']]) {
    const millrace = await start(t, APP, ['app.mjs', '-p', String(port), ...more])
    t.is(await millrace.ended, 1)
    const [said, free] = /another program has this port\. --port (\d+) is free/.exec(millrace.errors.text) ?? []
    t.true(
      millrace.errors.text.startsWith(`millrace: cannot listen on 127.0.0.1:${port}: ${said}`),
      millrace.errors.text,
    )
    t.true(Number(free) > port)
  }
})

test('addresses that cannot be had are told with what can', async (t) => {
  const foreign = await start(t, APP, ['app.mjs', '-p', '0', '-H', '192.0.2.1'])
  t.is(await foreign.ended, 1)
  t.regex(foreign.errors.text, /^millrace: cannot listen on 192\.0\.2\.1:0: this machine does not have that address\./)
})

test('a certificate is made in memory for --tls, and plain HTTP is sent there', async (t) => {
  const millrace = await start(t, APP, ['app.mjs', '-p', '0', '--tls'])
  const url = await millrace.url()
  t.regex(url, /^https:\/\/127\.0\.0\.1:\d+\/$/)
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  t.teardown(() => dispatcher.destroy())
  t.is(await (await fetchWith(url, { dispatcher })).text(), 'true')
  const plain = await fetch(url.replace('https:', 'http:'), { redirect: 'manual' })
  t.is(plain.status, 308)
  t.is(plain.headers.get('location'), url)
})

test('a certificate from files is what clients see', async (t) => {
  const { cert, key } = selfSignedCertificate()
  const files = { ...APP, 'tls/cert.pem': cert, 'tls/key.pem': key }
  for (const more of [[], ['--threads', '2']]) {
    const args = ['app.mjs', '-p', '0', '--cert', 'tls/cert.pem', '--key', 'tls/key.pem', ...more]
    const millrace = await start(t, files, args)
    const dispatcher = new Agent({ connect: { ca: cert } })
    t.is(await (await fetchWith(await millrace.url(), { dispatcher })).text(), 'true')
    await dispatcher.destroy()
    await millrace.stop()
  }
})

test('a folder is served with types, parts and conditions, and keeps to itself what begins with a dot', async (t) => {
  const files = { 'public/index.html': '<p>home', 'public/a/b.css': 'p {}', 'public/.env': 'secret', 'near.txt': 'no' }
  const millrace = await start(t, files, ['./public', '--port=0'])
  const url = await millrace.url()
  t.is(await textOf(url), '<p>home')
  const style = await fetch(`${url}a/b.css`, { headers: { range: 'bytes=2-' } })
  t.deepEqual(
    [style.status, style.headers.get('content-type'), await style.text()],
    [206, 'text/css; charset=utf-8', '{}'],
  )
  const etag = (await fetch(url)).headers.get('etag')!
  t.is((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304)
  for (const path of ['.env', 'a/', 'nothing', '..%2fnear.txt', '%2e%2e/near.txt']) {
    t.is((await fetch(url + path)).status, 404, path)
  }
  t.is(await millrace.stop(), 0)
})

test('folders are listed, and applications sent for all paths, when that is asked for', async (t) => {
  const files = { 'public/a/b.css': 'p {}', 'public/index.html': '<p>home' }
  const listing = await start(t, files, ['public', '-p', '0', '--list'])
  t.regex(await textOf(`${await listing.url()}a/`), /b\.css/)
  const spa = await start(t, files, ['public', '-p', '0', '--spa'])
  t.is(await textOf(`${await spa.url()}some/route`), '<p>home')
})

for (const [args, message] of [
  [['public', '--watch'], '--watch is for modules'],
  [['public', '--compression'], '--compression is for modules'],
  [['app.mjs', '--spa'], '--spa is for folders, and app.mjs is a module.'],
  [['app.mjs', 'public'], 'one module or folder is served, but 2 are given.'],
  [['app.mjs', '--port', '65536'], '--port has to be a whole number from 0 to 65535, but it is "65536".'],
  [['app.mjs', '--port', 'http'], '--port has to be a whole number from 0 to 65535, but it is "http".'],
  [['app.mjs', '--threads', '0'], '--threads has to be a whole number from 1 to 64, but it is "0".'],
  [
    ['app.mjs', '--log', 'comon'],
    '--log has to be dev, common, combined, json or off, but it is "comon". Did you mean common?',
  ],
  [['app.mjs', '--cert', 'a.pem'], '--cert and --key belong together.'],
  [['app.mjs', '--cert', 'a.pem', '--key', 'b.pem'], 'There is no file "a.pem". `millrace cert` makes some.'],
  [['app.mjs', '--wach'], 'There is no option --wach. Did you mean --watch?'],
  [['public/index.html'], '"public/index.html" is no module (.js, .mjs, .cjs, .ts, .mts, .cts). To serve it as a file'],
  [['publc'], 'There is no file or folder, and no command, "publc". Did you mean public?'],
  [['./ap.mjs'], 'There is no file or folder "./ap.mjs". Did you mean ./app.mjs?'],
] as Array<[string[], string]>) {
  test(`\`millrace ${args.join(' ')}\` is refused with a hint`, async (t) => {
    const millrace = await start(t, { ...APP, 'public/index.html': '' }, args)
    t.is(await millrace.ended, 2)
    t.is(millrace.out.text, '')
    t.true(millrace.errors.text.startsWith(`millrace: ${message}`), millrace.errors.text)
    t.regex(millrace.errors.text, /\nTry `millrace (?:serve )?--help`\.\n$/)
  })
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createNetServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
