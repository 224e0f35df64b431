import { hello, pause, readAll, request, told, type Chapter } from './behaviour'
import type { Handle } from './servers'

const GET = request('GET /')
const GET10 = 'GET / HTTP/1.0\r\n\r\n'
const pieces: Handle = (exchange) => exchange.write('hel').write('lo').end()

/** What goes back to the client. */
export const answers: Chapter = {
  title: 'Answers',
  behaviours: [
    {
      what: 'an answer in one piece',
      does: 'has a Content-Length',
      send: GET,
      show: ['content-length', 'transfer-encoding'],
      seen: ['200 length "hello" content-length=5 transfer-encoding=-', 'open'],
    },
    {
      what: 'an answer in pieces',
      does: 'is chunked',
      send: GET,
      show: ['content-length', 'transfer-encoding'],
      handle: pieces,
      seen: ['200 chunked "hello" content-length=- transfer-encoding=chunked', 'open'],
    },
    {
      what: 'an answer in pieces with a Content-Length set',
      does: 'is not chunked',
      send: GET,
      handle: (exchange) => pieces(exchange.set('content-length', '5')),
      seen: ['200 length "hello"', 'open'],
    },
    {
      what: 'an answer without a body',
      does: 'has a Content-Length of 0',
      send: GET,
      show: ['content-length'],
      handle: (exchange) => exchange.end(),
      seen: ['200 length "" content-length=0', 'open'],
    },
    {
      what: 'an answer in pieces to HTTP/1.0',
      does: 'goes on until the connection closes',
      send: GET10,
      handle: pieces,
      seen: ['200 close "hello"', 'closed'],
    },
    {
      what: 'an answer with Transfer-Encoding set to chunked by the handler',
      does: 'is chunked',
      send: GET,
      handle: (exchange) => exchange.set('transfer-encoding', 'chunked').end('hello'),
      seen: ['200 chunked "hello"', 'open'],
    },
    {
      what: 'an answer of 204',
      does: 'has neither body nor length, whatever the handler gives',
      send: GET,
      show: ['content-length', 'transfer-encoding'],
      handle: (exchange) => exchange.status(204).end('hello'),
      seen: ['204 none content-length=- transfer-encoding=-', 'open'],
    },
    {
      what: 'an answer of 304 to which the handler gives a body',
      does: { millrace: 'has its length without the body', node: 'has neither' },
      because: 'It is the length a 200 would have (RFC 9110 8.6), as with HEAD.',
      send: GET,
      show: ['content-length', 'transfer-encoding'],
      handle: (exchange) => exchange.status(304).end('hello'),
      seen: {
        millrace: ['304 none content-length=5 transfer-encoding=-', 'open'],
        node: ['304 none content-length=- transfer-encoding=-', 'open'],
      },
    },
    {
      what: 'a 304 with a Content-Length set',
      does: 'keeps it',
      send: GET,
      show: ['content-length'],
      handle: (exchange) => exchange.status(304).set('content-length', '5').end(),
      seen: ['304 none content-length=5', 'open'],
    },
    {
      what: 'an answer in pieces to HEAD',
      does: 'has no body',
      send: request('HEAD /'),
      show: ['transfer-encoding'],
      handle: pieces,
      seen: ['200 none transfer-encoding=-', 'open'],
    },
    {
      what: 'an answer to HEAD with a Content-Length set',
      does: 'keeps it',
      send: request('HEAD /'),
      show: ['content-length'],
      handle: (exchange) => exchange.set('content-length', '5').end(),
      seen: ['200 none content-length=5', 'open'],
    },
    {
      what: 'every answer',
      does: 'has a Date in the form of RFC 9110 5.6.7',
      send: GET,
      talk: async (wire, send) => {
        const date = (await wire.ask(send)).header('date') ?? ''
        return [String(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/.test(date))]
      },
      seen: ['true'],
    },
    {
      what: 'a Date set by the handler',
      does: 'is sent in place of the automatic one',
      send: GET,
      show: ['date'],
      handle: (exchange) => exchange.set('date', 'Thu, 01 Jan 1970 00:00:00 GMT').end(),
      seen: ['200 length "" date=Thu, 01 Jan 1970 00:00:00 GMT', 'open'],
    },
    {
      what: 'the name of a header',
      does: 'is sent in the spelling of the handler',
      send: GET,
      handle: (exchange) => exchange.set('X-mIxEd', 'a').end(),
      talk: async (wire, send) => {
        const { headers } = await wire.ask(send)
        return headers.filter(([name]) => name.toLowerCase() === 'x-mixed').flat()
      },
      seen: ['X-mIxEd', 'a'],
    },
    {
      what: 'a header with a list of values',
      does: 'is sent as a line for each',
      send: GET,
      handle: (exchange) => exchange.set('set-cookie', ['a=1', 'b=2']).end(),
      talk: async (wire, send) => {
        const { headers } = await wire.ask(send)
        return headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)
      },
      seen: ['a=1', 'b=2'],
    },
    {
      what: 'a header value with a line end',
      does: 'throws before anything is sent',
      send: GET,
      handle: (exchange) => {
        try {
          exchange.set('x', 'a\r\nb: c')
        } catch {
          exchange.end('thrown')
        }
      },
      seen: ['200 length "thrown"', 'open'],
    },
    {
      what: 'a header value with characters of Latin-1',
      does: 'is sent as one byte for each',
      send: GET,
      show: ['x'],
      handle: (exchange) => exchange.set('x', '\xe9\xff').end(),
      seen: ['200 length "" x=\xe9\xff', 'open'],
    },
    {
      what: 'a reason phrase',
      does: 'is sent as the handler has set it',
      send: GET,
      handle: (exchange) => exchange.status(200, 'Fine').end(),
      talk: async (wire, send) => [(await wire.ask(send)).reason],
      seen: ['Fine'],
    },
    {
      what: 'the reason phrase of a status',
      does: 'is the usual one',
      send: GET,
      handle: (exchange) => exchange.status(404).end(),
      talk: async (wire, send) => [(await wire.ask(send)).reason],
      seen: ['Not Found'],
    },
    {
      what: 'the reason phrase of a status nobody knows',
      does: { millrace: 'is empty', node: 'is "unknown"' },
      because: 'RFC 9112 4 allows an empty one; nobody reads it.',
      send: GET,
      handle: (exchange) => exchange.status(299).end(),
      talk: async (wire, send) => [(await wire.ask(send)).reason],
      seen: { millrace: [''], node: ['unknown'] },
    },
    {
      what: 'a trailer',
      does: 'follows a chunked body',
      send: GET,
      handle: (exchange) => exchange.write('hello').endWithTrailer('x-sum', '5'),
      seen: ['200 chunked "hello" x-sum=5', 'open'],
    },
    {
      what: 'a trailer to HTTP/1.0',
      does: 'is not sent',
      send: GET10,
      handle: (exchange) => exchange.write('hello').endWithTrailer('x-sum', '5'),
      seen: ['200 close "hello"', 'closed'],
    },
    {
      what: 'an informational 103 with links',
      does: 'goes before the answer',
      send: GET,
      show: ['link'],
      handle: (exchange) => exchange.informational(103, '</a.css>; rel=preload').end('hello'),
      seen: ['103 none link=</a.css>; rel=preload', '200 length "hello" link=-', 'open'],
    },
    {
      what: 'two informational answers',
      does: 'go before the answer, in order',
      send: GET,
      handle: (exchange) => exchange.informational(102).informational(103, '</a>; rel=preload').end('hello'),
      seen: ['102 none', '103 none', '200 length "hello"', 'open'],
    },
    {
      what: 'an informational answer to HTTP/1.0',
      does: { millrace: 'is not sent', node: 'is sent' },
      because: 'HTTP/1.0 does not know them (RFC 9110 15.2).',
      send: GET10,
      handle: (exchange) => exchange.informational(103, '</a>; rel=preload').end('hello'),
      seen: {
        millrace: ['200 length "hello"', 'closed'],
        node: ['103 none', '200 close "hello"', 'closed'],
      },
    },
    {
      what: 'a body shorter than its Content-Length',
      does: { millrace: 'closes the connection', node: 'leaves the client waiting on an open connection' },
      because: 'A mistake in one handler must not let the next answer be read as the rest of this one; `end` throws.',
      send: GET,
      handle: (exchange) => {
        try {
          exchange.set('content-length', '9').write('hello').end()
        } catch {
          // That it throws is this server's way to tell.
        }
      },
      talk: async (wire, send) => {
        wire.send(send + request('GET /probe'))
        await pause()
        wire.endSending()
        return [(await wire.rest()).includes('HTTP/1.1 200 OK', 20) ? 'another answer follows' : 'nothing follows']
      },
      seen: { millrace: ['nothing follows'], node: ['another answer follows'] },
    },
    {
      what: 'an answer long after the request',
      does: 'is sent when it is there',
      send: GET,
      handle: async (exchange) => {
        await pause()
        await hello(exchange)
      },
      seen: ['200 length "hello"', 'open'],
    },
    {
      what: 'a piece written before a pause',
      does: 'is sent at once',
      send: GET,
      handle: (exchange) => void exchange.write('first'),
      talk: async (wire, send) => {
        wire.send(send)
        const seen = []
        for (let text = ''; !text.endsWith('first\r\n');) {
          text += (await wire.bytes(1)).toString()
          if (text.endsWith('first\r\n')) seen.push('first')
        }
        return seen
      },
      seen: ['first'],
    },
    {
      what: 'a body of 1 MiB in one piece',
      does: 'arrives whole',
      send: GET,
      handle: (exchange) => exchange.end('x'.repeat(1024 * 1024)),
      talk: async (wire, send) => {
        const { body, framing } = await wire.ask(send)
        return [framing, String(body.length), String(body.equals(Buffer.alloc(1024 * 1024, 'x')))]
      },
      seen: ['length', '1048576', 'true'],
    },
    {
      what: 'an answer to a request that is refused behind it',
      does: 'is sent before the refusal',
      send: `${GET}GET / HTTP/1.1\r\n\r\n`,
      talk: async (wire, send) => {
        wire.send(send)
        return [told(await wire.answer()), String((await wire.answer()).status)]
      },
      seen: ['200 length "hello"', '400'],
    },
    {
      what: 'an error status of the handler',
      does: 'leaves the connection open',
      send: GET,
      handle: (exchange) => exchange.status(500).end('hello'),
      talk: async (wire, send) => {
        wire.send(send)
        return readAll(wire, ['GET'])
      },
      seen: ['500', 'open'],
    },
  ],
}
