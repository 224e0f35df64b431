import { setTimeout as sleep } from 'node:timers/promises'
import { page } from './page'

const { show } = page('docs/guides/routing.md')

show('patterns take what the table says', "'/v:major/:name.json'", async (t, { start }) => {
  const { url } = await start()
  const taken = async (path: string): Promise<unknown> => {
    const answer = await fetch(url + path)
    return answer.status === 200 ? answer.json() : answer.status
  }
  t.deepEqual(await taken('/users/me'), { route: '/users/me', params: {} })
  t.deepEqual(await taken('/users/7'), { route: '/users/:id', params: { id: '7' } })
  t.deepEqual(await taken('/users/a%2Fb'), { route: '/users/:id', params: { id: 'a/b' } })
  t.is(await taken('/users/'), 404)
  t.is(await taken('/users/%ff'), 400)
  t.deepEqual(await taken('/v2/report.json'), {
    route: '/v:major/:name.json',
    params: { major: '2', name: 'report' },
  })
  t.deepEqual(await taken('/files/a/b'), { route: '/files/*path', params: { path: 'a/b' } })
  t.deepEqual(await taken('/files/'), { route: '/files/*path', params: { path: '' } })
  t.is(await taken('/files'), 404)
  t.deepEqual(await taken('/%75sers/7'), { route: '/users/:id', params: { id: '7' } })
  t.is(await taken('/Users/7'), 404)
  t.is(await taken('//users/7'), 404)
})

show('methods have routes, and the core answers the others', 'const notes = new Map()', async (t, { start }) => {
  const { url } = await start()
  const ask = (path: string, method = 'GET', body?: string): Promise<Response> =>
    fetch(url + path, { method, ...(body === undefined ? {} : { body }) })
  t.is((await ask('/notes/a', 'PUT', 'a note')).status, 204)
  t.is(await (await ask('/notes/a')).text(), 'a note')
  const head = await ask('/notes/a', 'HEAD')
  t.deepEqual([head.status, head.headers.get('content-length')], [200, '6'])
  const options = await ask('/notes/a', 'OPTIONS')
  t.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, PUT, DELETE, OPTIONS, PURGE'])
  const refused = await ask('/notes/a', 'PATCH')
  t.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, PUT, DELETE, OPTIONS, PURGE'])
  t.is((await ask('/notes/a', 'PURGE')).status, 204)
  t.is((await ask('/notes/a')).status, 404)
  t.is(await (await ask('/elsewhere')).text(), '<h1>There is nothing here</h1>\n')
})

show('the core gives fixed answers, which can be replaced', 'ready.replace', async (t, { start }) => {
  const { url } = await start()
  let ready = await fetch(`${url}/ready`)
  for (let tries = 0; ready.status !== 200 && tries < 100; tries++) {
    await sleep(10)
    ready = await fetch(`${url}/ready`)
  }
  t.is(await ready.text(), 'ready\n')
  t.regex(await (await fetch(`${url}/robots.txt`)).text(), /^User-agent/)
  const old = await fetch(`${url}/old`, { redirect: 'manual' })
  t.deepEqual([old.status, old.headers.get('location')], [308, '/new'])
  t.is(await (await fetch(`${url}/old`)).text(), 'here it is\n')
})

show('handlers of a list are asked in turn', '[requireKey, fromArchive, compute]', async (t, { start }) => {
  const { url } = await start()
  const report = (year: number): Promise<Response> =>
    fetch(`${url}/reports/${year}`, { headers: { authorization: 'Bearer secret' } })
  t.is((await fetch(`${url}/reports/2025`)).status, 401)
  t.is(await (await report(2019)).text(), 'archived in 2019\n')
  t.is(await (await report(2025)).text(), 'computed for 2025\n')
})

show('handlers are composed by functions', "below('/api/v1'", async (t, { start }) => {
  const { url } = await start()
  const headers = { authorization: 'Bearer secret' }
  const me = await fetch(`${url}/api/v1/me`, { headers })
  t.deepEqual(await me.json(), { user: 'Ada' })
  t.is(me.headers.get('access-control-allow-origin'), 'https://app.example')
  t.is((await fetch(`${url}/api/v1/me`)).status, 401)
  const echo = (body: string): Promise<Response> => fetch(`${url}/api/v1/echo`, { method: 'POST', headers, body })
  t.deepEqual(await (await echo('[1]')).json(), [1])
  t.is((await echo('[1')).status, 400)
  const preflight = await fetch(`${url}/api/v1/me`, { method: 'OPTIONS' })
  t.is(preflight.headers.get('access-control-allow-methods'), 'GET, POST')
})

show('a route has limits and timeouts of its own', "'/avatar'", async (t, { start }) => {
  const { url, errors } = await start()
  const post = (bytes: number): Promise<Response> =>
    fetch(`${url}/avatar`, { method: 'POST', body: Buffer.alloc(bytes) })
  t.is(await (await post(512 * 1024)).text(), '524288 bytes\n')
  t.is((await post(512 * 1024 + 1)).status, 413)
  t.is(await (await fetch(`${url}/search?for=one`)).text(), 'found one\n')
  t.is((await fetch(`${url}/search?for=all`)).status, 503)
  t.is(errors(), '')
  t.is(await (await fetch(`${url}/token`)).text(), 'a secret\n')
})

show('a trailing slash can be ignored', "trailingSlash: 'ignore'", async (t, { start }) => {
  const { url } = await start()
  for (const path of ['/users', '/users/']) t.is(await (await fetch(url + path)).text(), `${path}\n`)
})
