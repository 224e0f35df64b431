import ava from 'ava'
import type { Handler, Response } from '#dist/index'
import { serve, settle } from './_helpers/serve'
import type { Sent } from './_helpers/fake-lane'

const test = ava.serial
let connection = 100

/** What a handler sends for one request. */
async function answer(handler: Handler, request = {}): Promise<Sent[]> {
  const { ask } = await serve({ handler, onError: () => {} })
  return ask({ connection: ++connection, ...request })
}

/** Calls with a response and gives back the code of what is thrown. */
async function codeOf(misuse: (response: Response) => unknown): Promise<string | undefined> {
  let code: string | undefined
  await answer((_request, response) => {
    try {
      misuse(response)
    } catch (error) {
      code = (error as { code?: string }).code
    }
    if (!response.ended) response.end()
  })
  return code
}

test('a whole answer is one record', async (t) => {
  const sent = await answer(
    (_request, response) => {
      response.setHeader('Content-Type', 'text/plain')
      response.end('Hello, World!')
    },
    { connection: 9, generation: 8, sequence: 7 },
  )
  t.like(sent, {
    length: 1,
    0: {
      kind: 'RESPOND',
      connection: 9,
      generation: 8,
      sequence: 7,
      flags: [],
      status: 200,
      reason: '',
      fields: 'Content-Type: text/plain\r\n',
      body: 'Hello, World!',
      token: 0,
    },
  })
})

test('status and reason are sent', async (t) => {
  const [sent] = await answer((_request, response) => {
    response.status = 404
    response.reason = 'Nötting here'
    t.is(response.statusText, 'Nötting here')
    response.end()
  })
  t.like(sent, { status: 404, reason: 'Nötting here', body: '' })
})

test('status and reason have the names of node:http as well', async (t) => {
  const [sent] = await answer((_request, response) => {
    response.statusCode = 404
    response.statusMessage = 'Gone Fishing'
    t.deepEqual([response.status, response.reason], [404, 'Gone Fishing'])
    t.deepEqual([response.statusCode, response.statusMessage], [404, 'Gone Fishing'])
    response.end()
  })
  t.like(sent, { status: 404, reason: 'Gone Fishing' })
})

for (const [what, body, bytes] of [
  ['text', 'grüezi €', Buffer.from('grüezi €')],
  ['long text', 'é'.repeat(30_000), Buffer.from('é'.repeat(30_000))],
  ['very long text', 'é'.repeat(300_000), Buffer.from('é'.repeat(300_000))],
  ['text with a lone surrogate', 'a\ud800b', Buffer.from('a\ufffdb')],
  ['a Buffer', Buffer.from([0, 1, 255]), Buffer.from([0, 1, 255])],
  ['a large Buffer', Buffer.alloc(500_000, 7), Buffer.alloc(500_000, 7)],
  ['a view of wider numbers', new Uint16Array([1, 2]), Buffer.from([1, 0, 2, 0])],
  ['a part of an ArrayBuffer', new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2), Buffer.from([2, 3])],
  ['an ArrayBuffer', Uint8Array.of(1, 2).buffer, Buffer.from([1, 2])],
  ['a list', ['a', Buffer.from('b'), new Uint8Array([99])], Buffer.from('abc')],
  ['a list of texts', ['a', 'ü'], Buffer.from('aü')],
  ['nothing', undefined, Buffer.alloc(0)],
  ['null', null, Buffer.alloc(0)],
  ['an empty list', [], Buffer.alloc(0)],
] as const) {
  test(`a body can be ${what}`, async (t) => {
    const sent = await answer((_request, response) => void response.end(body))
    t.is(sent.length, 1)
    t.is(sent[0]!.kind, 'RESPOND')
    t.true(sent[0]!.bytes!.equals(bytes))
  })

  test(`a piece can be ${what}`, async (t) => {
    const sent = await answer((_request, response) => {
      response.write(body ?? '')
      response.end(body)
    })
    const pieces = sent.filter(({ kind }) => kind === 'CHUNK').map((piece) => piece.bytes!)
    t.true(Buffer.concat(pieces).equals(Buffer.concat([bytes, bytes])))
    t.deepEqual([sent[0]!.kind, sent.at(-1)!.kind], ['HEAD', 'END'])
  })
}

