import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { page } from './page'

const { show } = page('docs/getting-started.md')

show('a first server says where it listens, and greets', '// server.mjs', async (t, { start }) => {
  const { url } = await start()
  t.regex(url, /^http:\/\/localhost:\d+$/)
  t.is(await (await fetch(url)).text(), 'Hello, World!\n')
})

show('routes have parameters and methods', '// routes.mjs', async (t, { start }) => {
  const { url } = await start()
  t.is(await (await fetch(`${url}/users/1`)).text(), 'Ada\n')
  t.is((await fetch(`${url}/users/2`)).status, 404)
  t.is((await fetch(`${url}/users/2`, { method: 'PUT', body: 'Grace' })).status, 204)
  t.is(await (await fetch(`${url}/users/2`)).text(), 'Grace\n')
  const refused = await fetch(`${url}/users/2`, { method: 'DELETE' })
  t.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, PUT, OPTIONS'])
  t.is((await fetch(`${url}/elsewhere`)).status, 404)
})

show('JSON is read and sent', '// json.mjs', async (t, { start }) => {
  const { url } = await start()
  const post = (body: string): Promise<Response> => fetch(`${url}/sum`, { method: 'POST', body })
  const answer = await post('[1, 2, 3]')
  t.is(answer.headers.get('content-type'), 'application/json')
  t.deepEqual(await answer.json(), { sum: 6 })
  t.is((await post('{}')).status, 422)
  t.is((await post('no JSON')).status, 400)
})

show('a folder and a fixed answer need no handler', '// files.mjs', async (t, { start, cwd }) => {
  mkdirSync(path.join(cwd, 'public'))
  writeFileSync(path.join(cwd, 'public', 'index.html'), '<h1>Hello</h1>')
  const { url } = await start()
  const page = await fetch(url)
  t.is(page.headers.get('content-type'), 'text/html; charset=utf-8')
  t.is(await page.text(), '<h1>Hello</h1>')
  t.is((await fetch(`${url}/../files.mjs`)).status, 404)
  t.deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'ok' })
})

show('what goes wrong is told, and harms nobody else', '// errors.mjs', async (t, { start }) => {
  const { url, errors } = await start()
  t.is((await fetch(`${url}/throws`)).status, 500)
  t.is(await (await fetch(`${url}/twice`)).text(), 'the first answer\n')
  t.is(await (await fetch(url)).text(), 'an answer\n')
  t.regex(
    errors(),
    /^GET \/throws: Error: a slip\nGET \/twice: Error: .*end\(\) was called on a response that has ended.*\n$/,
  )
})

show('answers are logged', '// logged.mjs', async (t, { start }) => {
  const { url, output } = await start()
  t.is(await (await fetch(`${url}/a`)).text(), 'Hello, World!\n')
  for (let tries = 0; !output().includes('/a') && tries < 100; tries++) await sleep(20)
  t.regex(output(), /GET \/a\b.*200/)
})

show('a test of an app passes', ['// app.test.mjs', '// app.mjs'], async (t, { run }) => {
  const { code, output } = await run()
  t.is(code, 0, output)
  t.regex(output, /greets by name/)
})

show('a signal ends it gracefully', '// stop.mjs', async (t, { start }) => {
  const { url, child, output } = await start()
  t.is(await (await fetch(url)).text(), 'Hello, World!\n')
  // There are no signals on Windows.
  if (process.platform === 'win32') return
  child.kill('SIGTERM')
  t.deepEqual(await once(child, 'exit'), [0, null])
  t.regex(output(), /all requests are answered\n$/)
})
