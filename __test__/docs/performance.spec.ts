import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { page } from './page'

const { show } = page('docs/guides/performance.md')

show('what changes seldom is a fixed answer, made again when it does', '// lean.mjs', async (t, { start }) => {
  const { url } = await start()
  t.deepEqual(await (await fetch(`${url}/prices/apple`)).json(), { price: 120 })
  const unknown = await fetch(`${url}/prices/pear`)
  t.deepEqual([unknown.status, await unknown.json()], [404, { price: null }])
  const all = await fetch(`${url}/prices`)
  t.deepEqual([all.headers.get('cache-control'), await all.json()], ['max-age=1', { apple: 120 }])
  const headers = { 'if-none-match': all.headers.get('etag')! }
  t.is((await fetch(`${url}/prices`, { headers })).status, 304)

  t.is((await fetch(`${url}/prices/pear`, { method: 'PUT', body: '90' })).status, 204)
  t.deepEqual(await (await fetch(`${url}/prices`, { headers })).json(), { apple: 120, pear: 90 })
})

show('each second has its figures', '// watch.mjs', async (t, { start }) => {
  const { url, child } = await start()
  const told = once(createInterface(child.stdout!), 'line')
  for (let times = 0; times < 3; times++) await (await fetch(url)).text()
  const [line] = (await told) as [string]
  t.regex(line, /^3 requests, 0 pending, 0 bytes queued, \d connections, 99 % of turns within \d+\.\d ms$/)
})
