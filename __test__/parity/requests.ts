import { answering, hello, readAll, request, type Behaviour, type Chapter } from './behaviour'

const methodAndTarget = answering(({ method, url }) => `${method} ${url}`)

/** Methods, targets and versions. */
export const requests: Chapter = {
  title: 'Requests',
  behaviours: [
    ...['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'M-SEARCH'].map(
      (method): Behaviour => ({
        what: `the method ${method}`,
        does: 'reaches the handler, with the target',
        send: request(`${method} /a?b=c`),
        handle: methodAndTarget,
        seen: [`200 length "${method} /a?b=c"`, 'open'],
      }),
    ),
    {
      what: 'a HEAD request',
      does: { millrace: 'is answered with the Content-Length of GET', node: 'is answered without a length' },
      because: 'The length is known when the handler gives its answer in one piece, and clients ask for it with HEAD.',
      send: request('HEAD /'),
      show: ['content-length'],
      seen: { millrace: ['200 none content-length=5', 'open'], node: ['200 none content-length=-', 'open'] },
    },
    {
      what: 'a method nobody has registered',
      does: { millrace: 'reaches the handler', node: 'is refused with 400' },
      because: 'A method is any token (RFC 9110 9.1); what is not known is for the application to refuse, with 501.',
      send: request('BREW /'),
      handle: methodAndTarget,
      seen: { millrace: ['200 length "BREW /"', 'open'], node: ['400', 'closed'] },
    },
    {
      what: 'a method in small letters',
      does: { millrace: 'reaches the handler as it is', node: 'is refused with 400' },
      because: 'Methods are case-sensitive (RFC 9110 9.1), so `get` is a method of its own.',
      send: request('get /'),
      handle: methodAndTarget,
      seen: { millrace: ['200 length "get /"', 'open'], node: ['400', 'closed'] },
    },
    {
      what: 'a CONNECT request',
      does: {
        millrace: 'reaches the handler',
        node: "closes the connection unless the server has a 'connect' listener",
      },
      because: 'There is no event for it: the handler answers, and a 2xx answer goes on until the connection closes.',
      send: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
      handle: methodAndTarget,
      seen: { millrace: ['200 close "CONNECT a:443"', 'closed'], node: ['no answer'] },
    },
    {
      what: 'an absolute target',
      does: 'reaches the handler as received',
      send: request('GET http://b/path?query'),
      handle: methodAndTarget,
      seen: ['200 length "GET http://b/path?query"', 'open'],
    },
    {
      what: 'OPTIONS *',
      does: 'reaches the handler with the target *',
      send: request('OPTIONS *'),
      handle: methodAndTarget,
      seen: ['200 length "OPTIONS *"', 'open'],
    },
    {
      what: 'a target with dots, doubled slashes and percent signs',
      does: 'is not normalised',
      send: request('GET //a/./b/../%2e%2E/%zz?%00'),
      handle: methodAndTarget,
      seen: ['200 length "GET //a/./b/../%2e%2E/%zz?%00"', 'open'],
    },
    {
      what: 'a fragment in a target',
      does: { millrace: 'is refused with 400', node: 'reaches the handler' },
      because:
        'A target has no fragment (RFC 9112 3.2); servers that cut it off and servers that do not see two paths.',
      send: request('GET /a#b'),
      handle: methodAndTarget,
      seen: { millrace: ['400', 'closed'], node: ['200 length "GET /a#b"', 'open'] },
    },
    {
      what: 'a target with a byte beyond ASCII',
      does: 'is refused with 400',
      send: request('GET /\xe9'),
      handle: methodAndTarget,
      seen: ['400', 'closed'],
    },
    {
      what: 'a target of 9000 bytes',
      does: { millrace: 'is refused with 414', node: 'reaches the handler' },
      because: '`limits.targetBytes` is 8192; node:http has only the limit on the whole head.',
      send: request(`GET /${'x'.repeat(9000)}`),
      seen: { millrace: ['414', 'closed'], node: ['200 length "hello"', 'open'] },
    },
    {
      what: 'an asterisk as the target of GET',
      does: { millrace: 'is refused with 400', node: 'reaches the handler' },
      because: 'Only OPTIONS may be about the server as a whole (RFC 9112 3.2.4).',
      send: request('GET *'),
      handle: methodAndTarget,
      seen: { millrace: ['400', 'closed'], node: ['200 length "GET *"', 'open'] },
    },
    {
      what: 'a space in a target',
      does: 'is refused with 400',
      send: request('GET /a b'),
      seen: ['400', 'closed'],
    },
    {
      what: 'two empty lines before a request',
      does: 'are passed over',
      send: `\r\n\r\n${request('GET /')}`,
      seen: ['200 length "hello"', 'open'],
    },
    {
      what: 'an HTTP/1.0 request',
      does: 'reaches the handler with its version and needs no Host',
      send: 'GET / HTTP/1.0\r\n\r\n',
      handle: (exchange) => exchange.set('content-length', '5').end(`${exchange.version} ${exchange.lines.length}`),
      seen: ['200 length "1.0 0"', 'closed'],
    },
    {
      what: 'the answer to an HTTP/1.0 request',
      does: 'says HTTP/1.1, the version of the server',
      send: 'GET / HTTP/1.0\r\n\r\n',
      talk: async (wire, send) => [(await wire.ask(send)).version],
      seen: ['1.1'],
    },
    {
      what: 'a request of HTTP/2.0 in the form of HTTP/1',
      does: { millrace: 'is refused with 505', node: 'is answered, and the connection closes' },
      because: 'It does not mean what it says, and 505 says so (RFC 9110 15.6.6).',
      send: 'GET / HTTP/2.0\r\nHost: a\r\n\r\n',
      seen: { millrace: ['505', 'closed'], node: ['200 close "hello"', 'closed'] },
    },
    {
      what: 'a request line that is nonsense',
      does: 'is refused with 400',
      send: '\x16\x03\x01\x02\x00\x01\r\n\r\n',
      methods: ['GET'],
      seen: ['400', 'closed'],
    },
    {
      what: 'a refusal',
      does: { millrace: 'says in a sentence what was wrong', node: 'has no body' },
      because: 'Whoever wrote the client wants to know.',
      send: 'GET / HTTP/1.1\r\n\r\n',
      talk: async (wire, send) => [(await wire.ask(send)).body.toString()],
      seen: { millrace: ['There is no Host header; HTTP/1.1 requests must have one.\n'], node: [''] },
    },
    {
      what: 'a request in pieces that arrive one after the other',
      does: 'reaches the handler once, whole',
      send: request('GET /pieces', 'X-One: 1'),
      handle: answering((exchange) => `${exchange.url} ${exchange.header('x-one')}`),
      talk: async (wire, send) => {
        await wire.sendByteByByte(send)
        return readAll(wire, ['GET'])
      },
      seen: ['200 length "/pieces 1"', 'open'],
    },
    {
      what: 'a request that says it wants to upgrade to a protocol nobody offers',
      does: 'is answered in HTTP/1.1',
      send: request('GET /', 'Connection: Upgrade', 'Upgrade: tea'),
      handle: hello,
      seen: ['200 length "hello"', 'open'],
    },
  ],
}
