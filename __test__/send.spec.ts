import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { setTimeout as sleep } from 'node:timers/promises'
import ava from 'ava'
import { DECLINED, lendBuffer, type BodyWriter, type Handler, type Response, type ServerOptions } from '#dist/index'
import type { FakeRequest, Sent } from './_helpers/fake-lane'
import { serve, settle, type Served } from './_helpers/serve'

const test = ava.serial
let connection = 7000

const folder = mkdtempSync(path.join(tmpdir(), 'millrace-send-'))
const file = path.join(folder, 'letters')
writeFileSync(file, 'abcdefghij')
ava.after.always(() => rmSync(folder, { recursive: true }))

interface Sending extends Served {
  name: { connection: number }
  response: Response
  sent: Sent[]
  /** Everything that has been sent, also later. */
  all(): Sent[]
  /** Codes or messages given to `onError`. */
  reported: unknown[]
  /** What `send` came to: `'done'`, or a code or message. */
  outcome(): unknown
}

/** Sends something for one request, and lets all that is ready run. */
async function sending(
  send: (response: Response) => Promise<void>,
  request: FakeRequest = {},
  options: ServerOptions = {},
): Promise<Sending> {
  const reported: unknown[] = []
  let outcome: unknown = 'open'
  let response!: Response
  const handler: Handler = async (_request, given) => {
    response = given
    try {
      await send(given)
      outcome = 'done'
    } catch (error) {
      outcome = codeOf(error)
      throw error
    }
  }
  const served = await serve({ ...options, handler, onError: (error) => reported.push(codeOf(error)) })
  const name = { connection: ++connection }
  const before = served.lane.sent.length
  const sent = await served.ask({ ...name, ...request })
  const all = (): Sent[] => served.lane.sent.slice(before)
  return { ...served, name, response, sent, all, reported, outcome: () => outcome }
}

/** Tells that all that was waited for has been written, until there is nothing more to tell. */
async function writeAll({ tell, name, all }: Sending): Promise<void> {
  const told = new Set<number>()
  for (;;) {
    const tokens = all().flatMap(({ token = 0 }) => (token === 0 || told.has(token) ? [] : [token]))
    if (tokens.length === 0) return
    for (const token of tokens) told.add(token)
    await tell((batch) => {
      for (const token of tokens) batch.written(token, 0, name)
      batch.drain(0, name)
    })
    await settle()
  }
}

const bodyOf = (sent: readonly Sent[]): string => sent.map(({ body = '' }) => body).join('')
const kindsOf = (sent: readonly Sent[]): string[] => sent.map(({ kind }) => kind)

function broken(): string[] {
  throw new Error('broken')
}

function codeOf(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string }
  return code ?? message ?? error
}

test('text, bytes and lists are sent whole and resolve when they are written', async (t) => {
  for (const body of ['text', Buffer.from('text'), ['te', Buffer.from('xt')]]) {
    const all = await sending((response) => response.send(body))
    t.like(all.sent, { length: 1, 0: { kind: 'RESPOND', body: 'text', flags: ['NOTIFY'] } })
    t.is(all.outcome(), 'open')
    await writeAll(all)
    t.is(all.outcome(), 'done')
  }
})

const pieces = ['one ', Buffer.from('two '), new Uint8Array([51, 32]), 'four']

for (const [what, make] of [
  ['an iterable', () => new Set(pieces)],
  [
    'a generator',
    function* () {
      yield* pieces
    },
  ],
  [
    'an async generator',
    async function* () {
      for (const piece of pieces) {
        await settle()
        yield piece
      }
    },
  ],
  ['a Readable', () => Readable.from(pieces.map((piece) => Buffer.from(piece as string)))],
  [
    'a web stream',
    () =>
      new ReadableStream({
        start(controller) {
          for (const piece of pieces) controller.enqueue(piece)
          controller.close()
        },
      }),
  ],
] as const) {
  test(`the pieces of ${what} are sent chunked`, async (t) => {
    const all = await sending((response) => response.send(make()))
    await sleep(5)
    await writeAll(all)
    t.deepEqual(kindsOf(all.all()), ['HEAD', 'CHUNK', 'CHUNK', 'CHUNK', 'CHUNK', 'END'])
    t.deepEqual(all.all()[0]!.flags, [])
    t.is(bodyOf(all.all()), 'one two 3 four')
    t.is(all.outcome(), 'done')
    t.deepEqual(all.reported, [])
  })

  test(`${what} is not read for a HEAD request`, async (t) => {
    const all = await sending((response) => response.send(make(), { contentLength: 14 }), { method: 'HEAD' })
    await sleep(5)
    await writeAll(all)
    t.like(all.all(), { length: 2, 0: { kind: 'HEAD', declared: 14 }, 1: { kind: 'END' } })
    t.is(all.outcome(), 'done')
  })
}

