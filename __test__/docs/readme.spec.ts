import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { WebSocket } from 'ws'
import { HOME } from './blocks'
import { page } from './page'

const { show } = page('README.md')

show('the handler greets', '// server.mjs', async (t, { start }) => {
  const { url } = await start()
  t.is(await (await fetch(url)).text(), 'Hello, World!\n')
  t.is(await (await fetch(url, { method: 'POST', body: 'Ada' })).text(), 'Hello, Ada!\n')
})

show('the app has routes, files, a fixed answer and rooms', '// app.mjs', async (t, { start, cwd }) => {
  mkdirSync(path.join(cwd, 'public'))
  writeFileSync(path.join(cwd, 'public', 'style.css'), 'body {}')
  const { url, child } = await start()
  t.is(await (await fetch(`${url}/users/7`)).text(), 'user 7\n')
  t.is(await (await fetch(`${url}/assets/style.css`)).text(), 'body {}')
  t.deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'ok' })

  const room = url.replace('http', 'ws') + '/rooms/attic'
  const stranger = new WebSocket(room)
  const [error] = (await once(stranger, 'error')) as [Error]
  t.regex(error.message, /401/)
  const [one, two] = ['Ada', 'Grace'].map((user) => new WebSocket(room, { headers: { cookie: `user=${user}` } }))
  await Promise.all([once(one, 'open'), once(two, 'open')])
  one.send('hello')
  const [[first], [second]] = (await Promise.all([once(one, 'message'), once(two, 'message')])) as Buffer[][]
  t.deepEqual([String(first), String(second)], ['Ada: hello', 'Ada: hello'])

  // There are no signals on Windows.
  if (process.platform === 'win32') return
  child.kill('SIGTERM')
  const [[code], [exit]] = (await Promise.all([once(one, 'close'), once(child, 'exit')])) as number[][]
  t.deepEqual([code, exit], [1001, 0])
})

/** Rows of the table of figures: what they show of which scenario. */
const FIGURES: ReadonlyArray<readonly [row: string, scenario: string, figure: string]> = [
  ['JSON answers a second', 'json', 'rate'],
  ['… µs of the JavaScript thread for each', 'json', 'javascript'],
  ['pipelined answers a second', 'pipelined', 'rate'],
  ['HTTPS answers a second', 'tls-hello', 'rate'],
  ['WebSocket echoes a second, 16 in flight', 'ws-echo-16', 'rate'],
  ['WebSocket echoes of 16 KiB a second', 'ws-echo-16k', 'rate'],
  ['KiB for an idle WebSocket', 'ws-idle', 'memory'],
  ['one request at a time, p50 µs', 'latency', 'p50'],
]

test('the figures of the README are those of the committed results', (t) => {
  const readme = readFileSync(path.join(HOME, 'README.md'), 'utf8')
  const results = JSON.parse(readFileSync(path.join(HOME, 'bench/results/linux-x64-node20.json'), 'utf8')) as {
    measured: Array<{ scenario: string; results: Record<string, Record<string, { median: number }> | undefined> }>
  }
  for (const [row, scenario, figure] of FIGURES) {
    const line = readme.split('\n').find((text) => text.startsWith(`| ${row} `))
    const shown = line
      ?.split('|')
      .slice(2, -1)
      .map((cell) => cell.trim().replaceAll('*', ''))
    const { results: of } = results.measured.find((one) => one.scenario === scenario)!
    const known = ['millrace', 'node', 'fastify', 'uwebsockets', 'bun'].map((peer) => {
      const median = of[peer]?.[figure]?.median
      if (median === undefined) return '–'
      return figure === 'rate' ? Math.round(median).toLocaleString('en-GB') : median.toFixed(figure === 'p50' ? 0 : 2)
    })
    t.deepEqual(shown, known, row)
  }
})

test('the chart of the README is described as on the page of the benchmarks', (t) => {
  const described = (name: string): string | undefined =>
    /^!\[(.*)\]\(\S*charts\/at-a-glance\.svg\)$/m.exec(readFileSync(path.join(HOME, name), 'utf8'))?.[1]
  t.truthy(described('README.md'))
  t.is(described('README.md'), described('docs/benchmarks.md'))
})
