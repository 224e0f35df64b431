import ava from 'ava'
import type { Request, Response } from '#dist/index'
import { serve, settle } from './_helpers/serve'

const test = ava.serial
let connection = 200

/** An exchange whose handler has returned without doing anything. */
async function open(request = {}): Promise<{
  request: Request
  response: Response
  name: { connection: number }
  tell: Awaited<ReturnType<typeof serve>>['tell']
  reported: unknown[]
}> {
  let exchange!: { request: Request; response: Response }
  const reported: unknown[] = []
  const { ask, tell } = await serve({
    onError: (error) => reported.push(error),
    handler: (got, response) => void (exchange = { request: got, response }),
  })
  const name = { connection: ++connection }
  await ask({ ...name, method: 'POST', hasBody: true, ...request })
  return { ...exchange, name, tell, reported }
}

type Seen = [chunk: string | null, error: string | null, size: number]

/** Reads once by callback. */
function readOnce(request: Request): Promise<Seen> {
  return new Promise((resolve) => {
    request.read((chunk, error, size, same) => {
      resolve([chunk === null ? null : chunk.toString(), error === null ? null : error.code, size])
      if (same !== request) throw new Error('another request')
    })
  })
}

for (const inline of [true, false]) {
  const how = inline ? 'came with its head' : 'comes in pieces'
  const start = async (text: string): Promise<Request> => {
    const { request, tell, name } = await open(inline ? { inline: text } : {})
    if (inline) return request
    const half = text.length >> 1
    setImmediate(() => {
      void tell((batch) => batch.body(text.slice(0, half), name).body(text.slice(half), { ...name, end: true }))
    })
    return request
  }

  test(`bytes() gives all of a body that ${how}`, async (t) => {
    const request = await start('grüezi mitenand')
    t.false(request.bodyUsed)
    const bytes = request.bytes()
    t.true(request.bodyUsed)
    t.true(Buffer.isBuffer(await bytes))
    t.is((await bytes).toString(), 'grüezi mitenand')
  })

  test(`text() decodes a body that ${how}, without its byte order mark`, async (t) => {
    t.is(await (await start('\ufeffgrüezi')).text(), 'grüezi')
  })

  test(`json() parses a body that ${how}`, async (t) => {
    t.deepEqual(await (await start('{"a":[1,"ü"]}')).json(), { a: [1, 'ü'] })
  })

  test(`json() rejects with a SyntaxError with a code for a body that ${how}`, async (t) => {
    await t.throwsAsync((await start('{"a":')).json(), { instanceOf: SyntaxError, code: 'ERR_BODY_JSON' })
  })

  test(`iteration gives the pieces of a body that ${how}`, async (t) => {
    const request = await start('one-two')
    const chunks: string[] = []
    for await (const chunk of request) chunks.push(chunk.toString())
    t.is(chunks.join(''), 'one-two')
    t.is(chunks.length, inline ? 1 : 2)
  })

  test(`read(callback) gives a chunk a call of a body that ${how}, then its end`, async (t) => {
    const request = await start('one-two')
    const seen: Seen[] = []
    do seen.push(await readOnce(request))
    while (seen.at(-1)![0] !== null)
    t.deepEqual(
      seen,
      inline
        ? [
            ['one-two', null, 7],
            [null, null, 0],
          ]
        : [
            ['one', null, 3],
            ['-two', null, 4],
            [null, null, 0],
          ],
    )
    t.deepEqual(await readOnce(request), [null, null, 0], 'the end stays the end')
  })

  test(`a body that ${how} is read only once and one way`, async (t) => {
    const request = await start('x')
    await request.text()
    await t.throwsAsync(request.text(), { code: 'ERR_BODY_USED' })
    await t.throwsAsync(request.json(), { code: 'ERR_BODY_USED' })
    await t.throwsAsync(request.bytes(), { code: 'ERR_BODY_USED' })
    await t.throwsAsync(request[Symbol.asyncIterator]().next(), { code: 'ERR_BODY_USED' })
    t.throws(() => request.read(() => {}), { code: 'ERR_BODY_USED' })
    const other = await start('x')
    await readOnce(other)
    await t.throwsAsync(other.text(), { code: 'ERR_BODY_USED' })
  })
}

test('a request without a body has an empty one, which can be read any number of times', async (t) => {
  const { request } = await open({ method: 'GET', hasBody: false })
  t.is((await request.bytes()).length, 0)
  t.is(await request.text(), '')
  t.is(await request.text(), '')
  t.deepEqual(await readOnce(request), [null, null, 0])
  for await (const chunk of request) t.fail(String(chunk))
  await t.throwsAsync(request.json(), { instanceOf: SyntaxError, code: 'ERR_BODY_JSON' })
  t.false(request.bodyUsed)
})

test('an inline body outlives its batch when the handler returns before reading it', async (t) => {
  const { request, tell, name } = await open({ inline: 'kept' })
  await tell((batch) => batch.request({ connection: ++connection, inline: 'XXXXXXXXXX' }).body('YYYYYYYY', name))
  t.is(await request.text(), 'kept')
})