test('a Blob brings its length and its type, unless one is set', async (t) => {
  const blob = new Blob(['a blob'], { type: 'text/markdown' })
  const all = await sending((response) => response.send(blob))
  await sleep(5)
  await writeAll(all)
  t.like(all.all()[0], { kind: 'HEAD', declared: 6, fields: 'content-type: text/markdown\r\n' })
  t.is(bodyOf(all.all()), 'a blob')

  const typed = await sending((response) => response.setHeader('content-type', 'text/plain').send(blob))
  await sleep(5)
  t.like(typed.all()[0], { fields: 'content-type: text/plain\r\n' })
})

test('an open file is sent with its length', async (t) => {
  const handle = await open(file)
  const all = await sending((response) => response.send(handle))
  await handle.close()
  await writeAll(all)
  t.like(all.all()[0], { kind: 'HEAD', declared: 10 })
  t.is(bodyOf(all.all()), 'abcdefghij')
  t.is(all.outcome(), 'done')
})

test('what an open file that is none holds is read', async (t) => {
  const handle = await open('/dev/null')
  const all = await sending((response) => response.send(handle))
  await sleep(20)
  await writeAll(all)
  t.is(bodyOf(all.all()), '')
  t.is(all.outcome(), 'done')
  await handle.close()
})

test('a declared length frames the answer, and another one is an error', async (t) => {
  const right = await sending((response) => response.send(new Set(['abc']), { contentLength: 3 }))
  t.like(right.sent[0], { kind: 'HEAD', declared: 3 })
  for (const contentLength of [2, 4]) {
    const wrong = await sending((response) => response.send(new Set(['abc']), { contentLength }))
    t.is(wrong.outcome(), 'ERR_BODY_LENGTH_MISMATCH')
    t.deepEqual(wrong.reported, ['ERR_BODY_LENGTH_MISMATCH'])
    t.is(wrong.sent.at(-1)!.kind, 'RESET')
  }
})

test('a source waits while the client is slow', async (t) => {
  let given = 0
  const source = function* (): Generator<Buffer> {
    for (; given < 10; given++) yield Buffer.alloc(512)
  }
  const all = await sending((response) => response.send(source()), {}, { limits: { writeBuffer: 1024 } })
  t.is(given, 1)
  await all.tell((batch) => batch.drain(0, all.name))
  await settle()
  t.is(given, 3)
  await all.tell((batch) => batch.drain(0, all.name))
  await writeAll(all)
  t.true(given >= 5)
})

test('a stream is paused while the client is slow', async (t) => {
  const stream = new PassThrough({ highWaterMark: 4096 })
  const all = await sending((response) => response.send(stream), {}, { limits: { writeBuffer: 1024 } })
  for (let i = 0; i < 6; i++) stream.write(Buffer.alloc(600))
  await sleep(5)
  t.is(all.all().filter(({ kind }) => kind === 'CHUNK').length, 2)
  t.true(stream.isPaused())
  await all.tell((batch) => batch.drain(0, all.name))
  await sleep(5)
  t.is(all.all().filter(({ kind }) => kind === 'CHUNK').length, 4)
  stream.destroy()
})

