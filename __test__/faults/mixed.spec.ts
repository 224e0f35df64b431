import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import test from 'ava'
import { fileRange, fixed, staticFiles, type Handler } from '#dist/index'
import type { Wire, Answer } from '../_helpers/wire'
import { serve, until } from './served'

// Everything that answers, at once: by handlers that wait, by the core, by its workers. Each client's answers come
// whole and in the order of its requests.

const small = randomBytes(100)
const medium = randomBytes(70_000)
const large = randomBytes(900_000)
const text = Buffer.from('some text that can be made smaller, '.repeat(500))

const root = mkdtempSync(join(tmpdir(), 'millrace-mixed-'))
for (const [name, content] of Object.entries({ small, medium, large, 'text.txt': text })) {
  writeFileSync(join(root, name), content)
}
test.after.always(() => rmSync(root, { recursive: true }))

const handlers: Record<string, Handler> = {
  whole: (_request, response) => response.setHeader('content-type', 'text/plain').end(text),
  pieces: (_request, response) => response.send([small, medium, small].values()),
  file: (_request, response) => response.sendFile('large', { root }),
  range: async (_request, response) => {
    const file = await open(join(root, 'large'))
    response.end(['<', fileRange(file, { start: 10, end: 500_000 }), '>'])
    await file.close()
  },
}

const bodies: Record<string, Buffer> = {
  '/files/small': small,
  '/files/medium': medium,
  '/files/large': large,
  '/files/text.txt': text,
  '/files/missing': Buffer.from('Not Found\n'),
  '/fixed': text,
  '/whole': text,
  '/pieces': Buffer.concat([small, medium, small]),
  '/file': large,
  '/range': Buffer.concat([Buffer.from('<'), large.subarray(10, 500_000), Buffer.from('>')]),
}
const paths = Object.keys(bodies)
const codings = ['identity', 'gzip', 'br']

test('answers from everywhere, pipelined at random, come whole and in order', async (t) => {
  const served = await serve(
    t,
    async (request, response) => {
      if (dice(2) === 0) await sleep(dice(10))
      return handlers[request.path.slice(1)]!(request, response)
    },
    { compression: true, ioThreads: 2, limits: { writeBuffer: 65_536 } },
  )
  served.server.get('/files/*path', staticFiles(root))
  served.server.get('/fixed', fixed({ body: text, headers: { 'content-type': 'text/plain' } }))
  const client = async (): Promise<void> => {
    const wire = await served.open()
    const asked = Array.from({ length: 1 + dice(50) }, () => ({
      method: dice(8) === 0 ? 'HEAD' : 'GET',
      path: paths[dice(paths.length)]!,
      coding: codings[dice(3)]!,
    }))
    for (const { method, path, coding } of asked) {
      wire.send(`${method} ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${coding}\r\n\r\n`)
    }
    for (const { method, path } of asked) {
      const answer = await wire.answer(method)
      t.is(answer.status, path === '/files/missing' ? 404 : 200)
      if (method === 'GET') t.true(plain(answer).equals(bodies[path]!), path)
      if (dice(10) === 0) await pause(wire)
    }
    wire.destroy()
  }
  await Promise.all(Array.from({ length: 12 }, client))
  await served.quiet()
  t.deepEqual(served.errors, [])
})

test('a client that resets a raw socket that nobody reads is noticed', async (t) => {
  const ends: string[] = []
  const served = await serve(t, (_request, response) => {
    const socket = response.upgrade()
    socket.on('error', (error: NodeJS.ErrnoException) => ends.push(String(error.code)))
    socket.on('close', () => ends.push('close'))
  })
  const wire = await served.open()
  wire.send('GET /faulty HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: none\r\n\r\n')
  t.is((await wire.answer()).status, 101)
  for (let i = 0; i < 300; i++) wire.send(medium)
  await until(() => served.server.stats().bytesRead > 1_000_000, 'the window is full')
  await sleep(100)
  wire.reset()
  await served.quiet()
  await until(() => ends.length === 2, 'the socket is told')
  t.is(ends[1], 'close')
})

function plain({ body, header }: Answer): Buffer {
  const coding = header('content-encoding')
  if (coding === 'gzip') return gunzipSync(body)
  return coding === 'br' ? brotliDecompressSync(body) : body
}

async function pause(wire: Wire): Promise<void> {
  wire.pause()
  await sleep(dice(20))
  wire.resume()
}

/** A number below `sides`. */
function dice(sides: number): number {
  return Math.floor(Math.random() * sides)
}
