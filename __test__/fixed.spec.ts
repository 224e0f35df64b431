import ava from 'ava'
import { useBinding } from '#dist/binding'
import { createServer, fixed, type FixedOptions, type RouteOptions, type ServerOptions } from '#dist/index'
import { fakeBinding } from './_helpers/fake-lane'
import { serve } from './_helpers/serve'

useBinding(fakeBinding)
const test = ava.serial

/** What the core is told of a fixed answer. */
async function told(options: FixedOptions, server: ServerOptions = {}, route: RouteOptions = {}) {
  const { table } = await serve(createServer(server).get('/', fixed(options), route))
  const [{ fixed: answer, kind }] = table.routes
  return { kind, ...answer!, text: Buffer.from(answer!.body).toString() }
}

test('a fixed answer is told to the core ready for the wire', async (t) => {
  const answer = await told({
    status: 201,
    reason: 'Made',
    headers: { 'X-One': '1', 'set-cookie': ['a=1', 'b=2'], 'Content-Type': 'text/html' },
    body: '<p>grüezi',
  })
  t.like(answer, {
    kind: 1,
    status: 201,
    reason: 'Made',
    fields: 'X-One: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nContent-Type: text/html\r\n',
    text: '<p>grüezi',
    compress: false,
  })
  t.false('etag' in answer || 'lastModified' in answer)
})

for (const [what, body, text, type] of [
  ['text', 'a', 'a', 'text/plain; charset=utf-8'],
  ['no text', '', '', 'text/plain; charset=utf-8'],
  ['bytes', Buffer.from('b'), 'b', 'application/octet-stream'],
  ['a view of part of a buffer', new Uint16Array([1, 0x4142, 3]).subarray(1, 2), 'BA', 'application/octet-stream'],
  ['a buffer', new Uint8Array([0x63]).buffer, 'c', 'application/octet-stream'],
  ['an object', { a: [1] }, '{"a":[1]}', 'application/json'],
  ['a list', ['d'], '["d"]', 'application/json'],
  ['a number', 7, '7', 'application/json'],
  ['true', true, 'true', 'application/json'],
] as const) {
  test(`a body of ${what} is sent as ${type}`, async (t) => {
    t.like(await told({ body }), { text, fields: `content-type: ${type}\r\n`, status: 200, reason: '' })
  })
}

test('an answer without a body, or of a status that has none, has no type', async (t) => {
  for (const options of [{}, { body: null }, { status: 204 }, { status: 304, body: '' }]) {
    t.like(await told(options), { text: '', fields: '' })
  }
})

test('the entity tag comes from the bytes, or is given, or left out', async (t) => {
  const one = await told({ body: 'a' })
  const same = await told({ body: Buffer.from('a') })
  const other = await told({ body: 'b' })
  t.regex(one.etag!, /^"[\w-]{22}"$/)
  t.is(one.etag, same.etag)
  t.not(one.etag, other.etag)
  t.is((await told({ etag: 'W/"v1"' })).etag, 'W/"v1"')
  t.is((await told({ etag: false })).etag, undefined)
  t.is((await told({ status: 404, body: 'a' })).etag, undefined)
  t.is((await told({ status: 404, etag: '"x"' })).etag, '"x"')
})

test('the time of the last change goes in whole seconds', async (t) => {
  t.is((await told({ lastModified: new Date(1_700_000_000_999) })).lastModified, 1_700_000_000)
})

test('bytes given are copied', async (t) => {
  const bytes = Buffer.from('before')
  const answer = fixed({ body: bytes })
  bytes.fill(0)
  const { table } = await serve(createServer().get('/', answer))
  t.is(Buffer.from(table.routes[0]!.fixed!.body).toString(), 'before')
})

test('it is compressed when the server, its route and its type say so, or it says so itself', async (t) => {
  const long = { body: 'x'.repeat(2000) }
  const on = { compression: true }
  t.false((await told(long)).compress)
  t.true((await told(long, on)).compress)
  t.false((await told({ body: 'short' }, on)).compress)
  t.false((await told({ ...long, headers: { 'content-type': 'image/png' } }, on)).compress)
  t.false((await told({ ...long, headers: { 'content-encoding': 'br' } }, on)).compress)
  t.false((await told(long, on, { compression: false })).compress)
  t.false((await told(long, { compression: { automatic: false } })).compress)
  t.true((await told(long, { compression: { automatic: false } }, { compression: true })).compress)
  t.true((await told({ body: 'short', compress: true }, on)).compress)
  t.false((await told({ ...long, compress: false }, on)).compress)
  t.false((await told({ ...long, compress: true })).compress)
})

