import { answering, request, type Chapter } from './behaviour'

const allLines = answering(({ lines }) => lines.slice(1).flat())
const one = answering((exchange) => exchange.header('x') ?? 'none')

/** What becomes of the header lines of a request. */
export const headers: Chapter = {
  title: 'Request headers',
  behaviours: [
    {
      what: 'every header line',
      does: 'keeps its order and spelling in the raw list',
      send: request('GET /', 'x-b: 1', 'X-A: 2', 'X-a: 3', 'x-B: 4'),
      handle: allLines,
      seen: ['200 length "[\\"x-b\\",\\"1\\",\\"X-A\\",\\"2\\",\\"X-a\\",\\"3\\",\\"x-B\\",\\"4\\"]"', 'open'],
    },
    {
      what: 'a header name',
      does: 'is found in any case of letters',
      send: request('GET /', 'X: a'),
      handle: one,
      seen: ['200 length "a"', 'open'],
    },
    {
      what: 'spaces and tabs around a value',
      does: 'are cut off, those inside it kept',
      send: request('GET /', 'X: \t a \t b \t '),
      handle: one,
      seen: ['200 length "a \\t b"', 'open'],
    },
    {
      what: 'a value without a space before it',
      does: 'is a value',
      send: request('GET /', 'X:a:b'),
      handle: one,
      seen: ['200 length "a:b"', 'open'],
    },
    {
      what: 'an empty value',
      does: 'is an empty string',
      send: request('GET /', 'X:'),
      handle: answering((exchange) => `[${exchange.header('x')}]`),
      seen: ['200 length "[]"', 'open'],
    },
    {
      what: 'a value with bytes beyond ASCII',
      does: 'is read as Latin-1',
      send: request('GET /', 'X: \xe9\xff'),
      handle: answering((exchange) => exchange.header('x')),
      seen: ['200 length "\xe9\xff"', 'open'],
    },
    {
      what: 'repeated lines of a header',
      does: 'are joined by a comma and a space',
      send: request('GET /', 'X: a', 'Y: -', 'x: b'),
      handle: one,
      seen: ['200 length "a, b"', 'open'],
    },
    {
      what: 'repeated lines of cookie',
      does: 'are joined by a semicolon and a space',
      send: request('GET /', 'Cookie: a=1', 'Cookie: b=2'),
      handle: answering((exchange) => exchange.header('cookie')),
      seen: ['200 length "a=1; b=2"', 'open'],
    },
    {
      what: 'a repeated header that should come once, like user-agent',
      does: { millrace: 'is joined like any other', node: 'gives its first value' },
      because: 'No list of special names: the lines are there, `getAll` gives them one by one.',
      send: request('GET /', 'User-Agent: a', 'User-Agent: b'),
      handle: answering((exchange) => exchange.header('user-agent')),
      seen: { millrace: ['200 length "a, b"', 'open'], node: ['200 length "a"', 'open'] },
    },
    {
      what: 'a missing Host',
      does: 'is refused with 400',
      send: 'GET / HTTP/1.1\r\n\r\n',
      seen: ['400', 'closed'],
    },
    {
      what: 'an empty Host',
      does: 'is accepted',
      send: 'GET / HTTP/1.1\r\nHost:\r\n\r\n',
      seen: ['200 length "hello"', 'open'],
    },
    {
      what: 'a repeated Host',
      does: { millrace: 'is refused with 400', node: 'is accepted, and the first counts' },
      because: 'RFC 9112 3.2 demands it: two servers that pick different ones can be played off against each other.',
      send: request('GET /', 'Host: b'),
      handle: answering((exchange) => exchange.header('host')),
      seen: { millrace: ['400', 'closed'], node: ['200 length "a"', 'open'] },
    },
    {
      what: 'a Host that is none',
      does: { millrace: 'is refused with 400', node: 'is accepted' },
      because: 'RFC 9112 3.2 demands it, and it ends up in links and redirects.',
      send: 'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n',
      seen: { millrace: ['400', 'closed'], node: ['200 length "hello"', 'open'] },
    },
    {
      what: 'a space before a colon',
      does: 'is refused with 400',
      send: request('GET /', 'X : a'),
      seen: ['400', 'closed'],
    },
    {
      what: 'a NUL in a value',
      does: 'is refused with 400',
      send: request('GET /', 'X: a\0b'),
      seen: ['400', 'closed'],
    },
    {
      what: 'a bare CR in a value',
      does: 'is refused with 400',
      send: request('GET /', 'X: a\rb'),
      seen: ['400', 'closed'],
    },
    {
      what: 'a header line without a colon',
      does: 'is refused with 400',
      send: request('GET /', 'X'),
      seen: ['400', 'closed'],
    },
    {
      what: 'a folded header line',
      does: 'is refused with 400',
      send: request('GET /', 'X: a', ' b'),
      seen: ['400', 'closed'],
    },
    {
      what: 'a DEL in a value',
      does: 'is refused with 400',
      send: request('GET /', 'X: a\x7fb'),
      seen: ['400', 'closed'],
    },
    {
      what: 'a head of 12 KiB',
      does: 'is accepted',
      send: request('GET /', `X: ${'x'.repeat(12 * 1024)}`),
      handle: answering((exchange) => String(exchange.header('x')?.length)),
      seen: ['200 length "12288"', 'open'],
    },
    {
      what: 'a head of more than 16 KiB',
      does: 'is refused with 431',
      send: request('GET /', `X: ${'x'.repeat(17 * 1024)}`),
      seen: ['431', 'closed'],
    },
    {
      what: 'a request with 101 header lines',
      does: { millrace: 'is refused with 431', node: 'is accepted' },
      because: '`limits.headerCount` is 100; node:http reads the first 2000 and drops the rest unseen.',
      send: request('GET /', ...Array<string>(100).fill('X: a')),
      handle: answering(({ lines }) => String(lines.length)),
      seen: { millrace: ['431', 'closed'], node: ['200 length "101"', 'open'] },
    },
  ],
}