test('every kind of source is told to stop when the client goes', async (t) => {
  const stopped: string[] = []
  const never = new Promise<never>(() => undefined)
  const stream = new Readable({
    read: () => undefined,
    destroy(error, callback) {
      stopped.push(`destroy ${codeOf(error)}`)
      callback(null)
    },
  })
  const writer: BodyWriter = {
    next: () => never,
    close: (error) => void stopped.push(`close ${codeOf(error)}`),
  }
  const iterator = {
    [Symbol.asyncIterator]: () => ({
      next: () => never,
      return: () => {
        stopped.push('return')
        return Promise.resolve({ value: undefined, done: true as const })
      },
    }),
  }
  const web = new ReadableStream({ cancel: (reason) => void stopped.push(`cancel ${codeOf(reason)}`) })
  for (const source of [stream, writer, iterator, web]) {
    const all = await sending((response) => response.send(source as never))
    await all.tell((batch) => batch.abort(2, all.name))
    t.is(all.outcome(), 'ERR_CLIENT_GONE')
    t.deepEqual(all.reported, [])
  }
  t.deepEqual(stopped, ['destroy ERR_CLIENT_GONE', 'close ERR_CLIENT_GONE', 'return', 'cancel ERR_CLIENT_GONE'])
})

test('a source given for a client that has gone already is told so and not read', async (t) => {
  let response!: Response
  const { ask, tell } = await serve((_request, given) => void (response = given))
  const name = { connection: ++connection }
  await ask(name)
  await tell((batch) => batch.abort(2, name))
  const stream = Readable.from(['x'])
  await t.throwsAsync(response.send(stream), { code: 'ERR_CLIENT_GONE' })
  t.true(stream.destroyed)
  await t.throwsAsync(response.send('text'), { code: 'ERR_CLIENT_GONE' })
  t.throws(() => response.send('text'), { code: 'ERR_ANSWERED' })
})

for (const [what, source] of [
  [
    'a generator that throws',
    function* (): Generator<string> {
      yield* broken()
    },
  ],
  [
    'an async generator that throws',
    async function* (): AsyncGenerator<string> {
      yield* broken()
    },
  ],
  ['a stream that fails', () => new Readable({ read: () => undefined }).destroy(new Error('broken'))],
  [
    'a web stream that fails',
    () =>
      new ReadableStream({
        pull: (controller) => controller.error(new Error('broken')),
      }),
  ],
] as const) {
  test(`${what} before anything was sent answers 500, once`, async (t) => {
    const all = await sending((response) => response.send(source()))
    await sleep(5)
    t.like(all.all(), { length: 1, 0: { kind: 'RESPOND', status: 500 } })
    t.is(all.outcome(), 'broken')
    t.deepEqual(all.reported, ['broken'])
  })
}

test('a source that fails after something was sent cuts the connection', async (t) => {
  const all = await sending((response) =>
    response.send(
      (function* () {
        yield 'some'
        throw new Error('broken')
      })(),
    ),
  )
  t.deepEqual(kindsOf(all.sent), ['HEAD', 'CHUNK', 'RESET'])
  t.is(all.outcome(), 'broken')
  t.deepEqual(all.reported, ['broken'])
})

test('a stream that is destroyed early is an error, and one that has ended gives nothing', async (t) => {
  const stream = new PassThrough()
  const all = await sending((response) => response.send(stream))
  stream.destroy()
  await sleep(5)
  t.is(all.outcome(), 'ERR_SOURCE_CLOSED')
  t.like(all.all(), { length: 1, 0: { status: 500 } })

  const ended = new PassThrough()
  ended.end()
  ended.resume()
  await sleep(5)
  const empty = await sending((response) => response.send(ended))
  t.like(empty.sent, { length: 1, 0: { kind: 'RESPOND', body: '' } })
})

test('a source that gives what is no piece is stopped and reported', async (t) => {
  let returned = false
  const source = function* (): Generator<string> {
    try {
      yield 1 as never
    } finally {
      returned = true
    }
  }
  const all = await sending((response) => response.send(source()))
  t.like(all.sent, { length: 1, 0: { status: 500 } })
  t.is(all.outcome(), 'ERR_INVALID_CHUNK')
  t.true(returned)
})

