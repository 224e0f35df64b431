import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { Response } from '#dist/index'
import { codeOf, deafClient, requestText, serveFor, until, untilTold } from './served'

// What becomes of what was written, over real sockets.

const MIB = 1024 * 1024

test('writes, flushes and the end are told in order, each once, and never inside the call', async (t) => {
  const told: string[] = []
  const { get } = await serveFor(t, async (_request, response) => {
    let inside = true
    const note = (what: string) => (error: unknown) => {
      t.false(inside)
      told.push(error === null ? what : `${what} ${codeOf(error)}`)
    }
    response.write('a', note('write'))
    response.flush(note('flush'))
    response.flush(note('empty flush'))
    response.write(['b', Buffer.alloc(MIB)], note('large'))
    void response.flush().then(() => note('promise')(null))
    inside = false
    await response.flush()
    inside = true
    response.end('c', note('end'))
    inside = false
  })
  t.is((await get('/')).body.length, MIB + 3)
  await untilTold(told, 6)
  t.deepEqual(told, ['write', 'flush', 'empty flush', 'large', 'promise', 'end'])
})

test('an answer whose turn has not come is told after those before it', async (t) => {
  const told: string[] = []
  const open = new Map<string, Response>()
  const { wire } = await serveFor(t, (request, response) => void open.set(request.path, response))
  const connection = await wire()
  connection.send(['/1', '/2', '/3'].map((target) => requestText(target)).join(''))
  await until(() => open.size === 3)
  for (const target of ['/3', '/2', '/1']) {
    const response = open.get(target)!
    response.write('x', () => told.push(`${target} write`))
    response.flush(() => told.push(`${target} flush`))
    await sleep(20)
    if (target !== '/1') t.deepEqual(told, [], 'not before its turn')
    response.end('y', () => told.push(`${target} end`))
  }
  for (let count = 0; count < 3; count++) t.is((await connection.answer()).body.toString(), 'xy')
  await untilTold(told, 9)
  t.deepEqual(
    told,
    ['/1', '/2', '/3'].flatMap((target) => ['write', 'flush', 'end'].map((what) => `${target} ${what}`)),
  )
})

test('a client that goes is told to every write that waited, once, in order', async (t) => {
  const told: string[] = []
  const { server, port, stillServes, reported } = await serveFor(t, (_request, response) => {
    for (let count = 0; count < 20; count++) {
      response.write(Buffer.alloc(MIB), (error) => told.push(`${count} ${error === null ? 'done' : 'failed'}`))
    }
    response.end((error) => told.push(`end ${error === null ? 'done' : 'failed'}`))
  })
  const client = await deafClient(t, port, '/')
  await until(() => server.stats().bytesWritten > 0)
  client.close()
  await untilTold(told, 21)
  t.deepEqual(
    told.map((line) => line.split(' ')[0]),
    [...Array.from({ length: 20 }, (_, count) => String(count)), 'end'],
  )
  t.true(told.at(-1)!.endsWith('failed'))
  t.is(
    told.findIndex((line) => line.endsWith('failed')),
    told.filter((line) => line.endsWith('done')).length,
  )
  await stillServes()
  t.deepEqual(reported, [])
})

test('a server that stops tells those who wait', async (t) => {
  const outcome = deferred<unknown>()
  const { port, server } = await serveFor(t, (_request, response) => {
    response.write(Buffer.alloc(64 * MIB), (error) => outcome.resolve(error === null ? 'done' : codeOf(error)))
  })
  await deafClient(t, port, '/')
  await until(() => server.stats().bytesWritten > 0)
  await server.close({ timeout: 0 })
  t.true(['ERR_SERVER_CLOSED', 'ERR_WRITE_NOT_EXECUTED'].includes((await outcome.promise) as string))
})

test('the callback of an end that throws closes the connection, and is reported', async (t) => {
  const { wire, reported, stillServes } = await serveFor(t, (_request, response) => {
    response.end('x', () => {
      throw new Error('in a callback')
    })
  })
  const connection = await wire()
  t.is((await connection.ask(requestText('/'))).body.toString(), 'x')
  await connection.closed()
  t.deepEqual(reported, ['in a callback'])
  await stillServes()
})

test('finished tells of the whole answer', async (t) => {
  const done: unknown[] = []
  const { get } = await serveFor(t, (request, response) => {
    void response.finished.then(() => done.push(request.path))
    if (request.path === '/whole') return response.end('x')
    if (request.path === '/pieces') response.write('x')
    if (request.path === '/throws') throw new Error('500')
    return response.end('y')
  })
  for (const target of ['/whole', '/pieces', '/throws']) await get(target)
  await untilTold(done, 3)
  t.deepEqual(done, ['/whole', '/pieces', '/throws'])
})

function deferred<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve!: (value: Value) => void
  const promise = new Promise<Value>((resolvePromise) => (resolve = resolvePromise))
  return { promise, resolve }
}
