import { openSocket as open } from './clients'
import { page } from './page'

const fastify = page('docs/coming-from/fastify.md')

fastify.show('a route with a parameter', "'/users/:id'", async (t, { start }) => {
  const { url } = await start()
  const answer = await fetch(`${url}/users/7`)
  t.is(answer.headers.get('content-type'), 'application/json')
  t.deepEqual(await answer.json(), { id: '7' })
})

const nodeHttp = page('docs/coming-from/node-http.md')

nodeHttp.show('a first server', 'createServer', async (t, { start }) => {
  const { url } = await start()
  const answer = await fetch(url)
  t.is(answer.headers.get('content-type'), 'text/plain')
  t.is(await answer.text(), 'Hello, World!\n')
})

const uwebsockets = page('docs/coming-from/uwebsockets.md')

uwebsockets.show('what the core answers, and what a handler does', '/health', async (t, { start }) => {
  const { url } = await start()
  t.is(await (await fetch(`${url}/health`)).text(), 'ok\n')
  t.is(await (await fetch(`${url}/users/7`)).text(), 'user 7\n')
})

uwebsockets.show('a room is a topic', '/rooms/:room', async (t, { start }) => {
  const { url } = await start()
  const [one, two] = await Promise.all([open(`${url}/rooms/a`), open(`${url}/rooms/a`)])
  one.socket.send('hello')
  t.deepEqual([await one.next(), await two.next()], ['hello', 'hello'])
})

const ws = page('docs/coming-from/ws.md')

ws.show('a server is shared', "path: '/live'", async (t, { start }) => {
  const { url } = await start()
  const { next, socket } = await open(`${url}/live`)
  t.is(await next(), 'hello 127.0.0.1')
  socket.send('back')
  t.is(await next(), 'back')
  t.is(await (await fetch(url)).text(), 'a page\n')
})

ws.show('a handler hands a request over', 'noServer: true', async (t, { start }) => {
  const { url } = await start()
  const { next } = await open(`${url}/in`, 'Bearer secret')
  t.is(await next(), 'hello Ada, you asked for /in')
  await t.throwsAsync(open(url), { message: /401/ })
})
