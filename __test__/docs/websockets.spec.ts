import { once } from 'node:events'
import { WebSocket } from 'ws'
import { openSocket as open } from './clients'
import { page } from './page'

const { show } = page('docs/guides/websockets.md')

show('the program with /echo', "server.websocket('/echo'", async (t, { start }) => {
  const { url } = await start()
  const { next, socket } = await open(`${url}/echo`)
  socket.send('hello')
  t.is(await next(), 'hello')
  t.is((await fetch(`${url}/echo`)).status, 426)
})

show('the program with /rooms/:room', "server.websocket('/rooms/:room'", async (t, { start }) => {
  const { url } = await start()
  const { next } = await open(`${url}/rooms/attic`, 'Bearer secret')
  t.is(await next(), 'Ada is in attic, from 127.0.0.1')
  await t.throwsAsync(open(`${url}/rooms/attic`), { message: /401/ })
})

show('the program with /upload', "server.websocket('/upload'", async (t, { start }) => {
  const { url } = await start()
  const { next, socket } = await open(`${url}/upload`)
  socket.send(Buffer.alloc(300_000))
  t.is(await next(), '300000 bytes')
})

show('the program with /report', "server.websocket('/report'", async (t, { start }) => {
  const { url } = await start()
  const { next, socket } = await open(`${url}/report`)
  const closed = once(socket, 'close')
  t.is(await next(), 'first')
  t.is(await next(), 'x'.repeat(1000))
  t.is(await next(), '1000 bytes written; done')
  const [code, reason] = (await closed) as [number, Buffer]
  t.deepEqual([code, String(reason)], [1000, 'that was all'])
})

show('the program with /prices/:symbol', "server.websocket('/prices/:symbol'", async (t, { start }) => {
  const { url } = await start()
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

show('the program with /ticker', "server.websocket('/ticker'", async (t, { start }) => {
  const { url } = await start()
  const { socket } = await open(`${url}/ticker`)
  t.is(socket.readyState, WebSocket.OPEN)
})