test('many answers in one batch fit, however long they are', async (t) => {
  const { tell, id } = await serve((request, response) => void response.end(request.path.repeat(1000)))
  const sent = await tell((batch) => {
    for (let i = 0; i < 300; i++) batch.request({ server: id, connection: i, target: `/${i}` })
  })
  t.deepEqual(
    sent.map(({ body }) => body!.length),
    Array.from({ length: 300 }, (_, i) => `/${i}`.length * 1000),
  )
})

test('headers are replaced, appended, looked at and taken back, in any case of letters', async (t) => {
  const [sent] = await answer((_request, response) => {
    response.setHeader('X-One', '1').setHeader('x-two', 2).setHeader('x-one', 'first')
    response.appendHeader('Set-Cookie', 'a=1').appendHeader('set-cookie', 'b=2')
    response.setHeader('x-list', ['a', 'b'])
    response.setHeader('x-gone', 'soon')
    t.is(response.getHeader('X-ONE'), 'first')
    t.is(response.getHeader('x-two'), '2')
    t.deepEqual(response.getHeader('set-cookie'), ['a=1', 'b=2'])
    t.is(response.getHeader('x-none'), undefined)
    t.true(response.hasHeader('X-Gone'))
    response.removeHeader('X-GONE').removeHeader('x-none')
    t.false(response.hasHeader('x-gone'))
    t.deepEqual(response.getHeaderNames(), ['x-one', 'x-two', 'set-cookie', 'x-list'])
    response.end()
  })
  t.is(sent!.fields, 'x-one: first\r\nx-two: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nx-list: a\r\nx-list: b\r\n')
})

test('the same headers again are the same bytes, whichever way they come about', async (t) => {
  const { ask } = await serve((request, response) => {
    response.setHeader('content-type', 'text/plain')
    response.setHeader('x-path', request.path)
    response.setHeader('content-type', 'text/html')
    response.setHeader('cache-control', 'no-store')
    response.end()
  })
  for (const path of ['/a', '/a', '/a', '/b', '/a', '/a', '/b', '/b', '/b', '/longer', '/a']) {
    const [sent] = await ask({ connection: ++connection, target: path })
    t.is(sent!.fields, `content-type: text/html\r\nx-path: ${path}\r\ncache-control: no-store\r\n`)
  }
})

test('ever new headers do not fill the memory and stay right', async (t) => {
  const { tell, id } = await serve((request, response) => {
    for (let i = 0; i < 5; i++) response.setHeader(`x-${request.query}-${i}`, request.path)
    response.end()
  })
  for (let round = 0; round < 600; round++) {
    const sent = await tell((batch) => {
      for (let i = 0; i < 3; i++) batch.request({ server: id, connection: i, target: `/p?${round}` })
    })
    const fields = Array.from({ length: 5 }, (_, i) => `x-${round}-${i}: /p\r\n`).join('')
    for (const { fields: written } of sent) t.is(written, fields)
  }
})

test('content-length, transfer-encoding, connection and date become flags', async (t) => {
  const [whole] = await answer((_request, response) => {
    response.setHeader('Content-Length', 5).setHeader('Connection', 'close').setHeader('date', 'today')
    t.is(response.getHeader('content-length'), '5')
    response.end('grüe')
  })
  t.like(whole, { kind: 'RESPOND', flags: ['CLOSE', 'HAS_DATE'], fields: 'date: today\r\n', body: 'grüe' })

  const [head, , end] = await answer((_request, response) => {
    response.setHeader('content-length', '3000000000')
    response.setHeader('connection', 'Keep-Alive')
    response.write('x')
    t.throws(() => response.end(), { code: 'ERR_BODY_LENGTH_MISMATCH' })
  })
  t.like(head, { kind: 'HEAD', flags: ['LENGTH'], fields: '', declared: 3_000_000_000 })
  t.is(end!.kind, 'RESET')

  const chunked = await answer((_request, response) => {
    response.setHeader('transfer-encoding', 'Chunked')
    response.end('whole')
  })
  t.deepEqual(
    chunked.map(({ kind }) => kind),
    ['HEAD', 'CHUNK', 'END'],
  )
  t.deepEqual(chunked[0]!.flags, [])
})

