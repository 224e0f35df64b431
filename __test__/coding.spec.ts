import ava from 'ava'
import type { CompressionOptions, Handler, Response, ServerOptions } from '#dist/index'
import type { FakeRequest, Sent } from './_helpers/fake-lane'
import { serve } from './_helpers/serve'

// Which answers are compressed, and what their headers then say.

const test = ava.serial
let connection = 9000

const LONG = 'x'.repeat(2000)
const JSON_HEAD = 'content-type: application/json\r\n'
const VARY = 'vary: accept-encoding\r\n'

async function answer(
  handler: (response: Response) => unknown,
  request: FakeRequest = { coding: 1 },
  compression: boolean | CompressionOptions = true,
): Promise<Sent[]> {
  const options: ServerOptions = { compression, handler: ((_request, response) => handler(response)) as Handler }
  const { ask } = await serve({ ...options, onError: () => undefined })
  return ask({ connection: ++connection, ...request })
}

const json = (body: string, set: (response: Response) => unknown = () => undefined) => {
  return (response: Response): void => {
    response.setHeader('content-type', 'application/json')
    set(response)
    response.end(body)
  }
}

for (const [code, name] of [
  [1, 'gzip'],
  [2, 'br'],
  [3, 'zstd'],
] as const) {
  test(`a whole answer is compressed with ${name} when that is what the client likes best`, async (t) => {
    const [sent] = await answer(json(LONG), { coding: code })
    t.like(sent, { kind: 'RESPOND', coding: name, fields: JSON_HEAD + VARY, body: LONG })
  })
}

test('a client that takes no coding gets the answer as it is, and Vary all the same', async (t) => {
  const [sent] = await answer(json(LONG), { coding: 0 })
  t.like(sent, { coding: undefined, fields: JSON_HEAD + VARY })
})

test('nothing changes on a server that does not compress', async (t) => {
  const [sent] = await answer(json(LONG), { coding: 1 }, false)
  t.like(sent, { coding: undefined, fields: JSON_HEAD })
})

test('the threshold counts bytes', async (t) => {
  for (const [body, isCoded] of [
    ['x'.repeat(1023), false],
    ['x'.repeat(1024), true],
    ['é'.repeat(511), false],
    ['é'.repeat(512), true],
    [Buffer.alloc(1023), false],
    [Buffer.alloc(1024), true],
  ] as const) {
    const [sent] = await answer((response) => {
      response.setHeader('content-type', 'text/plain').end(body)
    })
    t.is(sent!.coding === 'gzip', isCoded, String(body.length))
    t.is(sent!.fields!.includes('vary'), isCoded)
  }
})

test('what is compressed already, a part, not to be transformed, or of no compressible type is left alone', async (t) => {
  for (const set of [
    (response: Response) => response.setHeader('content-type', 'image/png'),
    (response: Response) => response.removeHeader('content-type'),
    (response: Response) => response.setHeader('content-encoding', 'br'),
    (response: Response) => response.setHeader('content-encoding', 'identity'),
    (response: Response) => response.setHeader('cache-control', 'public, No-Transform'),
    (response: Response) => response.setHeader('content-range', 'bytes 0-1/2'),
    (response: Response) => (response.status = 206),
    (response: Response) => (response.compress = false),
  ]) {
    // Twice: the way of headers that are new, and that of headers known.
    for (let round = 0; round < 3; round++) {
      const [sent] = await answer(json(LONG, set))
      t.is(sent!.coding, undefined, String(set))
      t.false(sent!.fields!.includes('vary'), String(set))
    }
  }
})

test('Vary is added to what it says already', async (t) => {
  for (const [given, wanted] of [
    [['origin'], 'Vary: origin, accept-encoding\r\n'],
    [['Accept-Encoding'], 'Vary: Accept-Encoding\r\n'],
    [['origin, accept-encoding'], 'Vary: origin, accept-encoding\r\n'],
    [['*'], 'Vary: *\r\n'],
    [['origin', 'cookie'], 'Vary: origin, accept-encoding\r\nVary: cookie\r\n'],
    [['x-accept-encoding'], 'Vary: x-accept-encoding, accept-encoding\r\n'],
  ] as const) {
    for (let round = 0; round < 3; round++) {
      const [sent] = await answer(json(LONG, (response) => response.setHeader('Vary', given)))
      t.is(sent!.fields, JSON_HEAD + wanted)
    }
  }
})

test('a strong ETag is weakened when the answer is compressed, and only then', async (t) => {
  for (let round = 0; round < 3; round++) {
    const strong = json(LONG, (response) => response.setHeader('etag', '"abc"'))
    t.is((await answer(strong))[0]!.fields, `${JSON_HEAD}etag: W/"abc"\r\n${VARY}`)
    t.is((await answer(strong, { coding: 0 }))[0]!.fields, `${JSON_HEAD}etag: "abc"\r\n${VARY}`)
    const weak = json(LONG, (response) => response.setHeader('etag', 'W/"abc"'))
    t.is((await answer(weak))[0]!.fields, `${JSON_HEAD}etag: W/"abc"\r\n${VARY}`)
  }
})