test('what a source throws when it is told to stop is reported, and no more', async (t) => {
  const iterator = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => undefined),
      return: () => Promise.reject(new Error('while stopping')),
    }),
  }
  const all = await sending((response) => response.send(iterator))
  await all.tell((batch) => batch.abort(2, all.name))
  await settle()
  t.deepEqual(all.reported, ['while stopping'])
})

test('a source that has nothing to give leaves the thread to others', async (t) => {
  let asked = 0
  const source = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ value: '', done: asked++ < 0 }) }),
  }
  const all = await sending((response) => response.send(source as never))
  await sleep(5)
  t.true(asked > 2)
  await all.tell((batch) => batch.abort(2, all.name))
  await settle()
  const stopped = asked
  await sleep(5)
  t.true(asked <= stopped + 1)
})

test('ending a response while a source is being sent stops the source', async (t) => {
  let returned = false
  const all = await sending((response) => {
    const promise = response.send(
      (async function* () {
        try {
          for (;;) {
            yield 'x'
            await settle()
          }
        } finally {
          returned = true
        }
      })(),
    )
    setImmediate(() => response.end())
    return promise
  })
  await sleep(20)
  t.is(all.outcome(), 'ERR_WRITE_AFTER_END')
  t.true(returned)
})

test('a source that gives nothing is stopped as well when the response is ended, and that is reported once', async (t) => {
  const stops: string[] = []
  const silent = {
    generator: () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => undefined),
        return: () => Promise.resolve({ done: true as const, value: stops.push('generator') }),
      }),
    }),
    readable: () => new Readable({ read: () => undefined, destroy: () => void stops.push('readable') }),
    web: () => new ReadableStream({ cancel: () => void stops.push('web') }),
    writer: () => ({ next: () => new Promise<never>(() => undefined), close: () => void stops.push('writer') }),
  }
  for (const [name, make] of Object.entries(silent)) {
    const ended = await sending((response) => {
      setImmediate(() => response.end())
      return response.send(make() as never)
    })
    await sleep(5)
    t.deepEqual([ended.outcome(), ended.reported], ['ERR_WRITE_AFTER_END', ['ERR_WRITE_AFTER_END']], name)
    const failed = await sending((response) => {
      void response.send(make() as never)
      throw new Error('the handler itself')
    })
    await sleep(5)
    t.deepEqual(failed.reported, ['the handler itself'], name)
    t.is(failed.all()[0]!.status, 500, name)
  }
  t.deepEqual(
    stops.sort(),
    Object.keys(silent)
      .flatMap((name) => [name, name])
      .sort(),
  )
})

test('a source of a handler that declines is stopped, and writes nothing into the next one’s answer', async (t) => {
  let returned = false
  const source = async function* () {
    try {
      yield await sleep(2, 'not this')
    } finally {
      returned = true
    }
  }
  const reported: unknown[] = []
  let outcome: unknown
  const served = await serve({
    handler: [
      (_request, response) => {
        response.send(source()).catch((error: unknown) => (outcome = codeOf(error)))
        return DECLINED
      },
      async (_request, response) => {
        await sleep(10)
        response.end('this')
      },
    ],
    onError: (error) => reported.push(error),
  })
  const before = served.lane.sent.length
  await served.ask({ connection: ++connection })
  await sleep(20)
  t.like(served.lane.sent.slice(before), [{ kind: 'RESPOND', body: 'this' }])
  t.deepEqual([outcome, returned, reported], ['ERR_RESPONSE_RESET', true, []])
})

test('misuse of send throws where it happens', async (t) => {
  const all = await sending(async (response) => {
    for (const value of [undefined, null, 7, {}, () => undefined, Symbol('x')]) {
      t.throws(() => response.send(value as never), { code: 'ERR_INVALID_CHUNK' })
    }
    for (const contentLength of [-1, 1.5, '3', Number.NaN]) {
      t.throws(() => response.send('x', { contentLength } as never), { code: 'ERR_INVALID_ARGUMENT' })
    }
    t.throws(() => response.send('x', { lenght: 1 } as never), { code: 'ERR_INVALID_OPTION' })
    const first = response.send(new PassThrough())
    const second = new PassThrough()
    t.throws(() => response.send(second), { code: 'ERR_ANSWERED' })
    t.true(second.destroyed)
    response.end('by hand')
    t.throws(() => response.send('x'), { code: 'ERR_ANSWERED' })
    void first
  })
  t.is(bodyOf(all.sent), 'by hand')
})