for (const [name, value] of [
  ['content-length', '-1'],
  ['content-length', '1.5'],
  ['content-length', '99999999999999999'],
  ['transfer-encoding', 'gzip'],
  ['connection', 'upgrade'],
  ['x', 'a\r\nb: c'],
  ['x', 'a\0'],
  ['x', 'a\u0100'],
  ['x', '\x7f'],
] as const) {
  test(`refuses ${name}: ${JSON.stringify(value)}`, async (t) => {
    t.is(await codeOf((response) => response.setHeader(name, value)), 'ERR_INVALID_HEADER_VALUE')
    t.is(await codeOf((response) => response.appendHeader(name, value)), 'ERR_INVALID_HEADER_VALUE')
  })
}

test('says which character of a value is not allowed, and where', async (t) => {
  await answer((_request, response) => {
    t.throws(() => response.setHeader('x-name', 'Zo\u00eb \u{1f600}'), { message: /x-name.*U\+D83D at position 4/ })
    response.end()
  })
})

for (const name of ['', 'a b', 'a:', 'ü', 'a\r\nb', '(x)']) {
  test(`refuses the name ${JSON.stringify(name)}`, async (t) => {
    t.is(await codeOf((response) => response.setHeader(name, 'x')), 'ERR_INVALID_HEADER_NAME')
    t.is(await codeOf((response) => response.informational(103, { [name]: 'x' })), 'ERR_INVALID_HEADER_NAME')
    t.is(await codeOf((response) => response.trailers({ [name]: 'x' })), 'ERR_INVALID_HEADER_NAME')
  })
}

test('refuses what is no header value, status, reason, chunk or callback', async (t) => {
  const wrong = (value: unknown): never => value as never
  t.is(await codeOf((response) => response.setHeader('x', wrong(undefined))), 'ERR_INVALID_HEADER_VALUE')
  t.is(await codeOf((response) => response.setHeader('x', wrong({}))), 'ERR_INVALID_HEADER_VALUE')
  t.is(await codeOf((response) => response.setHeader('x', Number.NaN)), 'ERR_INVALID_HEADER_VALUE')
  t.is(await codeOf((response) => response.setHeader(wrong(1), 'x')), 'ERR_INVALID_HEADER_NAME')
  for (const status of [0, 99, 101, 199, 1000, 200.5, '200', Number.NaN]) {
    t.is(await codeOf((response) => (response.status = wrong(status))), 'ERR_INVALID_STATUS', String(status))
  }
  t.is(await codeOf((response) => (response.reason = 'a\r\nb: c')), 'ERR_INVALID_REASON')
  t.is(await codeOf((response) => (response.reason = wrong(7))), 'ERR_INVALID_REASON')
  for (const chunk of [1, true, {}, Symbol('s'), [1], [['nested']]]) {
    t.is(await codeOf((response) => response.write(wrong(chunk))), 'ERR_INVALID_CHUNK')
    t.is(await codeOf((response) => response.end(wrong(chunk))), 'ERR_INVALID_CHUNK')
  }
  t.is(await codeOf((response) => response.write('x', wrong('y'))), 'ERR_INVALID_ARGUMENT')
  t.is(await codeOf((response) => response.end('x', wrong('y'))), 'ERR_INVALID_ARGUMENT')
})

