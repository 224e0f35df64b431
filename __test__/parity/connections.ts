import { echo, hello, pause, readAll, request, told, type Behaviour, type Chapter } from './behaviour'
import type { Handle } from './servers'

const GET = request('GET /')
const CLOSE = request('GET /', 'Connection: close')
const MANY = Array.from({ length: 500 }, (_, index) => String(index))
const named = (name: string): string => request(`GET /${name}`)

/** Answers with its path, the first request after the others. */
const firstLast: Handle = async (exchange) => {
  if (exchange.url === '/1') await pause()
  exchange.end(exchange.url)
}

/** How long connections are kept, and what happens to several requests on one. */
export const connections: Chapter = {
  title: 'Connections',
  behaviours: [
    {
      what: 'an HTTP/1.1 connection',
      does: 'stays open',
      send: GET,
      seen: ['200 length "hello"', 'open'],
    },
    {
      what: 'Connection: close from the client',
      does: 'closes after the answer, which says so',
      send: CLOSE,
      show: ['connection'],
      seen: ['200 length "hello" connection=close', 'closed'],
    },
    {
      what: 'close among other options of Connection, in capital letters',
      does: 'closes after the answer',
      send: request('GET /', 'Connection: foo, CLOSE'),
      seen: ['200 length "hello"', 'closed'],
    },
    {
      what: 'an HTTP/1.0 connection',
      does: {
        millrace: 'closes after the answer, which has a Content-Length',
        node: 'closes after the answer, which goes up to there',
      },
      because: 'HTTP/1.0 knows Content-Length, and with it a client can tell an answer that was cut off.',
      send: 'GET / HTTP/1.0\r\n\r\n',
      show: ['connection'],
      seen: {
        millrace: ['200 length "hello" connection=close', 'closed'],
        node: ['200 close "hello" connection=close', 'closed'],
      },
    },
    {
      what: 'an HTTP/1.0 connection with keep-alive',
      does: {
        millrace: 'stays open, and the answer says so',
        node: 'closes, unless the handler has set a Content-Length',
      },
      because: 'The length is known, so the client can get what it asks for.',
      send: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
      show: ['connection'],
      seen: {
        millrace: ['200 length "hello" connection=keep-alive', 'open'],
        node: ['200 close "hello" connection=close', 'closed'],
      },
    },
    {
      what: 'an HTTP/1.0 connection with keep-alive and an answer of unknown length',
      does: 'closes at the end of the answer',
      send: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
      handle: (exchange) => exchange.write('hello').end(),
      show: ['connection'],
      seen: ['200 close "hello" connection=close', 'closed'],
    },
    {
      what: 'an answer that keeps an HTTP/1.1 connection',
      does: {
        millrace: 'says nothing about it',
        node: 'says `Connection: keep-alive` and `Keep-Alive: timeout=5`',
      },
      because: 'Persistence is the default of HTTP/1.1 (RFC 9112 9.3), and the lines cost bytes with each answer.',
      send: GET,
      show: ['connection', 'keep-alive'],
      seen: {
        millrace: ['200 length "hello" connection=- keep-alive=-', 'open'],
        node: ['200 length "hello" connection=keep-alive keep-alive=timeout=5', 'open'],
      },
    },
    {
      what: 'Connection: close from the handler',
      does: 'closes after the answer',
      send: GET,
      show: ['connection'],
      handle: (exchange) => exchange.set('connection', 'close').end('hello'),
      seen: ['200 length "hello" connection=close', 'closed'],
    },
    {
      what: 'three requests in one packet',
      does: 'are answered in order',
      send: named('1') + named('2') + named('3'),
      methods: ['GET', 'GET', 'GET'],
      handle: (exchange) => exchange.end(exchange.url),
      seen: ['200 length "/1"', '200 length "/2"', '200 length "/3"', 'open'],
    },
    {
      what: 'five hundred requests in one packet',
      does: 'are answered in order',
      send: MANY.map(named).join(''),
      handle: (exchange) => exchange.end(exchange.url),
      talk: async (wire, send) => {
        wire.send(send)
        for (const name of MANY) {
          const { body } = await wire.answer()
          if (body.toString() !== `/${name}`) return [`${body} in place of ${name}`]
        }
        return ['in order']
      },
      seen: ['in order'],
    },
    {
      what: 'a first answer that takes longer than those behind it',
      does: 'is sent first',
      send: named('1') + named('2') + named('3'),
      methods: ['GET', 'GET', 'GET'],
      handle: firstLast,
      seen: ['200 length "/1"', '200 length "/2"', '200 length "/3"', 'open'],
    },
    {
      what: 'a second request in one packet',
      does: 'reaches its handler before the first is answered',
      send: named('1') + named('2'),
      methods: ['GET', 'GET'],
      handle: meeting(),
      seen: ['200 length "/1 met"', '200 length "/2 met"', 'open'],
    },
    {
      what: 'a body between two requests in one packet',
      does: 'belongs to its own request',
      send: `${request('POST /', 'Content-Length: 3')}abc${request('POST /', 'Transfer-Encoding: chunked')}1\r\nd\r\n0\r\n\r\n${GET}`,
      methods: ['POST', 'POST', 'GET'],
      handle: echo,
      seen: ['200 length "abc"', '200 length "d"', '200 length ""', 'open'],
    },
    {
      what: 'a HEAD request between two others',
      does: 'is answered without a body in its place',
      send: named('1') + request('HEAD /2') + named('3'),
      methods: ['GET', 'HEAD', 'GET'],
      handle: (exchange) => exchange.end(exchange.url),
      seen: ['200 length "/1"', '200 none', '200 length "/3"', 'open'],
    },
    {
      what: 'a request behind one with Connection: close',
      does: 'is not answered',
      send: CLOSE + GET,
      seen: ['200 length "hello"', 'closed'],
    },
    {
      what: 'a hundred requests on one connection, one after the other',
      does: 'are all answered',
      send: GET,
      talk: async (wire, send) => {
        const seen = new Set<string>()
        for (let count = 0; count < 100; count++) seen.add(told(await wire.ask(send)))
        return [...seen]
      },
      seen: ['200 length "hello"'],
    },
    {
      what: 'a client that closes its side after its request',
      does: {
        millrace: 'gets its answer, then the connection closes',
        node: 'gets no answer unless it is ready at once',
      },
      because: 'A client may close its side when it has asked all it wants to (RFC 9112 9.6).',
      send: GET,
      handle: async (exchange) => {
        await pause()
        await hello(exchange)
      },
      talk: async (wire, send) => {
        wire.send(send)
        wire.endSending()
        return readAll(wire, ['GET'])
      },
      seen: { millrace: ['200 length "hello"', 'closed'], node: ['no answer'] },
    },
    {
      what: 'a client that closes its side without a request',
      does: 'finds the connection closed',
      send: '',
      talk: async (wire) => {
        wire.endSending()
        return [await wire.closed()]
      },
      seen: ['ended'],
    },
    {
      what: 'a client that goes away before its answer',
      does: 'is told to the handler',
      ...leaving(),
      seen: ['gone'],
    },
    {
      what: 'an answer after a pause between two requests',
      does: 'comes on the same connection',
      send: GET,
      talk: async (wire, send) => {
        const first = told(await wire.ask(send))
        await pause()
        wire.send(send)
        return [first, ...(await readAll(wire, ['GET']))]
      },
      seen: ['200 length "hello"', '200 length "hello"', 'open'],
    },
  ],
}

/** Answers the first request only when the second has arrived. */
function meeting(): Handle {
  let meet: () => void = () => undefined
  let met = new Promise<void>((resolve) => (meet = resolve))
  return async (exchange) => {
    const both = met
    if (exchange.url === '/2') {
      meet()
      met = new Promise<void>((resolve) => (meet = resolve))
    }
    await both
    exchange.end(`${exchange.url} met`)
  }
}

/** A client that leaves once the handler runs; what it sees is what the handler has seen. */
function leaving(): Pick<Behaviour, 'send' | 'handle' | 'talk'> {
  let arrived: () => void = () => undefined
  let left: (text: string) => void = () => undefined
  return {
    send: GET,
    handle: async (exchange) => {
      arrived()
      await exchange.gone()
      left('gone')
    },
    talk: async (wire, send) => {
      const running = new Promise<void>((resolve) => (arrived = resolve))
      const gone = new Promise<string>((resolve) => (left = resolve))
      wire.send(send)
      await running
      wire.destroy()
      return [await gone]
    },
  }
}
