import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { checked, configurations, freePort, installed } from './configurations'
import { page } from './page'

const { show } = page('docs/guides/deployment.md')
const PAGE = 'docs/guides/deployment.md'

show('the program is well, gives its figures, and ends gracefully', '// server.mjs', async (t, { start }) => {
  const [port, metricsPort] = [await freePort(), await freePort()]
  const env = { PORT: String(port), METRICS_PORT: String(metricsPort), DRAIN_MS: '200' }
  const { url, child } = await start(undefined, env)
  const exited = once(child, 'exit')
  for (const name of ['/ready', '/alive', '/']) t.is((await fetch(url + name)).status, 200)
  const figures = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  t.regex(figures, /^http_requests_total 3$/m)
  t.regex(figures, /^http_errors_total\{kind="handler"\} 0$/m)
  t.is((await fetch(`${url}/metrics`)).headers.get('content-type'), null)

  child.kill('SIGTERM')
  while ((await fetch(`${url}/ready`)).status !== 503) await sleep(5)
  t.is((await fetch(url)).status, 200)
  t.deepEqual(await exited, [0, null])
})

show('the core says that it is ready while JavaScript computes', '// server.mjs', async (t, { start }) => {
  const busy = "for (const until = Date.now() + 1500; Date.now() < until; ); response.end('Hello"
  const { url } = await start(
    (source) => source.replace("response.end('Hello", `{ ${busy}`).replace("\\n'),\n  onError", "\\n') },\n  onError"),
    {
      PORT: '0',
      METRICS_PORT: '0',
    },
  )
  const slow = fetch(url)
  await sleep(200)
  const begun = performance.now()
  t.is((await fetch(`${url}/ready`)).status, 200)
  t.true(performance.now() - begun < 1000)
  t.is((await slow).status, 200)
})

show('instances share a port, and are restarted one after the other', '// instance.mjs', async (t, { start }) => {
  const port = await freePort()
  const change = (source: string): string => source.replace('port: 3000', `port: ${port}`)
  const [one, two] = [await start(change, { REUSE_PORT: '1' }), await start(change, { REUSE_PORT: '1' })]
  const seen = new Set<string>()
  while (seen.size < 2) seen.add(await fresh(one.url))
  const exited = once(one.child, 'exit')
  one.child.kill('SIGTERM')
  t.deepEqual(await exited, [0, null])
  for (let times = 0; times < 10; times++) t.is(await fresh(two.url), `from ${two.child.pid}\n`)
  await t.throwsAsync(start(change), { message: /EADDRINUSE/ })
})

show('threads share a port, and close when they are told', '// threads.mjs', async (t, { start }) => {
  const port = await freePort()
  const { url, child } = await start((source) => source.replace('port: 3000', `port: ${port}`), { THREADS: '2' })
  for (let times = 0; times < 10; times++) t.is(await fresh(url), 'Hello from a thread\n')
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  t.deepEqual(await exited, [0, null])
})

show('every answer is logged, also those of the core', '// logged.mjs', async (t, { start }) => {
  const { url, output } = await start()
  await fetch(`${url}/ready`)
  await fetch(`${url}/none`)
  const lines = (): string[] => output().split('\n').slice(1, -1)
  while (lines().length < 2) await sleep(10)
  t.deepEqual(
    lines().map((line) => (JSON.parse(line) as { status: number }).status),
    [200, 404],
  )
})

test('the unit of the guide to deployment is one for systemd', (t) => {
  const analyze = installed(t, 'systemd-analyze')
  if (analyze === undefined) return
  const [unit] = configurations(PAGE, 'ini')
  // What has to be on the machine of a reader, and need not be on this one.
  const file = written(
    t,
    'web.service',
    unit.replace('/usr/bin/node', process.execPath).replace(/^(?:User|Group|WorkingDirectory)=.*\n/gm, ''),
  )
  const { code, said } = checked(analyze, ['verify', '--man=no', file])
  t.is(
    said
      .split('\n')
      .filter((line) => line.includes('web.service'))
      .join('\n'),
    '',
  )
  t.is(code, 0, said)
})

test('the unit of the guide to deployment leaves little to attack', (t) => {
  const analyze = installed(t, 'systemd-analyze')
  if (analyze === undefined) return
  const { said } = checked(analyze, [
    'security',
    '--offline=yes',
    '--no-pager',
    written(t, 'web.service', configurations(PAGE, 'ini')[0]),
  ])
  const [, exposure] = /Overall exposure level for web\.service: (\d+\.\d)/.exec(said) ?? []
  t.true(Number(exposure) < 3, said)
})

test('the manifests of the guide to deployment are some for Kubernetes', (t) => {
  const kubectl = installed(t, 'kubectl')
  if (kubectl === undefined) return
  const folder = path.dirname(written(t, 'web.yaml', configurations(PAGE, 'yaml')[0]))
  writeFileSync(path.join(folder, 'kustomization.yaml'), 'resources: [web.yaml]\n')
  const { code, said } = checked(kubectl, ['kustomize', folder])
  t.is(code, 0, said)
  t.deepEqual(said.match(/^kind: \w+$/gm)!.sort(), ['kind: Deployment', 'kind: Service'])
  // What the page says about these times: the last is more than the others together.
  const [grace, drain] = [/terminationGracePeriodSeconds: (\d+)/, /value: "(\d+000)"/].map((one) =>
    Number(one.exec(said)![1]),
  )
  t.true(grace > drain / 1000 + 20)
})

function written(t: ExecutionContext, name: string, text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-deployment-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(path.join(folder, name), text)
  return path.join(folder, name)
}

/** A request on a connection of its own. */
async function fresh(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  return text.split('\r\n\r\n')[1]
}