test('headers can be set until they are sent, and not after', async (t) => {
  for (const misuse of [
    (response: Response) => response.setHeader('x', 'y'),
    (response: Response) => response.appendHeader('x', 'y'),
    (response: Response) => response.removeHeader('x'),
    (response: Response) => (response.status = 201),
    (response: Response) => (response.reason = 'x'),
    (response: Response) => response.informational(103),
  ]) {
    for (const send of ['write', 'flush', 'end'] as const) {
      const code = await codeOf((response) => {
        t.false(response.headersSent)
        if (send === 'write') response.write('x')
        else response[send]()
        t.true(response.headersSent)
        misuse(response)
      })
      t.is(code, 'ERR_HEADERS_SENT')
    }
  }
})

test('answering twice throws and sends nothing more', async (t) => {
  const sent = await answer((_request, response) => {
    response.end('one')
    t.true(response.ended)
    t.throws(() => response.end('two'), { code: 'ERR_ANSWERED' })
    t.throws(() => response.write('two'), { code: 'ERR_WRITE_AFTER_END' })
    t.throws(() => response.flush(), { code: 'ERR_WRITE_AFTER_END' })
    t.throws(() => response.trailers({}), { code: 'ERR_WRITE_AFTER_END' })
  })
  t.is(sent.length, 1)
})

test('a body that is not as long as declared throws and closes the connection', async (t) => {
  for (const [write, end] of [
    [[], 'four'],
    [[], 'sixsix'],
    [['sixsix'], ''],
    [['four'], ''],
    [['four'], 'xx'],
  ] as const) {
    let code: unknown
    const sent = await answer((_request, response) => {
      response.setHeader('content-length', 5)
      try {
        for (const piece of write) response.write(piece)
        response.end(end)
      } catch (error) {
        code = (error as { code: string }).code
      }
      t.false(response.write('more'), 'later writes are no-ops')
      response.end()
    })
    t.is(code, 'ERR_BODY_LENGTH_MISMATCH')
    t.is(sent.at(-1)!.kind, 'RESET')
  }
})

test('a wrong length is reported, by a handler that throws and one that rejects', async (t) => {
  for (const isAsync of [false, true]) {
    const reported: unknown[] = []
    const handler: Handler = (_request, response) => {
      response.setHeader('content-length', 5)
      response.end('sixsix')
    }
    const { ask } = await serve({
      onError: (error) => reported.push((error as { code: string }).code),
      handler: isAsync ? async (request, response) => handler(request, response) : handler,
    })
    await ask({ connection: ++connection })
    t.deepEqual(reported, ['ERR_BODY_LENGTH_MISMATCH'])
  }
})

test('flush sends the head alone', async (t) => {
  const sent = await answer((_request, response) => {
    void response.setHeader('x-early', 'yes').flush()
  })
  t.like(sent, {
    0: { kind: 'HEAD', fields: 'x-early: yes\r\n' },
    1: { kind: 'CHUNK', body: '', flags: ['NOTIFY'] },
    length: 2,
  })
})

test('a HEAD request may be told a length, and no body is sent for it', async (t) => {
  const declared = await answer(
    (_request, response) => {
      response.setHeader('content-length', 500)
      response.end()
    },
    { method: 'HEAD' },
  )
  t.like(declared, { 0: { kind: 'HEAD', declared: 500 }, 1: { kind: 'END' }, length: 2 })

  const streamed = await answer(
    (_request, response) => {
      t.true(response.write('x'.repeat(1_000_000)))
      response.end('y')
    },
    { method: 'HEAD' },
  )
  t.deepEqual(
    streamed.map(({ kind }) => kind),
    ['HEAD', 'END'],
  )
})

