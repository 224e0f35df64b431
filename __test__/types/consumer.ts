// Never run: `npm run check` compiles it. Each `@ts-expect-error` is a mistake that the compiler has to find.

import type { Duplex } from 'node:stream'
import { pathToFileURL } from 'node:url'
import {
  type Connection,
  createServer,
  type ERROR_CODES,
  fixed,
  type Headers,
  lendBuffer,
  type RawSocket,
  staticFiles,
  Status,
  STATUS_CODES,
  type CodedError,
  type Compression,
  type CompressionCoding,
  type ConnectionReadCallback,
  type DecodeOptions,
  type ErrorCode,
  type ErrorContext,
  type Handler,
  type Method,
  type ReadCallback,
  type RouteDefinition,
  type RouteMap,
  type RouteTarget,
  type ServerAddress,
  type ServerStats,
  type WriteCallback,
} from '#dist/index'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => undefined

const server = createServer({
  trailingSlash: 'ignore',
  compression: { codings: ['br'], threshold: 1, types: ['text/*'], levels: { br: 4 } },
  onError(error, context) {
    same<typeof error, unknown>(true)
    same<typeof context, ErrorContext>(true)
  },
})
same<typeof server.options.compression, Compression | null>(true)
same<Compression['codings'][number], CompressionCoding>(true)
// @ts-expect-error there is no such coding
createServer({ compression: { codings: ['deflate'] } })
// @ts-expect-error it has names
createServer({ trailingSlash: true })
// @ts-expect-error a handler is an option, or alone
createServer({}, () => undefined)

server.listen({ port: 0, accept: 'manual' }).then((address) => same<typeof address, ServerAddress>(true))
// @ts-expect-error the promise says when it listens
void server.listen(0, () => undefined)
// @ts-expect-error the promise says when it is closed
void server.close(() => undefined)
void server.acceptRequest((request, response) => response.end(request.url))
// @ts-expect-error it has to be a handler
void server.acceptRequest('hello')
same<ReturnType<typeof server.stats>, ServerStats>(true)
same<ReturnType<typeof server.shouldAcceptRequest>, boolean>(true)

const method: Method = 'PROPFIND'
const target: RouteTarget<'/t/:a'> = ({ params }, response) => response.end(params.a)
const definition: RouteDefinition<'/t/:a'> = { target, limits: { bodyBytes: Infinity }, timeouts: { write: 1 } }
const map: RouteMap<'GET /t/:a'> = { 'GET /t/:a': definition }
const unnamed: Record<string, Handler> = { '/a': ({ params }, response) => response.end(params['a']) }
createServer({ routes: map })
createServer({ routes: unnamed })
server.route([method, 'GET'], '/t/:a', target)
server.get('/f', fixed({ headers: { a: ['b', 'c'] }, etag: '"x"' }).replace({ body: lendBuffer(1) }))
server.get('/s/*p', staticFiles(pathToFileURL('.'), { index: ['a'], etag: false, headers: { a: 1 } }))
// @ts-expect-error there is no such option
staticFiles('.', { maxAge: 1 })
// @ts-expect-error there is no such option
fixed({ json: {} })

server.post('/t', async (request, response) => {
  const { connection } = request
  same<typeof connection, Connection>(true)
  same<typeof request.headers, Headers>(true)
  const echo: ConnectionReadCallback = (chunk, error, size, from) => {
    same<typeof chunk, Buffer | null>(true)
    same<typeof error, CodedError | null>(true)
    same<typeof size, number>(true)
    same<typeof from, Connection>(true)
  }
  connection.read(echo)
  const read: ReadCallback = (chunk) => void chunk?.byteLength
  request.read(read)
  const options: DecodeOptions = { maxBytes: 1, maxRatio: 2 }
  const value = await request.decode(options).json()
  void value
  // @ts-expect-error there is no such option
  request.decode({ limit: 1 })
  // @ts-expect-error a request is what the client has sent
  request.url = '/'

  const told: WriteCallback = (error) => same<typeof error, CodedError | null>(true)
  connection.write(['text', Buffer.alloc(1)], told)
  // @ts-expect-error only text and bytes can be sent
  response.write({ a: 1 })
  await response.sendFile(pathToFileURL('file'), { root: pathToFileURL('.') })
  // @ts-expect-error a root is an option
  await response.sendFile('file', '/root')
  response.statusCode = Status.NOT_FOUND
  response.statusMessage = STATUS_CODES[Status.NOT_FOUND]!
  const socket = response.upgrade({ upgrade: 'other' })
  same<typeof socket, RawSocket>(true)
  same<typeof socket extends Duplex ? true : false, true>(true)
})

same<keyof typeof ERROR_CODES, ErrorCode>(true)
