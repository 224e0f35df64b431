import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts, page } from './page'

const { show } = page('docs/guides/graceful-shutdown.md')

show('a request in flight is answered, then the process ends by itself', '// server.mjs', async (t, { start }) => {
  // Long enough for a request to be there when the signal comes, also on a machine that is busy.
  const { url, child, output } = await start((source) => freePorts(source).replace('sleep(200)', 'sleep(1500)'))
  const exited = once(child, 'exit')
  const asked = fetch(url)
  await sleep(750)
  child.kill('SIGTERM')
  const answer = await asked
  t.is(await answer.text(), 'done\n')
  t.is(answer.headers.get('connection'), 'close')
  t.deepEqual(await exited, [0, null])
  t.regex(output(), /SIGTERM: 1 requests to finish\nclosed\n$/)
})

show('a stream says goodbye', '// stream.mjs', async (t, { start }) => {
  const { url, child } = await start()
  const exited = once(child, 'exit')
  const events = (await fetch(`${url}/events`)).body!.pipeThrough(new TextDecoderStream())
  let text = ''
  for await (const piece of events) {
    if (text === '') child.kill('SIGTERM')
    text += piece
  }
  t.regex(text, /^data: \d+\n\n[^]*event: goodbye\nretry: 1000\ndata: \n\n$/)
  t.deepEqual(await exited, [0, null])
})

show('a balancer is told before the port closes', '// ready.mjs', async (t, { start }) => {
  const { url, child } = await start(undefined, { DRAIN_MS: '300' })
  const exited = once(child, 'exit')
  t.is((await fetch(`${url}/ready`)).status, 200)
  child.kill('SIGTERM')
  while ((await fetch(`${url}/ready`)).status !== 503) await sleep(5)
  t.is(await (await fetch(url)).text(), 'Hello, World!\n')
  t.deepEqual(await exited, [0, null])
})

show('the test passes', '// shutdown.test.mjs', async (t, { run }) => {
  const { code, output } = await run()
  t.is(code, 0, output)
  t.regex(output, /a request in flight is answered when the server closes/)
})