test('replacing tells every route of every server, as that server compresses', async (t) => {
  const answer = fixed({ body: 'old', headers: { 'x-old': '1' } })
  const one = await serve(
    createServer({ compression: true })
      .get('/a', () => {})
      .get('/b', answer)
      .get('/c', answer),
  )
  const two = await serve({ routes: { '/': answer } })
  t.is(answer.replace({ body: 'new'.repeat(1000), status: 203 }), answer)
  t.deepEqual(
    [...one.table.replaced, ...two.table.replaced].map(({ number, fixed: { status, body, fields, compress } }) => [
      number,
      status,
      body.length,
      fields,
      compress,
    ]),
    [
      [1, 203, 3000, 'content-type: text/plain; charset=utf-8\r\n', true],
      [2, 203, 3000, 'content-type: text/plain; charset=utf-8\r\n', true],
      [0, 203, 3000, 'content-type: text/plain; charset=utf-8\r\n', false],
    ],
  )
  t.throws(() => answer.replace({ status: 99 }), { code: 'ERR_INVALID_OPTION' })
  t.is(one.table.replaced.length, 2)
  const three = await serve(createServer().get('/', answer))
  t.is(three.table.routes[0]!.fixed!.status, 203)
})

const circular: unknown[] = []
circular.push(circular)

for (const [options, code] of [
  [undefined, 'ERR_INVALID_OPTION'],
  ['text', 'ERR_INVALID_OPTION'],
  [{ status: 199 }, 'ERR_INVALID_OPTION'],
  [{ status: '200' }, 'ERR_INVALID_OPTION'],
  [{ reason: 'a\r\nb' }, 'ERR_INVALID_REASON'],
  [{ headers: { 'a b': '1' } }, 'ERR_INVALID_HEADER_NAME'],
  [{ headers: { a: 'x\r\ny: z' } }, 'ERR_INVALID_HEADER_VALUE'],
  [{ headers: 'a: b' }, 'ERR_INVALID_OPTION'],
  [{ headers: { 'Content-Length': '5' } }, 'ERR_INVALID_OPTION'],
  [{ headers: { 'transfer-encoding': 'chunked' } }, 'ERR_INVALID_OPTION'],
  [{ headers: { connection: 'close' } }, 'ERR_INVALID_OPTION'],
  [{ headers: { date: 'today' } }, 'ERR_INVALID_OPTION'],
  [{ headers: { ETag: '"a"' } }, 'ERR_INVALID_OPTION'],
  [{ headers: { 'last-modified': 'today' } }, 'ERR_INVALID_OPTION'],
  [{ headers: { 'content-encoding': 'br' }, compress: true }, 'ERR_INVALID_OPTION'],
  [{ etag: 'v1' }, 'ERR_INVALID_OPTION'],
  [{ etag: '"a"b"' }, 'ERR_INVALID_OPTION'],
  [{ etag: '"a\r\n"' }, 'ERR_INVALID_OPTION'],
  [{ lastModified: 5 }, 'ERR_INVALID_OPTION'],
  [{ lastModified: new Date(Number.NaN) }, 'ERR_INVALID_OPTION'],
  [{ compress: 'gzip' }, 'ERR_INVALID_OPTION'],
  [{ status: 204, body: 'x' }, 'ERR_INVALID_OPTION'],
  [{ status: 304, body: 'x' }, 'ERR_INVALID_OPTION'],
  [{ body: () => 'x' }, 'ERR_INVALID_CHUNK'],
  [{ body: 1n }, 'ERR_INVALID_CHUNK'],
  [{ body: circular }, 'ERR_INVALID_CHUNK'],
  [{ bdy: 'x' }, 'ERR_INVALID_OPTION'],
] as const) {
  test(`refuses ${code} ${Object.entries(options ?? {}).map(([name, value]) => `${name}: ${typeof value === 'object' ? Object.keys(value).join() : String(value)}`)}${options === undefined ? 'nothing' : ''}`, (t) => {
    t.throws(() => fixed(options as FixedOptions), { code })
  })
}

test('a body whose content is elsewhere, or comes later, is refused instead of sent as {}', (t) => {
  for (const body of [Promise.resolve('later'), new Blob(['elsewhere']), new ReadableStream(), new Map([['a', 1]])]) {
    t.throws(() => fixed({ body }), { code: 'ERR_INVALID_CHUNK', message: /an instance of \w+/ })
  }
})