test('a handler may read an inline body after waiting for something else', async (t) => {
  const { ask } = await serve(async (request, response) => {
    await settle()
    response.end(await request.text())
  })
  const before = ask({ connection: ++connection, inline: 'patience' })
  await before
  await settle()
  const sent = await ask({ connection: ++connection, inline: 'X'.repeat(50) })
  t.true(sent.some(({ body }) => body === 'patience') || (await before).some(({ body }) => body === 'patience'))
})

test('the first read tells the core that the body is wanted, each chunk gives credit', async (t) => {
  const { request, tell, name } = await open({ expectContinue: true })
  t.deepEqual(await tell((batch) => batch.body('unasked', name)), [])
  const iterator = request[Symbol.asyncIterator]()
  const first = iterator.next()
  const sent = await tell((batch) => batch)
  t.deepEqual(
    sent.map(({ kind, credit }) => [kind, credit]),
    [
      ['CREDIT', 0],
      ['CREDIT', 7],
    ],
  )
  t.is((await first).value!.toString(), 'unasked')
  t.deepEqual(await tell((batch) => batch.body('more', name)), [], 'nobody waits for it yet')
  const second = iterator.next()
  t.like(await tell((batch) => batch), { length: 1, 0: { kind: 'CREDIT', credit: 4 } })
  t.is((await second).value!.toString(), 'more')
})

test('a whole body needs no credit', async (t) => {
  const { request, tell } = await open({ inline: 'all' })
  void request.bytes()
  t.deepEqual(await tell((batch) => batch), [])
})

test('large chunks are taken by reference', async (t) => {
  const { request, tell, name } = await open()
  const bytes = request.bytes()
  await tell((batch) => {
    batch.body(Buffer.alloc(70_000, 1), { ...name, large: true }).body('small', name)
    batch.body(Buffer.alloc(80_000, 2), { ...name, large: true, end: true })
  })
  const all = await bytes
  t.is(all.length, 150_005)
  t.deepEqual([all[0], all[70_000], all[150_004]], [1, 's'.charCodeAt(0), 2])
})

test('small pieces that nobody waits for are joined, large ones are not', async (t) => {
  const { request, tell, name } = await open()
  const text = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('')
  await tell((batch) => {
    for (const letter of text) batch.body(letter, name)
    batch
      .body('X'.repeat(16_000), name)
      .body('y', name)
      .body('z', { ...name, end: true })
  })
  const chunks: string[] = []
  for await (const chunk of request) chunks.push(chunk.toString())
  t.deepEqual(
    chunks.map(({ length }) => length),
    [5000, 16_002],
  )
  t.is(chunks.join(''), `${text}${'X'.repeat(16_000)}yz`)
})

test('a piece that was given away is not written to by those after it', async (t) => {
  const { request, tell, name } = await open()
  await tell((batch) => batch.body('a', name).body('b', name))
  const iterator = request[Symbol.asyncIterator]()
  const { value: first } = await iterator.next()
  await tell((batch) => batch.body('c', name).body('d', name))
  const { value: second } = await iterator.next()
  t.deepEqual([first!.toString(), second!.toString()], ['ab', 'cd'])
})

test('trailers are there once the end has been reached', async (t) => {
  const { request, tell, name } = await open()
  const text = request.text()
  t.is(request.trailers.get('x-sum'), null)
  await tell((batch) => batch.body('x', name).bodyEnd([['X-Sum', '1']], name))
  t.is(await text, 'x')
  t.is(request.trailers.get('x-sum'), '1')
  t.deepEqual(request.trailers.raw, [['X-Sum', '1']])
})

test('a second read while one waits is refused', async (t) => {
  const { request } = await open()
  request.read(() => {})
  t.throws(() => request.read(() => {}), { code: 'ERR_READ_PENDING' })
  t.throws(() => request.read('x' as never), { code: 'ERR_INVALID_ARGUMENT' })
})

test('a read callback never runs inside the call that asks', async (t) => {
  const { request, tell, name } = await open()
  const [a, b] = ['a'.repeat(16_000), 'b'.repeat(16_000)]
  await tell((batch) => batch.body(a, name).body(b, { ...name, end: true }))
  const order: string[] = []
  await new Promise<void>((resolve) => {
    const next = (chunk: Buffer | null): void => {
      order.push(`got ${chunk?.toString('latin1', 0, 1)}`)
      if (chunk === null) return resolve()
      request.read(next)
      order.push('asked')
    }
    request.read(next)
    order.push('asked')
  })
  t.deepEqual(order, ['asked', 'got a', 'asked', 'got b', 'asked', 'got undefined'])
})