test('informational answers come before the answer', async (t) => {
  const sent = await answer((_request, response) => {
    response.informational(103, { link: ['</a>; rel=preload', '</b>; rel=preload'] }).informational(102)
    for (const status of [99, 101, 200, 103.5]) {
      t.throws(() => response.informational(status), { code: 'ERR_INVALID_STATUS' })
    }
    response.end('x')
  })
  t.like(sent, {
    0: { kind: 'INFORMATIONAL', status: 103, fields: 'link: </a>; rel=preload\r\nlink: </b>; rel=preload\r\n' },
    1: { kind: 'INFORMATIONAL', status: 102, fields: '' },
    2: { kind: 'RESPOND', body: 'x' },
  })
})

test('trailers are sent with the end', async (t) => {
  const sent = await answer((_request, response) => {
    response.trailers({ 'x-sum': '1' })
    response.write('a')
    response.trailers({ 'X-Sum': ['2', '3'] })
    response.end('b')
  })
  t.like(sent.at(-1), { kind: 'END', fields: 'X-Sum: 2\r\nX-Sum: 3\r\n' })

  const whole = await answer((_request, response) => {
    response.trailers({ 'x-sum': '1' }).end('b')
  })
  t.deepEqual(
    whole.map(({ kind }) => kind),
    ['HEAD', 'CHUNK', 'END'],
  )
  t.is(await codeOf((response) => response.trailers({ 'Content-Length': '1' })), 'ERR_INVALID_HEADER_NAME')
  t.is(
    await codeOf((response) => {
      response.setHeader('content-length', '1')
      response.trailers({ 'x-sum': '1' })
    }),
    'ERR_HEADERS_SENT',
  )
  t.is(
    await codeOf((response) => {
      response.trailers({ 'x-sum': '1' })
      response.setHeader('content-length', '1')
      response.write('x')
    }),
    'ERR_HEADERS_SENT',
  )
})

test('headers that no client would take are refused', async (t) => {
  const [sent] = await answer((_request, response) => {
    for (let i = 0; i < 70; i++) response.setHeader(`x-${i}`, 'x'.repeat(1000))
    t.throws(() => response.end(), { code: 'ERR_HEADERS_TOO_LARGE' })
    t.throws(() => response.write('x'), { code: 'ERR_HEADERS_TOO_LARGE' })
    for (let i = 0; i < 70; i++) response.removeHeader(`x-${i}`)
    response.end('small')
  })
  t.like(sent, { kind: 'RESPOND', body: 'small', fields: '' })
})

test('write says false when the client is slow, and drain resolves when it has caught up', async (t) => {
  let response!: Response
  const { ask, tell } = await serve({
    limits: { writeBuffer: 1024 },
    handler: (_request, given) => void (response = given),
  })
  const name = { connection: ++connection }
  await ask(name)
  await t.notThrowsAsync(response.drain())
  t.true(response.write('x'.repeat(511)))
  t.true(response.write('x'))
  t.true(response.write('x'.repeat(511)))
  t.false(response.write('x'))
  t.false(response.write('x'))
  let drained = false
  const waiting = response.drain().then(() => (drained = true))
  const sent = await tell((batch) => batch)
  t.deepEqual(
    sent.map(({ kind, flags }) => [kind, ...flags]),
    [['HEAD'], ['CHUNK'], ['CHUNK', 'WANT_DRAIN'], ['CHUNK'], ['CHUNK'], ['CHUNK']],
    'asked for once, at half of the limit',
  )
  t.false(drained)
  await tell((batch) => batch.drain(100, name))
  await waiting
  t.true(response.write('x'.repeat(800)))
  t.false(response.write('x'.repeat(124)))
  const again = response.drain()
  response.end()
  await again
})

