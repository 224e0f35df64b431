import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'

// The programs of docs/guides/websockets.md and of the pages for those who come from elsewhere, each in a process of its own.

const home = path.dirname(require.resolve('millrace/package.json'))
const folder = path.join(home, 'build', 'guide')

const programs = (page: string): string[] =>
  [...readFileSync(path.join(home, 'docs', page), 'utf8').matchAll(/```js\n(.*?)```/gs)].map(([, source]) => source)

const blocks = programs(path.join('guides', 'websockets.md'))
const shown = new Set<string>()

test.before(() => mkdirSync(folder, { recursive: true }))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

show('/echo', async (t, url) => {
  const { next, socket } = await open(`${url}/echo`)
  socket.send('hello')
  t.is(await next(), 'hello')
  t.is((await fetch(`${url}/echo`)).status, 426)
})

show('/rooms/:room', async (t, url) => {
  const { next } = await open(`${url}/rooms/attic`, 'Bearer secret')
  t.is(await next(), 'Ada is in attic, from 127.0.0.1')
  await t.throwsAsync(open(`${url}/rooms/attic`), { message: /401/ })
})

show('/upload', async (t, url) => {
  const { next, socket } = await open(`${url}/upload`)
  socket.send(Buffer.alloc(300_000))
  t.is(await next(), '300000 bytes')
})

show('/report', async (t, url) => {
  const { next, socket } = await open(`${url}/report`)
  const closed = once(socket, 'close')
  t.is(await next(), 'first')
  t.is(await next(), 'x'.repeat(1000))
  t.is(await next(), '1000 bytes written; done')
  const [code, reason] = (await closed) as [number, Buffer]
  t.deepEqual([code, String(reason)], [1000, 'that was all'])
})

show('/prices/:symbol', async (t, url) => {
  const one = await open(`${url}/prices/abc`)
  const all = await open(`${url}/everything`)
  const publish = (symbol: string, body: string): Promise<string> =>
    fetch(`${url}/prices/${symbol}`, { method: 'POST', body }).then((answer) => answer.text())
  t.is(await publish('abc', '1'), '1 asked for just this\n')
  t.is(await publish('xyz', '2'), '0 asked for just this\n')
  t.is(await one.next(), '1')
  t.deepEqual([await all.next(), await all.next()], ['1', '2'])
  const other = await open(`${url}/prices/from-clients`)
  all.socket.send('3')
  t.is(await other.next(), '3')
})

show('/ticker', async (t, url) => {
  const { socket } = await open(`${url}/ticker`)
  t.is(socket.readyState, WebSocket.OPEN)
})

const [shared, detached] = programs(path.join('coming-from', 'ws.md'))

test('docs/coming-from/ws.md: a server is shared', async (t) => {
  const url = await run(t, 'shared', shared)
  const { next, socket } = await open(`${url}/live`)
  t.is(await next(), 'hello 127.0.0.1')
  socket.send('back')
  t.is(await next(), 'back')
  t.is(await (await fetch(url)).text(), 'a page\n')
})

test('docs/coming-from/ws.md: a handler hands a request over', async (t) => {
  const url = await run(t, 'detached', detached)
  const { next } = await open(`${url}/in`, 'Bearer secret')
  t.is(await next(), 'hello Ada, you asked for /in')
  await t.throwsAsync(open(url), { message: /401/ })
})

test('docs/coming-from/uwebsockets.md: a room is a topic', async (t) => {
  const url = await run(t, 'rooms', programs(path.join('coming-from', 'uwebsockets.md'))[1])
  const [one, two] = await Promise.all([open(`${url}/rooms/a`), open(`${url}/rooms/a`)])
  one.socket.send('hello')
  t.deepEqual([await one.next(), await two.next()], ['hello', 'hello'])
})

test('every program of the guide is shown', (t) => {
  t.is(blocks.length, shown.size)
})

/** Runs the program that has this route, alone or as a part of the first one. */
function show(route: string, check: (t: ExecutionContext, url: string) => Promise<void>): void {
  shown.add(route)
  test(`docs/guides/websockets.md: the program with ${route} does what it says`, async (t) => {
    const source = blocks.find((block) => block.includes(`server.websocket('${route}'`))!
    await check(t, await run(t, route, source))
  })
}

/** Starts a program, or a part of one, and gives its address. */
async function run(t: ExecutionContext, name: string, source: string): Promise<string> {
  const program = source.startsWith('import') ? source : `${BEFORE}${source}${AFTER}`
  const file = path.join(folder, `${name.replace(/\W/g, '')}.mjs`)
  writeFileSync(file, program.replace('port: 3000', 'port: 0'))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return url
}

const BEFORE = "import { createServer } from 'millrace'\nconst server = createServer()\n"
const AFTER = "const { url } = await server.listen({ host: '127.0.0.1', port: 0 })\nconsole.log(url)\n"

/** A client that has been accepted, and its messages one by one. */
async function open(url: string, authorization?: string): Promise<{ socket: WebSocket; next: () => Promise<string> }> {
  const headers = authorization === undefined ? {} : { authorization }
  const socket = new WebSocket(url.replace('http', 'ws'), { headers })
  const messages: string[] = []
  const waiting: Array<(message: string) => void> = []
  socket.on('message', (data: Buffer) => {
    const asked = waiting.shift()
    if (asked === undefined) messages.push(String(data))
    else asked(String(data))
  })
  await once(socket, 'open')
  const next = (): Promise<string> => {
    const message = messages.shift()
    return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message)
  }
  return { socket, next }
}
