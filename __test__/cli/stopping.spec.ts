import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import ava, { type ExecutionContext } from 'ava'
import { start, textOf, type Millrace } from './command'

// How the command ends.

const test = ava.serial

// It says when a request has come, and answers it when all of it has.
const SLOW = {
  'app.mjs': `export default async (request, response) => {
      console.error('asked')
      response.end(await request.text())
    }
    export async function close() {
      await new Promise((resolve) => setTimeout(resolve, 1))
      console.error('tidied up')
    }`,
}

for (const args of [[], ['--threads', '2'], ['--watch']]) {
  const how = args.length === 0 ? '' : ` (${args[0]})`

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`${signal} ends it with 0, after what the module wants done${how}`, async (t) => {
      const millrace = await start(t, SLOW, ['app.mjs', '-p', '0', ...args])
      await millrace.url()
      t.is(await millrace.stop(signal), 0)
      t.is(millrace.errors.text, 'tidied up\n'.repeat(args[0] === '--threads' ? 2 : 1))
    })
  }

  test(`requests under way are finished after a signal, and no others begun${how}`, async (t) => {
    const { millrace, url, answer, finish } = await asked(t, args)
    millrace.child.kill('SIGTERM')
    await millrace.errors.next(/waiting for requests under way; once more to stop at once\.\n/)
    await t.throwsAsync(fetch(url))
    finish()
    t.is(await answer, 'done')
    t.is(await millrace.ended, 0)
  })

  test(`a second signal ends it at once, with the exit code of the signal${how}`, async (t) => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as Array<[NodeJS.Signals, number]>) {
      const { millrace, answer } = await asked(t, args)
      const failed = t.throwsAsync(answer)
      millrace.child.kill(signal)
      await millrace.errors.next(/once more to stop at once/)
      t.is(await millrace.stop(signal), code)
      await failed
    }
  })

  test(`requests are cut when their time is over${how}`, async (t) => {
    const { millrace, answer } = await asked(t, [...args, '--grace', '1'])
    const failed = t.throwsAsync(answer)
    t.is(await millrace.stop(), 0)
    await failed
    t.true(millrace.errors.text.includes('tidied up\n'))
  })
}

test('WebSockets are told that the server goes away', async (t) => {
  const source = `export default { routes: { 'GET /': (await import(${JSON.stringify(require.resolve('millrace'))})).default.webSocket({}) } }`
  const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0'])
  const socket = new WebSocket((await millrace.url()).replace('http:', 'ws:'))
  await once(socket, 'open')
  const closed = once(socket, 'close')
  t.is(await millrace.stop(), 0)
  t.is((await closed)[0], 1001)
})

for (const args of [[], ['--threads', '2'], ['--watch']]) {
  test(`what the module wants done may fail, and that is shown${args.length === 0 ? '' : ` (${args[0]})`}`, async (t) => {
    const source = `export default (request, response) => response.end()
      export const close = () => Promise.reject(new Error('no luck'))`
    const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0', ...args])
    await millrace.url()
    t.is(await millrace.stop(), 1)
    t.regex(millrace.errors.text, /Error: no luck\n {4}at .*app\.mjs:2/)
  })
}

for (const args of [[], ['--threads', '2']]) {
  test(`what the module wants done has its time as well${args.length === 0 ? '' : ` (${args[0]})`}`, async (t) => {
    const source = `export default (request, response) => response.end()
      export const close = () => new Promise(() => undefined)`
    const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0', '--grace', '0', ...args])
    await millrace.url()
    t.is(await millrace.stop(), 1)
    t.true(millrace.errors.text.includes('The `close` of app.mjs has not come to its end within 1 s.\n'))
  })
}

test('timers that a module leaves behind do not keep it', async (t) => {
  const source = `setInterval(() => {}, 1000); export default (request, response) => response.end()`
  const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0'])
  await millrace.url()
  t.is(await millrace.stop(), 0)
})

test('whoever reads standard output may go, as head does', async (t) => {
  for (const more of [[], ['--threads', '2']]) {
    const source = `export default (request, response) => { console.log('said'); response.end('served') }`
    const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0', '--log', 'common', ...more])
    const url = await millrace.url()
    millrace.child.stdout!.destroy()
    for (let i = 0; i < 3; i++) t.is(await textOf(url), 'served')
    t.is(await millrace.stop(), 0)
  }
})

test('it serves without a standard input', async (t) => {
  const millrace = await start(t, SLOW, ['app.mjs', '-p', '0'])
  millrace.child.stdin!.destroy()
  await millrace.url()
  t.is(await millrace.stop(), 0)
})

async function asked(
  t: ExecutionContext,
  args: readonly string[],
): Promise<{ millrace: Millrace; url: string; answer: Promise<string>; finish(): void }> {
  const millrace = await start(t, SLOW, ['app.mjs', '-p', '0', ...args])
  const url = await millrace.url()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\ndo')
  const answer = text(socket).then((all) => {
    const [, body] = all.split('\r\n\r\n')
    if (body === undefined) throw new Error('there was no answer')
    return body
  })
  answer.catch(() => undefined)
  await millrace.errors.next(/asked\n/)
  return { millrace, url, answer, finish: () => void socket.write('ne') }
}
