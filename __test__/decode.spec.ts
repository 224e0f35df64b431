import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, deflate, gzip } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { request as ask } from 'undici'
import { createServer, type CodedError, type DecodeOptions, type Handler, type ServerOptions } from '#dist/index'

// Request bodies with content codings, over real sockets: node:zlib is the other side.

const MIB = 1024 * 1024
const pack = { gzip: promisify(gzip), br: promisify(brotliCompress), deflate: promisify(deflate) }
/** What Node.js 24 makes of "hello, zstd\n". */
const ZSTD = Buffer.from('28b52ffd200c61000068656c6c6f2c207a7374640a', 'hex')

for (const coding of ['gzip', 'br', 'deflate'] as const) {
  test(`a body in ${coding} is decoded, small and large`, async (t) => {
    const { post } = await serve(t, echo())
    for (const body of [Buffer.from(''), Buffer.from('grüezi'), randomBytes(3 * MIB)]) {
      const answer = await post(await pack[coding](body), coding)
      t.is(answer.status, 200)
      t.true(answer.body.equals(body))
    }
  })
}

test('codings on top of each other are undone in turn', async (t) => {
  const { post } = await serve(t, echo())
  const answer = await post(await pack.br(await pack.gzip('twice')), 'gzip, br')
  t.is(answer.body.toString(), 'twice')
})

test('x-gzip, identity and no coding at all are understood', async (t) => {
  const { post } = await serve(t, echo())
  t.is((await post(await pack.gzip('old name'), 'X-GZIP')).body.toString(), 'old name')
  t.is((await post(Buffer.from('as it is'), 'identity')).body.toString(), 'as it is')
  t.is((await post(Buffer.from('as it is'))).body.toString(), 'as it is')
})

test('JSON, text, iteration and read all see the decoded body', async (t) => {
  const readers: Record<string, Handler> = {
    '/json': async (request, response) => response.end(JSON.stringify(await request.decode().json())),
    '/text': async (request, response) => response.end(await request.decode().text()),
    '/each': async (request, response) => {
      for await (const chunk of request.decode()) response.write(chunk)
      response.end()
    },
    '/read': (request, response) => {
      request.decode().read(function next(chunk, error, size, same) {
        t.is(error, null)
        t.is(same, request)
        if (chunk === null) return void response.end()
        t.is(chunk.length, size)
        response.write(chunk)
        request.read(next)
      })
    },
  }
  const { post } = await serve(t, (request, response) => readers[request.path](request, response))
  const body = JSON.stringify({ list: Array.from({ length: 10_000 }, (_, index) => index) })
  for (const path of Object.keys(readers)) {
    t.is((await post(await pack.gzip(body), 'gzip', path)).body.toString(), body, path)
  }
})

test('a server that takes no bodies can be asked to decode them', async (t) => {
  const { post, url } = await serve(t, echo(), { limits: { bodyBytes: 0 } })
  t.is((await fetch(url)).status, 200)
  t.is((await post(await pack.gzip('x'), 'gzip')).status, 413)
})

test('a read after one that has failed fails with the same error', async (t) => {
  const seen: unknown[] = []
  const { post } = await serve(t, (request, response) => {
    request.decode().read(function again(chunk, error) {
      seen.push(error?.code ?? chunk)
      if (seen.length < 3) request.read(again)
      else response.end()
    })
  })
  await post(Buffer.from('not compressed'), 'gzip')
  t.deepEqual(
    seen,
    Array.from({ length: 3 }, () => 'ERR_BODY_MALFORMED'),
  )
})

test('a decoded body that is read one way is not read another way', async (t) => {
  const { post } = await serve(t, async (request, response) => {
    const whole = request.decode().text()
    t.throws(() => request.read(() => undefined), { code: 'ERR_BODY_USED' })
    response.end(await whole)
  })
  t.is((await post(await pack.gzip('once'), 'gzip')).body.toString(), 'once')
})

// Alone: it measures the memory of the process.
test.serial('a bomb is answered with 413, by its size and by its ratio, and the next request is served', async (t) => {
  const bomb = await pack.gzip(Buffer.alloc(64 * MIB))
  const twice = await pack.br(bomb, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
  const sized = await serve(t, echo())
  const before = process.memoryUsage.rss()
  for (const [body, coding] of [
    [bomb, 'gzip'],
    [twice, 'gzip, br'],
  ] as const) {
    t.is((await sized.post(body, coding)).status, 413)
  }
  const rated = await serve(t, echo({ maxBytes: Infinity, maxRatio: 50 }))
  t.is((await rated.post(bomb, 'gzip')).status, 413)
  t.true(process.memoryUsage.rss() - before < 48 * MIB)
  t.is((await sized.post(await pack.gzip('fine'), 'gzip')).body.toString(), 'fine')
})

test('what cannot be decoded is answered with 400', async (t) => {
  const { post } = await serve(t, echo())
  const whole = await pack.gzip(randomBytes(1000))
  for (const broken of [Buffer.from('not gzip'), whole.subarray(0, 500), Buffer.concat([whole, Buffer.from('junk')])]) {
    t.is((await post(broken, 'gzip')).status, 400)
  }
})

test('a coding nobody knows is answered with 415 that lists those that are', async (t) => {
  const { post } = await serve(t, echo())
  const answer = await post(Buffer.from('x'), 'compress')
  t.is(answer.status, 415)
  t.is(answer.headers['accept-encoding'], 'gzip, br, zstd, deflate')
})

test('an option of decoding that nobody knows is an error', async (t) => {
  const { post } = await serve(t, (request, response) => {
    const error = t.throws(() => request.decode({ limit: 1 } as never), { code: 'ERR_INVALID_OPTION' })
    response.end(error!.message)
  })
  t.regex((await post(Buffer.from('x'))).body.toString(), /no option limit/)
})

test('a handler may do otherwise with an error of decoding', async (t) => {
  const { post } = await serve(t, async (request, response) => {
    const error = (await request
      .decode({ maxBytes: 10 })
      .bytes()
      .catch((thrown: unknown) => thrown)) as CodedError
    response.end(error.code)
  })
  t.is((await post(await pack.gzip('longer than ten'), 'gzip')).body.toString(), 'ERR_BODY_TOO_LARGE')
})

test('zstd is decoded', async (t) => {
  const { post } = await serve(t, echo())
  t.is((await post(ZSTD, 'zstd')).body.toString(), 'hello, zstd\n')
})

test('decoding after reading has begun is a mistake', async (t) => {
  const { post } = await serve(t, async (request, response) => {
    await request.bytes()
    response.end(t.throws(() => request.decode())!.message)
  })
  t.regex((await post(Buffer.from('x'), 'gzip')).body.toString(), /before the body is read/)
})

function echo(options?: DecodeOptions): Handler {
  return async (request, response) => response.end(await request.decode(options).bytes())
}

async function serve(t: ExecutionContext, handler: Handler, options: ServerOptions = {}) {
  const server = createServer({ handler, limits: { bodyBytes: 8 * MIB }, ...options })
  const { url } = await server.listen({ host: '127.0.0.1' })
  t.teardown(() => server.close({ timeout: 0 }))
  const post = async (body: Buffer, coding?: string, path = '/') => {
    const headers = coding === undefined ? {} : { 'content-encoding': coding }
    const answer = await ask(url! + path, { method: 'POST', body, headers })
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) }
  }
  return { server, url: url!, post }
}