test('headers that are new with each answer are judged too', async (t) => {
  for (let round = 0; round < 4; round++) {
    const [sent] = await answer(json(LONG, (response) => response.setHeader('etag', `"${round}"`)))
    t.like(sent, { coding: 'gzip', fields: `${JSON_HEAD}etag: W/"${round}"\r\n${VARY}` })
  }
})

test('an answer to a HEAD request says what the one to GET would', async (t) => {
  const [sent] = await answer(json(LONG), { method: 'HEAD', coding: 1 })
  t.like(sent, { kind: 'RESPOND', coding: 'gzip', fields: JSON_HEAD + VARY })
})

test('304 varies, and has nothing to compress', async (t) => {
  const [sent] = await answer((response) => {
    response.status = 304
    response.setHeader('content-type', 'text/plain').setHeader('content-length', 5000).end()
  })
  t.like(sent, { kind: 'HEAD', coding: undefined, fields: `content-type: text/plain\r\n${VARY}` })
})

test('304 has the Vary and the ETag of the answer that it confirms', async (t) => {
  for (const [coding, etag] of [
    [1, 'W/"abc"'],
    [0, '"abc"'],
  ] as const) {
    const confirm = json('', (response) => {
      response.setHeader('etag', '"abc"')
      response.status = 304
    })
    const [sent] = await answer(confirm, { coding })
    t.like(sent, { coding: undefined, fields: `${JSON_HEAD}etag: ${etag}\r\n${VARY}` })
  }
})

test('a stream of unknown length is compressed, and one that is declared short is not', async (t) => {
  const [head] = await answer((response) => {
    response.setHeader('content-type', 'text/html')
    response.write('a')
    response.end('b')
  })
  t.like(head, { kind: 'HEAD', coding: 'gzip', fields: `content-type: text/html\r\n${VARY}` })
  const [short] = await answer((response) => {
    response.setHeader('content-type', 'text/html').setHeader('content-length', 2)
    response.write('ab')
    response.end()
  })
  t.like(short, { kind: 'HEAD', coding: undefined, declared: 2 })
  const [long] = await answer((response) => {
    response.setHeader('content-type', 'text/html').setHeader('content-length', 2000)
    response.write(LONG)
    response.end()
  })
  t.like(long, { kind: 'HEAD', coding: 'gzip', declared: 2000 })
})

test('flush has the compressor give out what it holds, and only where there is one', async (t) => {
  const stream = (response: Response): void => {
    response.setHeader('content-type', 'text/html')
    response.write('a')
    void response.flush()
    response.write('b')
    response.end()
  }
  const flagsOf = (sent: readonly Sent[]): unknown => sent.map(({ kind, flags }) => [kind, ...flags])
  t.deepEqual(flagsOf(await answer(stream)), [['HEAD'], ['CHUNK'], ['CHUNK', 'NOTIFY', 'FLUSH'], ['CHUNK'], ['END']])
  t.deepEqual(flagsOf(await answer(stream, { coding: 0 })), [
    ['HEAD'],
    ['CHUNK'],
    ['CHUNK', 'NOTIFY'],
    ['CHUNK'],
    ['END'],
  ])
})

test('events are flushed as they are written', async (t) => {
  const sent = await answer((response) => {
    response.setHeader('content-type', 'text/event-stream; charset=utf-8')
    response.write('data: 1\n\n')
    response.write(['data: ', '2\n\n'])
    response.end()
  })
  t.deepEqual(
    sent.map(({ kind, flags }) => [kind, ...flags]),
    [['HEAD'], ['CHUNK', 'FLUSH'], ['CHUNK'], ['CHUNK', 'FLUSH'], ['END']],
  )
})

test('compress can be asked and set until the head is sent', async (t) => {
  const seen: boolean[] = []
  const [off] = await answer(
    json(LONG, (response) => {
      seen.push(response.compress)
      response.compress = false
      seen.push(response.compress)
      t.throws(() => (response.compress = 1 as never), { code: 'ERR_INVALID_ARGUMENT' })
    }),
  )
  t.deepEqual(seen, [true, false])
  t.is(off!.coding, undefined)
  const [on] = await answer(
    json(LONG, (response) => {
      t.false(response.compress)
      response.compress = true
    }),
    { coding: 1 },
    { automatic: false },
  )
  t.is(on!.coding, 'gzip')
  const [never] = await answer(
    json(LONG, (response) => {
      response.compress = true
      t.false(response.compress)
    }),
    { coding: 1 },
    false,
  )
  t.is(never!.coding, undefined)
  await answer((response) => {
    response.write('x')
    t.throws(() => (response.compress = false), { code: 'ERR_HEADERS_SENT' })
    response.end()
  })
})

test('the answer to a failure is sent as it is', async (t) => {
  const [sent] = await answer(() => {
    throw new Error('broken')
  })
  t.like(sent, { status: 500, coding: undefined })
})
