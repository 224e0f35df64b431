import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import ava, { type ExecutionContext } from 'ava'
import { fetch } from 'undici'
import { WebSocket } from 'ws'
import { Client } from './websockets/served'

// The chat of examples/chat, as a program of its own, with clients of the `ws` package and, where there is one, a browser.

const test = ava.serial
const script = path.join(path.dirname(require.resolve('millrace/package.json')), 'examples', 'chat', 'server.mjs')
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

test('serves its page, and refuses who does not say a name or comes from elsewhere', async (t) => {
  const url = await start(t)
  const page = await fetch(url)
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8')
  t.true((await page.text()).includes('page.js'))
  for (const [target, origin, status] of [
    ['rooms/a', undefined, 400],
    ['rooms/a?name=Ann', 'http://elsewhere.example', 403],
  ] as const) {
    const refused = new WebSocket(`${socketUrl(url)}/${target}`, origin === undefined ? {} : { origin })
    const [error] = (await once(refused, 'error')) as [Error]
    t.regex(error.message, new RegExp(String(status)))
  }
})

test('tells a room who comes, says something and goes, and other rooms nothing', async (t) => {
  const url = await start(t)
  const open = (who: string, room: string): Client => {
    const socket = new WebSocket(`${socketUrl(url)}/rooms/${encodeURIComponent(room)}?name=${who}`)
    t.teardown(() => socket.terminate())
    return new Client(socket)
  }
  const said = async (client: Client): Promise<unknown> => JSON.parse((await client.next()) as string)
  const ann = open('Ann', 'a/+')
  t.deepEqual(await said(ann), { name: 'Ann', event: 'joins', present: 1 })
  const other = open('Eve', 'a/b')
  t.deepEqual(await said(other), { name: 'Eve', event: 'joins', present: 1 })
  const bob = open('Bob', 'a/+')
  t.deepEqual(await said(bob), { name: 'Bob', event: 'joins', present: 2 })
  bob.socket.send('grüezi')
  t.deepEqual(await said(bob), { name: 'Bob', event: 'says', text: 'grüezi', present: 2 })
  bob.socket.close()
  for (const event of ['joins', 'says', 'leaves']) t.like(await said(ann), { name: 'Bob', event })
  // Whoever comes later hears what was said before.
  const late = open('Cem', 'a/+')
  t.like(await said(late), { name: 'Bob', event: 'says', text: 'grüezi' })
  t.like(await said(late), { name: 'Cem', event: 'joins' })
  other.socket.send('alone')
  t.like(await said(other), { event: 'says', text: 'alone' })
})

const inBrowser = CHROMIUM === undefined ? test.skip : test

for (const [what, size] of [
  ['a telephone', '390,800'],
  ['a desk', '1400,900'],
] as const) {
  inBrowser(`works in a browser as wide as ${what}’s`, async (t) => {
    const url = await start(t)
    const ann = new Client(new WebSocket(`${socketUrl(url)}/rooms/hall?name=Ann`))
    t.teardown(() => ann.socket.terminate())
    t.like(JSON.parse((await ann.next()) as string), { name: 'Ann', event: 'joins' })
    const page = await browse(t, url, size)
    await page(`document.forms.join.elements.name.value = 'Bob'; document.forms.join.requestSubmit()`)
    t.is(JSON.parse((await ann.next()) as string).name, 'Bob')
    ann.socket.send('hello, browser')
    await page.until(`document.getElementById('messages').textContent.includes('Ann: hello, browser')`)
    await page(`document.forms.say.elements.text.value = 'grüezi'; document.forms.say.requestSubmit()`)
    const seen: string[] = []
    while (!seen.includes('grüezi')) seen.push(JSON.parse((await ann.next()) as string).text)
    t.true(await page.until(`document.getElementById('state').textContent === 'hall: 2 present'`))
    t.true(await page(`document.documentElement.scrollWidth <= innerWidth`))
  })
}

/** Starts the example, and gives its address. */
async function start(t: ExecutionContext): Promise<string> {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return line
}

interface Page {
  /** Runs a program in the page, and gives what it comes to. */
  (program: string): Promise<unknown>
  /** Waits until a program comes to true. */
  until(program: string): Promise<boolean>
}

/** Opens an address in a browser without a window, which is told what to do by its debugging protocol. */
async function browse(t: ExecutionContext, url: string, size: string): Promise<Page> {
  const profile = await mkdtemp(path.join(tmpdir(), 'millrace-browser-'))
  const child = spawn(
    CHROMIUM!,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--no-proxy-server',
      '--remote-debugging-port=0',
      `--window-size=${size}`,
      `--user-data-dir=${profile}`,
      url,
    ],
    // A group of its own: a browser is many processes.
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  )
  t.teardown(async () => {
    process.kill(-child.pid!, 'SIGKILL')
    await once(child, 'exit')
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  // Read on to its end: a browser that cannot say what it has to say stops.
  const lines = createInterface(child.stderr)
  const port = await new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const found = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(line)
      if (found !== null) resolve(found[1])
    })
  })
  const place = async (): Promise<string | undefined> => {
    const pages = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as Array<Record<string, string>>
    return pages.find((page) => page['url'].startsWith(url))?.['webSocketDebuggerUrl']
  }
  let debugging = await place()
  while (debugging === undefined) {
    await sleep(50)
    debugging = await place()
  }
  const client = new Client(new WebSocket(debugging))
  await once(client.socket, 'open')
  const run = async (expression: string): Promise<unknown> => {
    client.socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }))
    return JSON.parse((await client.next()) as string).result.result.value
  }
  const until = async (program: string): Promise<boolean> => {
    while ((await run(program)) !== true) await sleep(20)
    return true
  }
  const page: Page = Object.assign(run, { until })
  // Until then it shows an empty page, which is complete as well.
  await page.until(`location.href.startsWith(${JSON.stringify(url)}) && document.readyState === 'complete'`)
  return page
}

function socketUrl(url: string): string {
  return url.replace('http', 'ws')
}