for (const [reason, code] of [
  [2, 'ERR_BODY_ABORTED'],
  [3, 'ERR_BODY_MALFORMED'],
  [4, 'ERR_BODY_TIMEOUT'],
  [8, 'ERR_BODY_TOO_LARGE'],
] as const) {
  test(`a body cut for reason ${reason} fails with ${code}, now and later`, async (t) => {
    for (const begin of [
      (request: Request) => request.text(),
      (request: Request) => request.json(),
      (request: Request) => request[Symbol.asyncIterator]().next(),
    ]) {
      const { request, tell, name, reported } = await open()
      const reading = begin(request)
      await tell((batch) => batch.body('some', name))
      await tell((batch) => batch.abort(reason, name).body('late', name))
      // The iterator had its chunk already.
      await (begin.toString().includes('next()') ? t.notThrowsAsync(reading) : t.throwsAsync(reading, { code }))
      t.deepEqual(reported, [])
    }
    const { request, tell, name } = await open()
    const waiting = readOnce(request)
    await tell((batch) => batch.abort(reason, name))
    t.deepEqual(await waiting, [null, code, 0])
    t.deepEqual(await readOnce(request), [null, code, 0])
    const unread = await open()
    await unread.tell((batch) => batch.abort(reason, unread.name))
    await t.throwsAsync(unread.request.bytes(), { code })
  })
}

test('a handler that passes on that its client has gone is not reported', async (t) => {
  const reported: unknown[] = []
  const { ask, tell } = await serve({
    onError: (error) => reported.push(error),
    handler: async (request) => {
      await request.json()
    },
  })
  const name = { connection: ++connection }
  await ask({ ...name, hasBody: true })
  t.deepEqual(await tell((batch) => batch.abort(2, name)), [])
  t.deepEqual(reported, [])
})

test('a client that closes its sending side in the middle of its body aborts the body, and can be answered', async (t) => {
  const reported: unknown[] = []
  const { ask, tell } = await serve({
    onError: (error) => reported.push(error),
    handler: async (request, response) => {
      await t.throwsAsync(request.text(), { code: 'ERR_BODY_ABORTED' })
      response.end('half a body')
    },
  })
  const name = { connection: ++connection }
  await ask({ ...name, hasBody: true })
  t.like((await tell((batch) => batch.abort(1, name))).at(-1), { kind: 'RESPOND', body: 'half a body' })

  const passing = await serve({ onError: (error) => reported.push(error), handler: (request) => request.text() })
  await passing.ask({ ...name, hasBody: true })
  t.like((await passing.tell((batch) => batch.abort(1, name))).at(-1), { kind: 'RESPOND', status: 500 })
  t.deepEqual(reported, [])
})

test('a promise nobody looks at ends nothing when the client goes', async (t) => {
  const { request, tell, name } = await open()
  void request.json()
  await tell((batch) => batch.body('{', name).abort(2, name))
  const inline = await open({ inline: '{' })
  void inline.request.json()
  await settle()
  t.pass()
})

test('a body nobody has begun to read is dropped with the end of the answer', async (t) => {
  for (const request of [{ inline: 'x' }, {}]) {
    const { request: got, response, tell, name } = await open(request)
    response.end('answer')
    const sent = await tell((batch) => batch.body('late', name).abort(2, name))
    t.deepEqual(
      sent.map(({ kind }) => kind),
      ['RESPOND'],
    )
    await t.throwsAsync(got.text(), { code: 'ERR_BODY_DISCARDED' })
    t.is(response.error, null)
  }
})

test('a handler that reads a body after its answer is told and reported', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push((error as { code: string }).code),
    handler: async (request, response) => {
      response.end()
      await request.text()
    },
  })
  await ask({ connection: ++connection, hasBody: true })
  t.deepEqual(reported, ['ERR_BODY_DISCARDED'])
})

test('a body that is being read goes on after the end of the answer', async (t) => {
  const { request, response, tell, name } = await open()
  const text = request.text()
  response.end('accepted')
  await tell((batch) => batch.body('late ', name).body('but whole', { ...name, end: true }))
  t.is(await text, 'late but whole')

  const cut = await open()
  const reading = cut.request.text()
  cut.response.end('accepted')
  await cut.tell((batch) => batch.abort(2, cut.name))
  await t.throwsAsync(reading, { code: 'ERR_BODY_DISCARDED' })
  t.is(cut.response.error, null)
  t.false(cut.request.signal.aborted)
})

test('leaving the iteration early drops the rest', async (t) => {
  const { request, response, tell, name } = await open()
  void tell((batch) => batch.body('one', name).body('two', name))
  for await (const chunk of request) {
    t.is(chunk.toString(), 'one')
    break
  }
  await tell((batch) => batch.body('three', { ...name, end: true }))
  await t.throwsAsync(request.bytes(), { code: 'ERR_BODY_USED' })
  response.end()
})

test('a read callback that throws is reported once and answers 500', async (t) => {
  const { request, tell, name, reported } = await open()
  request.read(() => {
    throw new Error('in read')
  })
  const sent = await tell((batch) => batch.body('x', name))
  t.deepEqual(
    reported.map((error) => (error as Error).message),
    ['in read'],
  )
  t.like(sent.at(-1), { kind: 'RESPOND', status: 500 })

  const empty = await open({ method: 'GET', hasBody: false })
  empty.request.read(() => {
    throw new Error('in an empty read')
  })
  t.like((await empty.tell((batch) => batch)).at(-1), { kind: 'RESPOND', status: 500 })
  t.is(empty.reported.length, 1)
})
