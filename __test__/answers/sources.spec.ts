import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { lendBuffer, type BodyWriter } from '#dist/index'
import { codeOf, deafClient, folderFor, requestText, serveFor, until } from './served'

// Bodies from wherever they come, over real sockets.

const MIB = 1024 * 1024

test('every kind of source reaches the client whole, and the next request of the connection too', async (t) => {
  const bytes = randomBytes(3 * MIB + 17)
  const file = path.join(await folderFor(t), 'bytes')
  await writeFile(file, bytes)
  const handle = await open(file)
  t.teardown(() => handle.close())
  const cut = function* (): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
  }
  const sources: Record<string, () => unknown> = {
    '/bytes': () => bytes,
    '/list': () => [...cut()],
    '/iterable': cut,
    '/async': async function* () {
      for (const piece of cut()) {
        if (Math.random() < 0.2) await sleep(0)
        yield piece
      }
    },
    '/readable': () => Readable.from(cut()),
    '/file-stream': () => createReadStream(file),
    '/web': () => new Blob([bytes]).stream(),
    '/blob': () => new Blob([bytes]),
    '/handle': () => handle,
    '/writer': () => {
      const memory = lendBuffer(100_000)
      let at = 0
      return {
        next() {
          const piece = memory.subarray(0, bytes.copy(memory, 0, at))
          at += piece.length
          return { buffers: piece, done: at === bytes.length }
        },
      } satisfies BodyWriter
    },
    '/copied-writer': () => {
      const pieces = cut()
      return {
        contentLength: bytes.length,
        async next() {
          const { value, done } = pieces.next()
          return done === true ? { buffers: [], done } : { buffers: [value], done: false }
        },
      } satisfies BodyWriter
    },
  }
  const { wire, reported } = await serveFor(t, (request, response) => response.send(sources[request.path]!() as never))
  const connection = await wire()
  const known = new Set(['/bytes', '/list', '/blob', '/handle', '/copied-writer'])
  for (const target of Object.keys(sources)) {
    const answer = await connection.ask(requestText(target))
    t.is(answer.framing, known.has(target) ? 'length' : 'chunked', target)
    t.is(hash(answer.body), hash(bytes), target)
  }
  t.deepEqual(reported, [])
})

test('a body of unknown length ends with the connection for HTTP/1.0', async (t) => {
  const { wire } = await serveFor(t, (_request, response) => response.send(new Set(['a', 'b'])))
  const connection = await wire()
  connection.send('GET / HTTP/1.0\r\n\r\n')
  const answer = await connection.answer()
  t.is(answer.framing, 'close')
  t.is(answer.body.toString(), 'ab')
})

test('a request can be sent back as it comes', async (t) => {
  const { wire } = await serveFor(t, (request, response) => response.send(request))
  const body = randomBytes(MIB)
  const connection = await wire()
  connection.send(requestText('/', { 'content-length': String(body.length) }, 'POST'))
  connection.send(body)
  const answer = await connection.finalAnswer('POST')
  t.is(hash(answer.body), hash(body))
})

test('a source is read no further than the window for a client that reads nothing, and ended when it goes', async (t) => {
  let given = 0
  let ended = false
  const { port, stillServes, reported } = await serveFor(t, (request, response) =>
    response.send(
      (async function* () {
        try {
          for (;;) {
            given += MIB / 4
            yield Buffer.alloc(MIB / 4)
          }
        } finally {
          ended = request.signal.aborted
        }
      })(),
    ),
  )
  const client = await deafClient(t, port, '/')
  await until(() => given > 0)
  let before = -1
  while (before !== given) {
    before = given
    await sleep(200)
  }
  // What the kernel takes, and limits.writeBuffer.
  t.true(given > 0 && given < 16 * MIB, `${given}`)
  client.close()
  await until(() => ended)
  t.true(ended)
  await stillServes()
  t.deepEqual(reported, [])
})

test('a writer of lent memory is never asked for more than one step ahead', async (t) => {
  let asked = 0
  let closed: unknown = 'open'
  const memory = lendBuffer(MIB)
  const { port, stillServes } = await serveFor(t, (_request, response) =>
    response.send({
      next() {
        asked++
        return { buffers: memory, done: false }
      },
      close: (error) => void (closed = error === null ? null : codeOf(error)),
    }),
  )
  const client = await deafClient(t, port, '/')
  await until(() => asked > 0)
  let before = -1
  while (before !== asked) {
    before = asked
    await sleep(200)
  }
  t.true(asked > 0 && asked < 16, `${asked}`)
  client.close()
  await until(() => closed !== 'open')
  t.true(['ERR_CLIENT_GONE', 'ERR_WRITE_FAILED', 'ERR_WRITE_NOT_EXECUTED'].includes(closed as string), String(closed))
  await stillServes()
})

test('lent memory may be changed after next is called again, and the client sees what was there before', async (t) => {
  const STEPS = 40
  const memory = lendBuffer(200_000)
  const { get } = await serveFor(t, (_request, response) => {
    let step = 0
    return response.send({
      next() {
        memory.fill(step++)
        return { buffers: [memory], done: step === STEPS }
      },
    })
  })
  const { body } = await get('/')
  t.is(body.length, STEPS * memory.length)
  for (let step = 0; step < STEPS; step++) {
    const part = body.subarray(step * memory.length, (step + 1) * memory.length)
    t.true(part.every((byte) => byte === step))
  }
})

test('body writers that fail at each step answer 500 or cut, and the next request is served', async (t) => {
  const fail = (): never => {
    throw new Error('broken')
  }
  let steps = 0
  const writers: Record<string, BodyWriter> = {
    '/init': { init: fail, next: fail },
    '/init-later': { init: () => Promise.reject(new Error('broken')), next: fail },
    '/length': { contentLength: fail, next: fail },
    '/next': { next: fail },
    '/later': {
      next: () => {
        if (steps++ === 0) return { buffers: 'begun', done: false }
        return fail()
      },
    },
    '/nonsense': { next: () => 'nonsense' as never },
    '/long': { contentLength: 2, next: () => ({ buffers: 'three', done: true }) },
  }
  const { wire, reported, stillServes } = await serveFor(t, (request, response) =>
    response.send(writers[request.path]!),
  )
  for (const target of ['/init', '/init-later', '/length', '/next', '/nonsense']) {
    const connection = await wire()
    t.is((await connection.ask(requestText(target))).status, 500, target)
    await stillServes()
  }
  for (const target of ['/later', '/long']) {
    const connection = await wire()
    connection.send(requestText(target))
    const rest = (await connection.rest()).toString()
    t.false(rest.endsWith('0\r\n\r\n'), rest)
    await stillServes()
  }
  t.is(reported.length, 7)
})

test('a body writer that never finishes ends with its client', async (t) => {
  let closed: unknown = 'open'
  let asked = false
  const { wire, stillServes, reported } = await serveFor(t, (_request, response) =>
    response.send({
      next() {
        asked = true
        return new Promise(() => undefined)
      },
      close: (error) => void (closed = codeOf(error)),
    }),
  )
  const connection = await wire()
  connection.send(requestText('/'))
  await until(() => asked)
  connection.reset()
  await until(() => closed !== 'open')
  t.is(closed, 'ERR_CLIENT_GONE')
  await stillServes()
  t.deepEqual(reported, [])
})

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
