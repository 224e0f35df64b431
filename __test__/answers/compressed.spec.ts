import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib'
import { EventEmitter, once } from 'node:events'
import test from 'ava'
import { connect } from '../_helpers/transport'
import { codeOf, requestText, serveFor, until } from './served'

// Compressed answers, over real sockets.

const LONG = JSON.stringify(Array.from({ length: 500 }, (_, id) => ({ id, name: `item ${id}` })))

test('whole answers come in the coding the client likes best, and vary', async (t) => {
  const { get } = await serveFor(
    t,
    (request, response) => {
      response.setHeader('content-type', 'application/json')
      response.setHeader('etag', '"v1"')
      response.end(request.path === '/short' ? '{}' : LONG)
    },
    { compression: true },
  )
  const zipped = await get('/', { 'accept-encoding': 'gzip' })
  t.is(zipped.header('content-encoding'), 'gzip')
  t.is(zipped.header('vary'), 'accept-encoding')
  t.is(zipped.header('etag'), 'W/"v1"')
  t.is(zipped.header('content-length'), String(zipped.body.length))
  t.is(gunzipSync(zipped.body).toString(), LONG)
  const brotli = await get('/', { 'accept-encoding': 'gzip;q=0.5, br' })
  t.is(brotliDecompressSync(brotli.body).toString(), LONG)
  const plain = await get('/')
  t.is(plain.header('content-encoding'), undefined)
  t.is(plain.header('vary'), 'accept-encoding')
  t.is(plain.header('etag'), '"v1"')
  t.is(plain.body.toString(), LONG)
  t.is((await get('/short', { 'accept-encoding': 'gzip' })).body.toString(), '{}')
  const head = await get('/', { 'accept-encoding': 'gzip' }, 'HEAD')
  t.is(head.header('content-encoding'), 'gzip')
  t.is(head.header('content-length'), undefined)
})

test('streams are compressed, also large ones and those of a declared length', async (t) => {
  const piece = Buffer.alloc(100_000, 'all work and no play ')
  const { get } = await serveFor(
    t,
    async (request, response) => {
      response.setHeader('content-type', 'text/plain')
      if (request.path === '/declared') response.setHeader('content-length', piece.length * 20)
      for (let count = 0; count < 19; count++) if (!response.write(piece)) await response.drain()
      response.end(piece)
    },
    { compression: true },
  )
  for (const target of ['/', '/declared']) {
    const { body, framing, header } = await get(target, { 'accept-encoding': 'gzip' })
    t.is(framing, 'chunked')
    t.is(header('content-encoding'), 'gzip')
    t.true(body.length < 100_000)
    t.true(gunzipSync(body).equals(Buffer.concat(Array.from({ length: 20 }, () => piece))))
  }
})

for (const type of ['text/plain', 'text/event-stream']) {
  test(`what was written to a compressed ${type} reaches the client when it is flushed`, async (t) => {
    const seen = new EventEmitter()
    const { port } = await serveFor(
      t,
      async (_request, response) => {
        response.setHeader('content-type', type)
        for (const line of ['one\n', 'two\n']) {
          // It may be seen before this knows that it is written.
          const isSeen = once(seen, line)
          response.write(line)
          if (type === 'text/plain') await response.flush()
          await isSeen
        }
        response.end()
      },
      { compression: true },
    )
    const socket = connect(port)
    t.teardown(() => socket.destroy())
    const gunzip = createGunzip()
    gunzip.on('error', () => undefined)
    let head = ''
    let pending = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes])
      if (head === '') {
        const end = pending.indexOf('\r\n\r\n')
        if (end < 0) return
        head = pending.subarray(0, end).toString()
        pending = pending.subarray(end + 4)
      }
      for (;;) {
        const end = pending.indexOf('\r\n')
        const size = Number.parseInt(pending.subarray(0, Math.max(end, 0)).toString(), 16)
        if (end < 0 || pending.length < end + size + 4) return
        gunzip.write(pending.subarray(end + 2, end + 2 + size))
        pending = pending.subarray(end + size + 4)
      }
    })
    socket.write(requestText('/', { 'accept-encoding': 'gzip' }))
    for (const line of ['one\n', 'two\n']) {
      const [text] = (await once(gunzip, 'data')) as [Buffer]
      t.is(text.toString(), line)
      seen.emit(line)
    }
    t.regex(head, /content-encoding: gzip/i)
  })
}

test('answers compressed off the thread keep the order of pipelined requests, and of notifications', async (t) => {
  const told: unknown[] = []
  const { wire } = await serveFor(
    t,
    (request, response) => {
      response.setHeader('content-type', 'text/plain')
      const note = (error: unknown): void => void told.push([request.path, error === null ? null : codeOf(error)])
      response.end(request.path.repeat(request.path === '/small' ? 1 : 5000), note)
    },
    { compression: true },
  )
  const connection = await wire()
  const targets = ['/a', '/small', '/b', '/c', '/small', '/d']
  connection.send(targets.map((target) => requestText(target, { 'accept-encoding': 'gzip' })).join(''))
  for (const target of targets) {
    const { body, header } = await connection.answer()
    const text = header('content-encoding') === undefined ? body : gunzipSync(body)
    t.true(text.toString().startsWith(target))
  }
  await until(() => told.length >= targets.length)
  t.deepEqual(
    told,
    targets.map((target) => [target, null]),
  )
})
