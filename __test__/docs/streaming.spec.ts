import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { request } from 'undici'
import { page } from './page'

const { show } = page('docs/guides/streaming.md')

show('bodies are read as they come', "'/sha256'", async (t, { start }) => {
  const { url } = await start()
  const body = Buffer.alloc(20_000_000, 'millrace')
  const hashed = await fetch(`${url}/sha256`, { method: 'PUT', body })
  t.is(await hashed.text(), `${createHash('sha256').update(body).digest('hex')}\n`)
  const events = ['click', 'key', 'click'].map((type) => JSON.stringify({ type })).join('\n')
  const counted = await fetch(`${url}/events`, {
    method: 'POST',
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(events),
  })
  t.is(await counted.text(), '2 clicks\n')
})

show('sources are sent', "'/users.csv'", async (t, { start }) => {
  const { url, output } = await start()
  const csv = await fetch(`${url}/users.csv`)
  t.is(csv.headers.get('content-type'), 'text/csv; charset=utf-8')
  t.is((await csv.text()).split('\n')[6], '6,user 6')
  t.regex(output(), /\ncursor closed\n$/)
  t.is(await (await fetch(`${url}/stream`)).text(), 'a stream of Node\n')
  t.is(await (await fetch(`${url}/web`)).text(), 'a stream of the web\n')
})

show('a handler writes as fast as it is read', 'response.drain()', async (t, { start }) => {
  const { url, errors } = await start()
  const lines = (await (await fetch(url)).text()).split('\n')
  t.is(lines[499_999], 'line 500000')
  const abandoned = await fetch(url)
  await abandoned.body!.cancel()
  t.is((await fetch(url, { method: 'HEAD' })).status, 200)
  t.is(errors(), '')
})

show('events are sent as they happen, and end with their client', "'/clock'", async (t, { start }) => {
  const { url, errors } = await start()
  const answer = await fetch(`${url}/clock`, { headers: { 'last-event-id': '41' } })
  t.is(answer.headers.get('content-type'), 'text/event-stream')
  let said = ''
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    said += chunk
    if (said.includes('id: 43\n')) break
  }
  t.regex(said, /^retry: 1000\n\nid: 42\ndata: \{"now":\d+\}\n\nid: 43\n/)
  await sleep(300)
  t.is(errors(), '')
})

show('what is done for a client ends with it', "'/ask'", async (t, { start }) => {
  const { url, errors } = await start()
  const answer = await fetch(`${url}/ask`, { method: 'POST', body: '{"question":"mills"}' })
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  t.regex((await reader.read()).value!, /^word 1 about mills\n/)
  await reader.cancel()
  await sleep(100)
  t.is(errors(), '')
})

show('bodies are passed on in both directions', "from 'undici'", async (t, { start }) => {
  const upstream = createServer(async (incoming, answer) => {
    const body = await text(incoming)
    answer.writeHead(201, { 'content-type': 'text/plain', 'x-seen': `${incoming.method} ${incoming.url}` })
    answer.end(body.toUpperCase())
  }).listen(0, '127.0.0.1')
  t.teardown(() => upstream.close())
  await once(upstream, 'listening')
  const { port } = upstream.address() as AddressInfo
  const { url } = await start(undefined, { UPSTREAM: `http://127.0.0.1:${port}` })
  const answer = await fetch(`${url}/a?b`, { method: 'POST', body: 'hello' })
  t.deepEqual([answer.status, answer.headers.get('x-seen'), await answer.text()], [201, 'POST /a?b', 'HELLO'])
  t.is((await fetch(`${url}/c`)).headers.get('x-seen'), 'GET /c')
})

show('a writer makes a body', 'class Countdown', async (t, { start }) => {
  const { url, errors } = await start()
  const answer = await fetch(url)
  t.is(answer.headers.get('content-length'), '800000')
  const lines = (await answer.text()).split('\n')
  t.deepEqual([lines.length, lines[0], lines[99_999]], [100_001, '  99999', '      0'])
  t.is(errors(), '')
})

show('something goes before an answer, and behind it', 'response.informational', async (t, { start }) => {
  const { url } = await start()
  const informational: number[] = []
  const { body, trailers } = await request(url, { onInfo: ({ statusCode }) => informational.push(statusCode) })
  t.regex(await body.text(), /^<!doctype html>.*<p>Hello<\/p>$/)
  t.deepEqual(informational, [103])
  t.regex(String(trailers['digest']), /^sha-256=/)
})
