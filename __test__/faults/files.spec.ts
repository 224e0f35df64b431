import { mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { fileRange, staticFiles } from '#dist/index'
import { codeOf, FAULTY, serve, until } from './served'

// Clients that ask for more than they take, and what a handler is told of answers that were cut.

const GIB = 2 ** 30

test('a connection that asks for a thousand large files has few of them open', async (t) => {
  const root = directory(t)
  const served = await serve(t, () => undefined)
  served.server.get('/files/*path', staticFiles(root))
  await served.answersNext()
  const wire = await served.open()
  wire.pause()
  wire.send('GET /files/sparse HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1000))
  await until(() => openIn(root) > 0, 'a file is open')
  await sleep(300)
  const held = openIn(root)
  t.true(held < 40, `${held} descriptors for one connection`)
  wire.destroy()
  await served.quiet()
  await served.answersNext()
})

test('a thousand small files asked for at once are all sent', async (t) => {
  const root = directory(t)
  const served = await serve(t, () => undefined)
  served.server.get('/files/*path', staticFiles(root))
  const wire = await served.open()
  const names = ['small', 'medium', 'missing', 'empty']
  for (let i = 0; i < 1000; i++) {
    wire.send(`${i % 3 === 0 ? 'HEAD' : 'GET'} /files/${names[i % 4]} HTTP/1.1\r\nHost: a\r\n\r\n`)
  }
  for (let i = 0; i < 1000; i++) {
    const answer = await wire.answer(i % 3 === 0 ? 'HEAD' : 'GET')
    t.is(answer.status, i % 4 === 2 ? 404 : 200)
    if (i % 3 !== 0 && i % 4 === 1) t.is(answer.body.length, 100_000)
  }
})

test('of writes to a client that takes nothing the first has timed out and the others have not begun', async (t) => {
  const root = directory(t)
  const outcomes: string[] = []
  const tell = (name: string) => (error: unknown) => {
    outcomes.push(`${name} ${error === null ? 'written' : codeOf(error)} ${(error as { errno?: number })?.errno ?? ''}`)
  }
  const served = await serve(
    t,
    async (_request, response) => {
      const file = await open(join(root, 'sparse'))
      response.write('head', tell('head'))
      response.write(fileRange(file), tell('file'))
      response.write('tail', tell('tail'))
      response.end('', tell('end'))
      await file.close()
    },
    { timeouts: { write: 300 } },
  )
  const wire = await served.open()
  wire.pause()
  wire.send(FAULTY)
  await until(() => outcomes.length === 4, 'all outcomes are told')
  t.deepEqual(outcomes, [
    'head written ',
    'file ERR_WRITE_FAILED -110',
    'tail ERR_WRITE_NOT_EXECUTED ',
    'end ERR_WRITE_NOT_EXECUTED ',
  ])
  await served.quiet()
  await served.answersNext()
})

test('a stream that was paused before it is sent is sent', async (t) => {
  const served = await serve(t, (_request, response) => {
    const stream = new PassThrough()
    stream.pause()
    stream.end('all of it')
    void response.send(stream)
  })
  const wire = await served.open()
  t.is((await wire.ask(FAULTY)).body.toString(), 'all of it')
})

/** How many descriptors lead to files of a directory: other tests of this process have theirs. */
function openIn(root: string): number {
  const targets = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      // Closed meanwhile.
      return ''
    }
  })
  return targets.filter((target) => target.startsWith(`${root}/`)).length
}

function directory(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  for (const [name, size] of Object.entries({ empty: 0, small: 10, medium: 100_000, sparse: GIB })) {
    writeFileSync(join(root, name), '')
    truncateSync(join(root, name), size)
  }
  return root
}