test('drain rejects when the client has gone, write says false and nothing throws', async (t) => {
  let response!: Response
  const { ask, tell } = await serve({
    limits: { writeBuffer: 1024 },
    handler: (_request, given) => void (response = given),
  })
  const name = { connection: ++connection }
  await ask(name)
  t.false(response.write('x'.repeat(2000)))
  const waiting = response.drain()
  await tell((batch) => batch.abort(2, name))
  await t.throwsAsync(waiting, { code: 'ERR_CLIENT_GONE' })
  await t.throwsAsync(response.drain(), { code: 'ERR_CLIENT_GONE' })
  t.is(response.error!.code, 'ERR_CLIENT_GONE')
  const told: unknown[] = []
  t.false(response.write('x', (error) => told.push(error?.code)))
  response.flush((error) => told.push(error?.code))
  t.throws(() => response.write(1 as never), { code: 'ERR_INVALID_CHUNK' })
  response.end('x', (error) => told.push(error?.code))
  t.deepEqual(told, [], 'never inside the call')
  t.throws(() => response.end(), { code: 'ERR_ANSWERED' })
  const sent = await tell((batch) => batch)
  t.deepEqual(told, ['ERR_CLIENT_GONE', 'ERR_CLIENT_GONE', 'ERR_CLIENT_GONE'])
  t.deepEqual(sent, [])
})

test('a client that goes before anything was sent leaves a response that takes everything silently', async (t) => {
  let response!: Response
  const { ask, tell } = await serve((_request, given) => void (response = given))
  const name = { connection: ++connection }
  await ask(name)
  await tell((batch) => batch.abort(5, name))
  response.status = 201
  response.setHeader('x', 'y')
  response.informational(103)
  response.trailers({ x: 'y' })
  t.false(response.write('x'))
  response.end('x')
  t.is(response.error!.code, 'ERR_HANDLER_TIMEOUT')
  t.deepEqual(await tell((batch) => batch), [])
})

for (const [reason, code] of [
  [2, 'ERR_CLIENT_GONE'],
  [3, 'ERR_BODY_MALFORMED'],
  [4, 'ERR_BODY_TIMEOUT'],
  [5, 'ERR_HANDLER_TIMEOUT'],
  [6, 'ERR_WRITE_TIMEOUT'],
  [7, 'ERR_SERVER_CLOSED'],
  [8, 'ERR_BODY_TOO_LARGE'],
  [9, 'ERR_RESPONSE_RESET'],
] as const) {
  test(`an exchange cut for reason ${reason} has the error ${code}`, async (t) => {
    let response!: Response
    let signal!: AbortSignal
    const { ask, tell } = await serve((request, given) => {
      response = given
      signal = request.signal
    })
    const name = { connection: ++connection }
    await ask(name)
    await tell((batch) => batch.abort(reason, name))
    t.is(response.error!.code, code)
    t.is(signal.reason, response.error)
  })
}

test('write callbacks are told once what became of their bytes, later', async (t) => {
  const told: string[] = []
  let response!: Response
  const { ask, tell } = await serve((_request, given) => {
    response = given
    response.write('a', (error) => told.push(`a ${error?.code ?? 'done'}`))
    response.write(['b', 'c'], (error) => told.push(`bc ${error?.code ?? 'done'}`))
    response.flush((error) => told.push(`flush ${error?.code ?? 'done'}`))
    response.write([], (error) => told.push(`empty ${error?.code ?? 'done'}`))
    response.end((error) => told.push(`end ${error?.code ?? 'done'}`))
  })
  const name = { connection: ++connection }
  const sent = await ask(name)
  t.deepEqual(
    sent.map(({ kind, body = '', flags }) => [kind, body, ...flags]),
    [
      ['HEAD', ''],
      ['CHUNK', 'a', 'NOTIFY'],
      ['CHUNK', 'b'],
      ['CHUNK', 'c', 'NOTIFY'],
      ['CHUNK', '', 'NOTIFY'],
      ['CHUNK', '', 'NOTIFY'],
      ['END', '', 'NOTIFY'],
    ],
  )
  const tokens = sent.filter(({ flags }) => flags.includes('NOTIFY')).map(({ token }) => token!)
  t.is(new Set(tokens).size, 5)
  t.deepEqual(told, [])
  await tell((batch) => {
    batch
      .written(tokens[0]!, 0, name)
      .written(tokens[1]!, 16 + 32, name)
      .written(tokens[2]!, 1, name)
    batch.written(tokens[3]!, 2, name).written(tokens[4]!, 0, name)
    // Twice, and one that was never given out.
    for (const token of tokens) batch.written(token, 0, name)
    batch.written(0xffff_fff0, 0, name)
  })
  t.deepEqual(told, [
    'a done',
    'bc ERR_WRITE_FAILED',
    'flush ERR_WRITE_NOT_EXECUTED',
    'empty ERR_SERVER_CLOSED',
    'end done',
  ])
})