// Body writers

/** A writer of text that notes every call of its methods. */
function writerOf(calls: string[], texts: readonly string[], more: Partial<BodyWriter> = {}): BodyWriter {
  let at = 0
  return {
    init: () => void calls.push('init'),
    next() {
      calls.push('next')
      const text = texts[at++]!
      return { buffers: text, done: at === texts.length }
    },
    close: (error) => void calls.push(`close ${error === null ? 'null' : codeOf(error)}`),
    ...more,
  }
}

test('a body writer is opened, asked until it is done, and closed when all is written', async (t) => {
  const calls: string[] = []
  const all = await sending((response) => response.send(writerOf(calls, ['a', 'b', 'c'])))
  t.deepEqual(calls, ['init', 'next', 'next', 'next'])
  t.deepEqual(kindsOf(all.sent), ['HEAD', 'CHUNK', 'CHUNK', 'CHUNK', 'END'])
  t.deepEqual(all.sent[0]!.flags, [])
  await writeAll(all)
  t.deepEqual(calls.at(-1), 'close null')
  t.is(all.outcome(), 'done')
})

test('a body writer may take its time and give lists', async (t) => {
  const calls: string[] = []
  const texts = [['a', Buffer.from('b')], [], ['c']]
  const writer: BodyWriter = {
    init: () => sleep(1),
    contentLength: 3,
    async next() {
      await sleep(1)
      return { buffers: texts.shift()!, done: texts.length === 0 }
    },
    close: async () => void calls.push('closed'),
  }
  const all = await sending((response) => response.send(writer))
  await sleep(30)
  await writeAll(all)
  t.like(all.all()[0], { kind: 'HEAD', declared: 3 })
  t.is(bodyOf(all.all()), 'abc')
  t.deepEqual(calls, ['closed'])
})

test('a body writer of lent memory is asked again only when that has been handed over', async (t) => {
  const calls: string[] = []
  const memory = lendBuffer(40_000)
  const writer: BodyWriter = {
    next() {
      calls.push('next')
      memory.fill(calls.length)
      return { buffers: [memory, 'end'], done: calls.length === 3 }
    },
  }
  const all = await sending((response) => response.send(writer))
  for (let asked = 1; asked < 3; asked++) {
    t.is(calls.length, asked)
    const token = all.all().findLast(({ flags }) => flags.includes('NOTIFY'))!.token!
    await all.tell((batch) => batch.written(token, 0, all.name))
    await settle()
  }
  t.is(calls.length, 3)
  const chunks = all.all().filter(({ flags }) => flags.includes('LARGE'))
  t.deepEqual(
    chunks.map(({ bytes }) => [bytes!.length, bytes![0]]),
    [
      [40_000, 1],
      [40_000, 2],
      [40_000, 3],
    ],
  )
})

test('a body writer is opened and closed, but asked for nothing, for a HEAD request', async (t) => {
  const calls: string[] = []
  const writer = writerOf(calls, ['abc'], { contentLength: () => 3 })
  const all = await sending((response) => response.send(writer), { method: 'HEAD' })
  await writeAll(all)
  t.deepEqual(calls, ['init', 'close null'])
  t.like(all.sent, { length: 2, 0: { kind: 'HEAD', declared: 3 } })
})

for (const [step, broken, status] of [
  [
    'init',
    {
      init: (): never => {
        throw new Error('broken')
      },
    },
    500,
  ],
  ['init later', { init: () => Promise.reject(new Error('broken')) }, 500],
  [
    'contentLength',
    {
      contentLength: (): never => {
        throw new Error('broken')
      },
    },
    500,
  ],
  [
    'next',
    {
      next: (): never => {
        throw new Error('broken')
      },
    },
    500,
  ],
  ['next later', { next: () => Promise.reject(new Error('broken')) }, 500],
] as const) {
  test(`a body writer that fails in ${step} answers ${status}, is reported once, and closed once`, async (t) => {
    const calls: string[] = []
    const all = await sending((response) => response.send(writerOf(calls, ['a'], broken)))
    t.like(all.all(), { length: 1, 0: { kind: 'RESPOND', status } })
    t.is(all.outcome(), 'broken')
    t.deepEqual(all.reported, ['broken'])
    t.deepEqual(
      calls.filter((call) => call.startsWith('close')),
      ['close broken'],
    )
  })
}

