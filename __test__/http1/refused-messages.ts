import type { ServerOptions } from '#dist/index'

/** One message the server refuses. */
export interface Refused {
  /** What is wrong, to be read after "refuses". */
  readonly what: string
  readonly status: number
  /** What the client sends, one byte for each character. */
  readonly message: string
  /** The fault lies in the body: the handler may run, and reading the body fails with this code. */
  readonly bodyError?: string
  /** The client stops in the middle and waits, so nothing follows the message. */
  readonly stalls?: boolean
  readonly timeouts?: ServerOptions['timeouts']
}

/** Small enough that what goes beyond them can be sent byte by byte. */
export const LIMITS = { headerBytes: 512, headerCount: 8, targetBytes: 64, bodyBytes: 32 }

const GET = 'GET /refused HTTP/1.1\r\n'
const HOST = 'Host: a\r\n'
const EXTENSION = `;note=${'x'.repeat(1000)}`

const requestLines: Refused[] = [
  bad('a request line that ends in a bare LF', `GET /refused HTTP/1.1\n${HOST}\r\n`),
  bad('a bare CR in a request line', `GET /re\rfused HTTP/1.1\r\n${HOST}\r\n`),
  bad('a bare CR before a request', `\r${get()}`),
  bad('five empty lines before a request', `\r\n\r\n\r\n\r\n\r\n${get()}`),
  bad('a control character in a target', line('GET /\x01 HTTP/1.1')),
  bad('a NUL in a method', line('GE\0T /refused HTTP/1.1')),
  bad('a delimiter in a method', line('GE(T /refused HTTP/1.1')),
  bad('a request line without a method', line(' /refused HTTP/1.1')),
  bad('a request line without a target', line('GET HTTP/1.1')),
  bad('an empty target', line('GET  HTTP/1.1')),
  bad('a request line without a version', line('GET /refused')),
  bad('two spaces before a target', line('GET  /refused HTTP/1.1')),
  bad('two spaces before a version', line('GET /refused  HTTP/1.1')),
  bad('a space after a version', line('GET /refused HTTP/1.1 ')),
  bad('tabs in a request line', line('GET\t/refused\tHTTP/1.1')),
  bad('a space in a target', line('GET /refused again HTTP/1.1')),
  bad('a fragment in a target', line('GET /refused#part HTTP/1.1')),
  bad('a character beyond ASCII in a target', line('GET /refus\xe9 HTTP/1.1')),
  bad('a target that is no path', line('GET refused HTTP/1.1')),
  bad('an authority as the target of GET', line('GET a:80 HTTP/1.1')),
  bad('an asterisk as the target of GET', line('GET * HTTP/1.1')),
  bad('a path as the target of CONNECT', line('CONNECT /refused HTTP/1.1')),
  bad('an absolute target without a host', line('GET http:///refused HTTP/1.1')),
  bad('a version in small letters', line('GET /refused http/1.1')),
  bad('a version without a minor number', line('GET /refused HTTP/1')),
  bad('a version with a longer number', line('GET /refused HTTP/1.10')),
  bad('another protocol', line('GET /refused RTSP/1.0')),
  row(505, 'major version 2', line('GET /refused HTTP/2.0')),
  row(505, 'major version 0', line('GET /refused HTTP/0.9')),
  row(505, 'the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  row(414, 'a target that is too long', line(`GET /${'x'.repeat(64)} HTTP/1.1`)),
  row(414, 'a target that is too long before it ends', `GET /${'x'.repeat(65)}`, { stalls: true }),
]

const headers: Refused[] = [
  bad('a header line that ends in a bare LF', `${GET}${HOST}X: a\nY: b\r\n\r\n`),
  bad('an empty line that is a bare LF', `${GET}${HOST}\n`),
  bad('a bare CR in a header', get('X: a\rb')),
  bad('a bare CR at the end of a header', get('X: a\r\r\nY: b')),
  bad('a folded header', get('X: a\r\n b')),
  bad('a header folded with a tab', get('X: a\r\n\tb')),
  bad('a header line of nothing but space', get('X: a\r\n ')),
  bad('white space before the first header', `${GET} ${HOST}\r\n`),
  bad('a space before a colon', get('X : a')),
  bad('a tab before a colon', get('Content-Length\t: 1')),
  bad('a NUL in a header', get('X: a\0b')),
  bad('a BEL in a header', get('X: a\x07b')),
  bad('a DEL in a header', get('X: a\x7fb')),
  bad('an empty header name', get(': a')),
  bad('a space in a header name', get('X Y: a')),
  bad('a delimiter in a header name', get('X(Y): a')),
  bad('a character beyond ASCII in a header name', get('X\xe9: a')),
  bad('a header line without a colon', get('X')),
  row(431, 'too many headers', get(...Array<string>(8).fill('X: a'))),
  row(431, 'headers that are too large', get(`X: ${'x'.repeat(512)}`)),
  row(431, 'a header that is too large before it ends', `${GET}${HOST}X: ${'x'.repeat(512)}`, { stalls: true }),
  row(431, 'a header name that is too large before it ends', `${GET}${HOST}${'x'.repeat(512)}`, { stalls: true }),
  row(417, 'an unknown expectation', get('Expect: miracles')),
  row(417, 'an unknown expectation beside a known one', get('Expect: 100-continue, miracles', 'Content-Length: 1')),
]

const hosts: Refused[] = [
  bad('a missing Host', `${GET}\r\n`),
  bad('a repeated Host', get('Host: b')),
  bad('a Host repeated with the same value', get('Host: a')),
  bad('a repeated Host beside an absolute target', 'GET http://a/refused HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
  ...['a b', 'a/b', 'me@a', 'a, b', 'a:b', 'a:1:2', 'a?b', '[::1', '[a', 'a\\b', '"a"', 'a#b', '<a>', 'a\xe9'].map(
    (host) => bad(`a Host that is ${JSON.stringify(host)}`, `${GET}Host: ${host}\r\n\r\n`),
  ),
]

const framings: Refused[] = [
  ...['x', '', '+1', '-1', '0x1', '1 1', '1.0', '1e0', '1;', '\xb2', '1\t1'].map((length) =>
    bad(`a Content-Length that is ${JSON.stringify(length)}`, post(`Content-Length: ${length}`)),
  ),
  bad('a Content-Length of 2 to the 64th', post('Content-Length: 18446744073709551616')),
  bad('a Content-Length of forty digits', post(`Content-Length: ${'9'.repeat(40)}`)),
  bad('a Content-Length that overflows to a small number', post('Content-Length: 18446744073709551617')),
  bad('a repeated Content-Length', post('Content-Length: 1', 'Content-Length: 1')),
  bad('two Content-Lengths that differ', post('Content-Length: 1', 'Content-Length: 2')),
  bad('a list of Content-Lengths', post('Content-Length: 1, 1')),
  bad('a Content-Length that ends in a comma', post('Content-Length: 1,')),
  bad('Transfer-Encoding after Content-Length', post('Content-Length: 1', 'Transfer-Encoding: chunked')),
  bad('Content-Length after Transfer-Encoding', post('Transfer-Encoding: chunked', 'Content-Length: 1')),
  bad('Transfer-Encoding in HTTP/1.0', 'POST /refused HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  ...['identity', 'chunked, identity', 'chunked, gzip', 'gzip', 'chunked, chunked', 'xchunked', ''].map((codings) =>
    bad(`a Transfer-Encoding that is ${JSON.stringify(codings)}`, post(`Transfer-Encoding: ${codings}`)),
  ),
  bad('chunked on two lines', post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')),
  bad('a coding on a line after chunked', post('Transfer-Encoding: chunked', 'Transfer-Encoding: gzip')),
  bad('a Transfer-Encoding with a control character', post('Transfer-Encoding: \x0bchunked')),
  row(501, 'an unknown coding before chunked', post('Transfer-Encoding: gzip, chunked')),
  row(501, 'an unknown coding on a line before chunked', post('Transfer-Encoding: br', 'Transfer-Encoding: chunked')),
]

const bodies: Refused[] = [
  ...['x', '', ' 3', '3 ', '+3', '-3', '0x3', '3,'].map((size) =>
    chunked(`a chunk size that is ${JSON.stringify(size)}`, `${size}\r\nabc\r\n0\r\n\r\n`),
  ),
  chunked('a chunk size of seventeen digits', `${'0'.repeat(16)}3\r\nabc\r\n0\r\n\r\n`),
  chunked('a chunk size that overflows', '10000000000000003\r\nabc\r\n0\r\n\r\n'),
  chunked('a chunk size that ends in a bare LF', '3\nabc\r\n0\r\n\r\n'),
  chunked('a chunk size that ends in a bare CR', '3\rabc\r\n0\r\n\r\n'),
  chunked('a chunk longer than its size', '3\r\nabcd\r\n0\r\n\r\n'),
  chunked('a chunk shorter than its size', '3\r\nab\r\n0\r\n\r\n'),
  chunked('a chunk that ends in a bare LF', '3\r\nabc\n0\r\n\r\n'),
  chunked('a chunk that ends in a bare CR', '3\r\nabc\r0\r\n\r\n'),
  chunked('a last chunk that ends in a bare LF', '3\r\nabc\r\n0\n\r\n'),
  chunked('a body that ends in a bare LF', '3\r\nabc\r\n0\r\n\n'),
  chunked('a chunk extension without a name', '3;=a\r\nabc\r\n0\r\n\r\n'),
  chunked('a line end in a quoted chunk extension', '3;a="\r\nabc\r\n0\r\n\r\n'),
  chunked('a bare LF in a chunk extension', '3;a=b\nc\r\nabc\r\n0\r\n\r\n'),
  chunked('chunk extensions that are too long', `${`1${EXTENSION}\r\na\r\n`.repeat(5)}0\r\n\r\n`),
  chunked('a trailer with a space before its colon', '3\r\nabc\r\n0\r\nX : a\r\n\r\n'),
  chunked('a folded trailer', '3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n'),
  chunked('a trailer without a colon', '3\r\nabc\r\n0\r\nX\r\n\r\n'),
  chunked('a trailer that ends in a bare LF', '3\r\nabc\r\n0\r\nX: a\n\r\n'),
  ...['Content-Length: 3', 'Transfer-Encoding: chunked', 'Host: b', 'Authorization: b'].map((trailer) =>
    chunked(`the trailer ${trailer.split(':')[0]}`, `3\r\nabc\r\n0\r\n${trailer}\r\n\r\n`),
  ),
  chunked('too many trailers', `3\r\nabc\r\n0\r\n${'X: a\r\n'.repeat(9)}\r\n`, 431),
  chunked('trailers that are too large', `3\r\nabc\r\n0\r\nX: ${'x'.repeat(512)}\r\n\r\n`, 431),
  row(413, 'a body that is too large by its Content-Length', post('Content-Length: 33')),
  row(413, 'a body that is too large, for 100 Continue', post('Content-Length: 33', 'Expect: 100-continue'), {
    stalls: true,
  }),
  tooLarge('a chunk that is larger than a body may be', '21\r\n'),
  tooLarge('chunks that are larger together than a body may be', '20\r\n12345678901234567890123456789012\r\n1\r\n'),
]

const stalling: Refused[] = [
  slow('a request line that never ends', 'GET /refus', { headers: 100 }),
  slow('headers that never end', `${GET}${HOST}X: a\r\n`, { headers: 100 }),
  slow('a body that stops', `${post('Content-Length: 10')}abc`, { body: 100 }, 'ERR_BODY_TIMEOUT'),
  slow('a chunk that stops', `${post('Transfer-Encoding: chunked')}a\r\nabc`, { body: 100 }, 'ERR_BODY_TIMEOUT'),
  slow('a chunk size that stops', `${post('Transfer-Encoding: chunked')}1`, { body: 100 }, 'ERR_BODY_TIMEOUT'),
  slow('trailers that stop', `${post('Transfer-Encoding: chunked')}0\r\nX:`, { body: 100 }, 'ERR_BODY_TIMEOUT'),
]

/** Every reason the server has to refuse a request by itself. */
export const REFUSED: readonly Refused[] = [...requestLines, ...headers, ...hosts, ...framings, ...bodies, ...stalling]

function row(status: number, what: string, message: string, rest: Partial<Refused> = {}): Refused {
  return { what, status, message, ...rest }
}

function bad(what: string, message: string): Refused {
  return row(400, what, message)
}

function chunked(what: string, body: string, status = 400): Refused {
  return row(status, what, `${post('Transfer-Encoding: chunked')}${body}`, { bodyError: 'ERR_BODY_MALFORMED' })
}

function tooLarge(what: string, body: string): Refused {
  const message = `${post('Transfer-Encoding: chunked')}${body}`
  return row(413, what, message, { bodyError: 'ERR_BODY_TOO_LARGE' })
}

function slow(what: string, message: string, timeouts: ServerOptions['timeouts'], bodyError?: string): Refused {
  return row(408, what, message, { stalls: true, timeouts, ...(bodyError === undefined ? {} : { bodyError }) })
}

function line(requestLine: string): string {
  return `${requestLine}\r\n${HOST}\r\n`
}

function get(...lines: string[]): string {
  return `${GET}${HOST}${lines.map((one) => `${one}\r\n`).join('')}\r\n`
}

function post(...lines: string[]): string {
  return get(...lines).replace('GET', 'POST')
}