test('a failed write says why, with the code of the system', async (t) => {
  const { ask, tell } = await serve((_request, response) => {
    response.end('x', (error) => {
      t.like(error, {
        code: 'ERR_WRITE_FAILED',
        errno: -32,
        syscall: 'write',
        message: 'write EPIPE: broken pipe (ERR_WRITE_FAILED)',
      })
    })
  })
  t.plan(1)
  const [sent] = await ask({ connection: ++connection })
  await tell((batch) => batch.written(sent!.token!, 48))
})

test('a callback that throws is reported and closes the connection, and the next one runs', async (t) => {
  const reported: unknown[] = []
  const told: string[] = []
  let response!: Response
  const { ask, tell } = await serve({
    onError: (error, { request }) => reported.push((error as Error).message, request?.path),
    handler(_request, given) {
      response = given
      response.write('a', () => {
        throw new Error('in a callback')
      })
      response.write('b', () => told.push('b'))
    },
  })
  const name = { connection: ++connection, target: '/here' }
  const tokens = (await ask(name)).flatMap(({ token = 0 }) => (token === 0 ? [] : [token]))
  const sent = await tell((batch) => {
    for (const token of tokens) batch.written(token, 0, name)
  })
  t.deepEqual(reported, ['in a callback', '/here'])
  t.deepEqual(told, ['b'])
  t.deepEqual(
    sent.map(({ kind }) => kind),
    ['RESET'],
  )
  t.is(response.error!.code, 'ERR_RESPONSE_RESET')

  response.write('c', () => {
    throw new Error('in a late callback')
  })
  await settle()
  t.deepEqual(reported.slice(2), ['in a late callback', '/here'])
})

test('bytes that lie about their length are sent as they are', async (t) => {
  class Liar extends Uint8Array {
    override get length(): number {
      return 200
    }
  }
  const own = Object.defineProperty(Buffer.from('own'), 'length', { value: 1e9 })
  for (const [bytes, text] of [
    [new Liar(Buffer.from('sub')), 'sub'],
    [own, 'own'],
  ] as const) {
    const sent = await answer((_request, response) => {
      response.write(bytes)
      response.end([bytes, 'x'])
    })
    t.is(sent.map(({ body = '' }) => body).join(''), `${text}${text}x`)
  }
})

test('bytes are copied before write returns', async (t) => {
  const sent = await answer((_request, response) => {
    for (const size of [10, 100_000]) {
      const bytes = Buffer.alloc(size, 1)
      response.write(bytes)
      bytes.fill(2)
    }
    response.end()
  })
  t.true(sent.filter(({ kind }) => kind === 'CHUNK').every(({ bytes }) => bytes!.every((byte) => byte === 1)))
})

test('large pieces keep their order among small ones, also when the buffer runs full between them', async (t) => {
  const sizes = [40_000, 10, 32_000, 32_000, 32_000, 32_000, 32_000, 32_000, 32_000, 50_000, 32_000, 70_000, 5]
  const sent = await answer((_request, response) => {
    sizes.forEach((size, index) => response.write(Buffer.alloc(size, index)))
    response.end()
  })
  const chunks = sent.filter(({ kind }) => kind === 'CHUNK')
  t.deepEqual(
    chunks.map(({ bytes }) => [bytes!.length, bytes![0]]),
    sizes.map((size, index) => [size, index]),
  )
})