test('a body writer that fails halfway cuts the connection', async (t) => {
  const calls: string[] = []
  let count = 0
  const writer = writerOf(calls, [], {
    next() {
      if (count++ === 0) return { buffers: 'some', done: false }
      throw new Error('broken')
    },
  })
  const all = await sending((response) => response.send(writer))
  t.deepEqual(kindsOf(all.sent), ['HEAD', 'CHUNK', 'RESET'])
  t.deepEqual(all.reported, ['broken'])
  t.deepEqual(calls, ['init', 'close broken'])
})

test('a body writer that fails in close is reported, and its answer stands', async (t) => {
  for (const close of [
    (): never => {
      throw new Error('broken')
    },
    () => Promise.reject(new Error('broken')),
  ]) {
    const all = await sending((response) => response.send(writerOf([], ['a'], { close })))
    await writeAll(all)
    await settle()
    t.is(all.outcome(), 'done')
    t.deepEqual(all.reported, ['broken'])
    t.is(all.all().at(-1)!.kind, 'END')
  }
})

test('a body writer that gives nonsense is told what was expected, and answers 500', async (t) => {
  for (const [writer, code] of [
    [{ next: () => undefined }, 'ERR_INVALID_ARGUMENT'],
    [{ next: () => 'text' }, 'ERR_INVALID_ARGUMENT'],
    [{ next: () => ({ buffers: 'x' }) }, 'ERR_INVALID_ARGUMENT'],
    [{ next: () => ({ buffers: 7, done: false }) }, 'ERR_INVALID_CHUNK'],
    [{ next: () => ({ done: true }) }, 'ERR_INVALID_CHUNK'],
    [{ next: () => ({ buffers: '', done: true }), contentLength: -1 }, 'ERR_INVALID_ARGUMENT'],
    [{ next: () => ({ buffers: '', done: true }), contentLength: 'many' }, 'ERR_INVALID_ARGUMENT'],
  ] as const) {
    const all = await sending((response) => response.send(writer as never))
    t.is(all.outcome(), code)
    t.deepEqual(all.reported, [code])
    t.like(all.sent, { length: 1, 0: { status: 500 } })
  }
})

test('a body writer that never gives anything is asked in turns, and closed when the client goes', async (t) => {
  const calls: string[] = []
  let asked = 0
  const writer = writerOf(calls, [], {
    next() {
      asked++
      return { buffers: [], done: false }
    },
  })
  const all = await sending((response) => response.send(writer))
  await sleep(5)
  t.true(asked > 2)
  await all.tell((batch) => batch.abort(2, all.name))
  await settle()
  const before = asked
  await sleep(5)
  t.is(asked, before)
  t.deepEqual(calls, ['init', 'close ERR_CLIENT_GONE'])
  t.is(all.outcome(), 'ERR_CLIENT_GONE')
})

test('a body writer that gives more or less than it said cuts the connection', async (t) => {
  for (const contentLength of [2, 4]) {
    const calls: string[] = []
    const all = await sending((response) => response.send(writerOf(calls, ['abc'], { contentLength })))
    t.is(all.outcome(), 'ERR_BODY_LENGTH_MISMATCH')
    t.deepEqual(all.reported, ['ERR_BODY_LENGTH_MISMATCH'])
    t.is(all.sent.at(-1)!.kind, 'RESET')
    t.is(calls.at(-1), 'close ERR_BODY_LENGTH_MISMATCH')
  }
})

test('lendBuffer wants a size it can give', (t) => {
  t.is(lendBuffer(10).length, 10)
  for (const size of [-1, 1.5, 2 ** 40, '1' as never]) {
    t.throws(() => lendBuffer(size), { code: 'ERR_INVALID_ARGUMENT' })
  }
})
