import {
  answering,
  echo,
  hello,
  pause,
  readAll,
  request,
  stateOf,
  told,
  type Behaviour,
  type Chapter,
} from './behaviour'

const MIB = 1024 * 1024
const chunked = (...rest: string[]): string => request('POST /', 'Transfer-Encoding: chunked') + rest.join('\r\n')

/** The bodies of requests. */
export const bodies: Chapter = {
  title: 'Request bodies',
  behaviours: [
    {
      what: 'a body with a Content-Length',
      does: 'is read up to its length',
      send: `${request('POST /', 'Content-Length: 3')}abc${request('GET /')}`,
      methods: ['POST', 'GET'],
      handle: echo,
      seen: ['200 length "abc"', '200 length ""', 'open'],
    },
    {
      what: 'a Content-Length of 0',
      does: 'is a body without bytes',
      send: request('POST /', 'Content-Length: 0'),
      handle: echo,
      seen: ['200 length ""', 'open'],
    },
    {
      what: 'a POST request without a length',
      does: 'has no body',
      send: request('POST /'),
      handle: echo,
      seen: ['200 length ""', 'open'],
    },
    {
      what: 'the body of a GET request',
      does: 'is read like any other',
      send: `${request('GET /', 'Content-Length: 3')}abc`,
      handle: echo,
      seen: ['200 length "abc"', 'open'],
    },
    {
      what: 'a chunked body',
      does: 'is joined',
      send: chunked('3', 'abc', 'A', '0123456789', '0', '', ''),
      handle: echo,
      seen: ['200 length "abc0123456789"', 'open'],
    },
    {
      what: 'a body of ten thousand chunks',
      does: 'is joined',
      send: chunked(...Array<string>(10_000).fill('1\r\nx'), '0', '', ''),
      handle: answering(async (exchange) => String((await exchange.body()).length)),
      seen: ['200 length "10000"', 'open'],
    },
    {
      what: 'a chunked body with extensions',
      does: 'is joined without them',
      send: chunked('3;a=b;c="d;e"', 'abc', '0;f', '', ''),
      handle: echo,
      seen: ['200 length "abc"', 'open'],
    },
    {
      what: 'the trailers of a chunked body',
      does: 'are there once the body has been read',
      send: chunked('3', 'abc', '0', 'X-One: 1', 'x-two:2', '', ''),
      handle: answering(async (exchange) => [await exchange.body(), ...exchange.trailers().flat()].join(' ')),
      seen: ['200 length "abc X-One 1 x-two 2"', 'open'],
    },
    {
      what: 'a Content-Length in the trailers',
      does: 'is refused with 400',
      send: chunked('3', 'abc', '0', 'Content-Length: 1', '', ''),
      handle: echo,
      seen: ['400', 'closed'],
    },
    {
      what: 'a coding in capital letters',
      does: 'is chunked all the same',
      send: `${request('POST /', 'Transfer-Encoding: Chunked')}3\r\nabc\r\n0\r\n\r\n`,
      handle: echo,
      seen: ['200 length "abc"', 'open'],
    },
    {
      what: 'a chunk size that is no number',
      does: 'is refused with 400 while the handler waits for the body',
      send: chunked('x', 'abc', '0', '', ''),
      handle: echo,
      seen: ['400', 'closed'],
    },
    {
      what: 'Content-Length beside Transfer-Encoding',
      does: 'is refused with 400',
      send: `${request('POST /', 'Content-Length: 3', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
      handle: echo,
      seen: ['400', 'closed'],
    },
    {
      what: 'a repeated Content-Length',
      does: 'is refused with 400',
      send: `${request('POST /', 'Content-Length: 3', 'Content-Length: 3')}abc`,
      handle: echo,
      seen: ['400', 'closed'],
    },
    {
      what: 'a Content-Length that is no number',
      does: 'is refused with 400',
      send: `${request('POST /', 'Content-Length: 3x')}abc`,
      handle: echo,
      seen: ['400', 'closed'],
    },
    {
      what: 'a coding that is not chunked',
      does: { millrace: 'is refused with 501', node: 'reaches the handler, which gets the coded bytes' },
      because: 'Nobody decodes it, and RFC 9112 6.1 asks for 501.',
      send: `${request('POST /', 'Transfer-Encoding: gzip, chunked')}3\r\nabc\r\n0\r\n\r\n`,
      handle: echo,
      seen: { millrace: ['501', 'closed'], node: ['200 length "abc"', 'open'] },
    },
    {
      what: 'Transfer-Encoding in HTTP/1.0',
      does: { millrace: 'is refused with 400', node: 'is obeyed' },
      because: 'HTTP/1.0 does not have it, so a proxy before the server may see another message (RFC 9112 6.1).',
      send: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      handle: echo,
      seen: { millrace: ['400', 'closed'], node: ['200 close "abc"', 'closed'] },
    },
    {
      what: 'a body of 9 MiB by its Content-Length',
      does: { millrace: 'is refused with 413 before it is sent', node: 'is accepted' },
      because: '`limits.bodyBytes` is 8 MiB, so that a handler which forgets to look is not filled up.',
      send: request('POST /', `Content-Length: ${9 * MIB}`),
      handle: hello,
      talk: async (wire, send) => {
        const { status } = await wire.ask(send)
        return [String(status)]
      },
      seen: { millrace: ['413'], node: ['200'] },
    },
    {
      what: 'a small body the handler never reads',
      does: 'is dropped, and the next request on the connection is answered',
      send: `${request('POST /', 'Content-Length: 3')}abc${request('GET /')}`,
      methods: ['POST', 'GET'],
      seen: ['200 length "hello"', '200 length "hello"', 'open'],
    },
    {
      what: 'a body of 4 MiB the handler never reads',
      does: {
        millrace: 'is answered, then the connection closes',
        node: 'is received to its end, and the connection stays open',
      },
      because:
        '`limits.drainBytes` is 256 KiB: with more to come, a new connection is cheaper than the rest of the body.',
      send: request('POST /', `Content-Length: ${4 * MIB}`),
      talk: async (wire, send) => {
        const answer = told(await wire.ask(send))
        wire.send(Buffer.alloc(4 * MIB))
        return [answer, await stateOf(wire)]
      },
      seen: { millrace: ['200 length "hello"', 'closed'], node: ['200 length "hello"', 'open'] },
    },
    {
      what: 'Expect: 100-continue with a handler that reads the body',
      does: 'is answered with 100, then with the answer',
      send: request('POST /', 'Expect: 100-continue', 'Content-Length: 3'),
      handle: echo,
      talk: async (wire, send) => {
        wire.send(send)
        const first = told(await wire.answer())
        wire.send('abc')
        return [first, ...(await readAll(wire, ['POST']))]
      },
      seen: ['100 none', '200 length "abc"', 'open'],
    },
    {
      what: 'Expect: 100-continue with a handler that does not want the body',
      does: {
        millrace: 'is answered at once, without 100, and the connection closes',
        node: 'is answered with 100 before the handler runs',
      },
      because: '100 is sent when the handler first asks for the body, so an upload can be refused before it is sent.',
      send: request('POST /', 'Expect: 100-continue', 'Content-Length: 3'),
      handle: (exchange) => exchange.status(403).end('no'),
      talk: async (wire, send) => {
        wire.send(send)
        const first = told(await wire.answer())
        return first.startsWith('100') ? [first, told(await wire.answer())] : [first]
      },
      seen: { millrace: ['403'], node: ['100 none', '403'] },
    },
    {
      what: 'Expect: 100-continue in HTTP/1.0',
      does: 'is passed over',
      send: 'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
      handle: async (exchange) => exchange.set('content-length', '3').end(await exchange.body()),
      seen: ['200 length "abc"', 'closed'],
    },
    {
      what: 'an unknown expectation',
      does: {
        millrace: 'is refused with 417, and the connection closes',
        node: 'is refused with 417, and the connection stays open',
      },
      because: 'Every refusal closes: whether such a client sends its body after all is not known.',
      send: request('GET /', 'Expect: miracles'),
      seen: { millrace: ['417', 'closed'], node: ['417', 'open'] },
    },
    {
      what: 'a client that closes its side in the middle of a body',
      does: 'makes reading the body fail',
      ...cutShort(),
      seen: ['failed'],
    },
  ],
}

/** A body that ends too soon; what the client sees is how the handler's reading went. */
function cutShort(): Pick<Behaviour, 'send' | 'handle' | 'talk'> {
  let finish: (outcome: string) => void = () => undefined
  return {
    send: `${request('POST /', 'Content-Length: 10')}abc`,
    handle: async (exchange) => {
      await exchange.body().then(finish, () => finish('failed'))
      exchange.end()
    },
    talk: async (wire, send) => {
      const outcome = new Promise<string>((resolve) => (finish = resolve))
      wire.send(send)
      await pause()
      wire.endSending()
      return [await outcome]
    },
  }
}
