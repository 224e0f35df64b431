import { page } from './page'

const { show } = page('docs/index.md')

show('the handlers and the core answer', "'/greetings'", async (t, { start }) => {
  const { url } = await start()
  t.is(await (await fetch(`${url}/users/7`)).text(), 'user 7\n')
  const greeting = await fetch(`${url}/greetings`, { method: 'POST', body: '{"name":"Ada"}' })
  t.is(await greeting.text(), 'Hello, Ada!\n')
  t.deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'ok' })
})
