import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import {
  Abort,
  Coding,
  Inbox,
  Kind,
  Outcome,
  type RequestRecord,
  ServerEvent,
  inlineBody,
  isEarly,
  isSecure,
  parameterOf,
} from '#dist/inbound'
import { FileOption, Flag, Outbox } from '#dist/outbound'
import * as socket from '#dist/socket-records'
import { fieldOf } from '#dist/fields'
import { Head, NO_FIELDS } from '#dist/head'
import { Request } from '#dist/index'

// The other half of crates/millrace-batch/tests/golden.rs: the same vectors, read and written by the facade.

const home = path.dirname(require.resolve('millrace/package.json'))
const file = (name: string): string => path.join(home, 'crates', 'millrace-batch', 'testdata', `${name}.hex`)

function vectors(name: string): Map<string, Buffer> {
  const lines = readFileSync(file(name), 'latin1').trimEnd().split('\n')
  return new Map(lines.map((line) => [line.split(' ')[0], Buffer.from(line.split(' ')[1] ?? '', 'hex')]))
}

function inbound(name: string): { inbox: Inbox; text: string; records: number[] } {
  const golden = vectors(name)
  const inbox = new Inbox()
  golden.get('inbox')!.copy(inbox.bytes)
  const records: number[] = []
  for (let at = inbox.first(); at < inbox.end(); at = inbox.after(at)) records.push(at)
  return { inbox, text: golden.get('text')!.toString('latin1'), records }
}

test('reads requests as the core writes them', (t) => {
  const { inbox, text, records } = inbound('inbound-requests')
  t.is(records.length, 4)
  t.true(inbox.more())
  const makeRequest = Request as unknown as new (inbox: Inbox, at: number, text: string, response: null) => Request
  const requests = records.map((at) => new makeRequest(inbox, at, text, null))
  t.deepEqual(
    records.map((at) => [
      inbox.kind(at),
      inbox.requestServer(at),
      inbox.requestConnection(at),
      inbox.requestGeneration(at) >>> 0,
      inbox.requestSequence(at),
      inbox.requestHasBody(at),
      inbox.requestIsHead(at),
    ]),
    [
      [Kind.request, 1, 0x0100_0002, 3, 4, false, false],
      [Kind.request, 2, 5, 0xffff_ffff, 6, true, false],
      [Kind.request, 3, 7, 8, 9, true, true],
      [Kind.request, 4, 10, 11, 12, false, false],
    ],
  )
  t.deepEqual(
    requests.map(({ method, url, path: own, query, httpVersion, remoteAddress, remotePort }) => [
      method,
      url,
      own,
      query,
      httpVersion,
      remoteAddress,
      remotePort,
    ]),
    [
      ['GET', '/path?query=1', '/path', 'query=1', '1.1', '203.0.113.255', 65_535],
      ['BREW', 'http://example.org/pot', '/pot', '', '1.1', '2001:db8::1', 443],
      ['HEAD', '*', '*', '', '1.0', undefined, undefined],
      ['GET', '/%7Euser/a%2fb?c', '/%7Euser/a%2fb', 'c', '1.1', '::1', 1],
    ],
  )
  t.deepEqual(
    records.map((at) => inbox.requestRoute(at)),
    [0, 7, 0, 0x00ff_ffff],
  )
  const parameters = (index: number): string[] =>
    Array.from({ length: inbox.requestParameterCount(records[index]) }, (_, parameter) =>
      parameterOf(requests[index] as unknown as RequestRecord, parameter),
    )
  const flagged = requests.map((request) => request as unknown as RequestRecord)
  t.deepEqual(flagged.map(isSecure), [false, true, false, true])
  t.deepEqual(flagged.map(isEarly), [false, false, false, true])
  t.deepEqual([0, 1, 2, 3].map(parameters), [[], ['pot'], [], ['~user', 'a%2Fb']])
  t.deepEqual(
    records.map((at) => inbox.requestCoding(at)),
    [0, 0, 0, Coding.zstd],
  )
  t.deepEqual(requests[0].headers.raw, [
    ['Host', 'example.org'],
    ['accept', '*/*'],
    ['ETag', '"a:b"'],
  ])
  t.is(requests[1].headers.get('cookie'), 'a=1; b=2')
  t.is(requests[1].headers.get('x-green'), '')
  t.deepEqual([...requests[2].headers], [])

  t.is(inlineBody(inbox, records[0]), undefined)
  const inline = inlineBody(inbox, records[1])!
  t.is(inbox.copy(inline.start, inline.end).toString(), '{"a":1}')
  t.is(inlineBody(inbox, records[2]), undefined)
})

test('reads pieces of bodies as the core writes them', (t) => {
  const { inbox, text, records } = inbound('inbound-bodies')
  t.false(inbox.more())
  const { body, bodyEnd } = Kind
  t.deepEqual(
    records.map((at) => inbox.kind(at)),
    [body, body, body, bodyEnd, bodyEnd],
  )
  for (const at of records) t.deepEqual([inbox.connection(at), inbox.generation(at), inbox.sequence(at)], [1, 2, 3])
  const [small, large, last, end, trailers] = records
  t.deepEqual([inbox.bodyIsLarge(small), inbox.bodyIsComplete(small)], [false, false])
  t.is(inbox.bodyChunk(small).toString(), 'one')
  t.deepEqual([inbox.bodyIsLarge(large), inbox.bodyIsComplete(large), inbox.bodyIndex(large)], [true, false, 0])
  t.deepEqual([inbox.bodyIsLarge(last), inbox.bodyIsComplete(last)], [false, true])
  t.is(inbox.bodyChunk(last).toString(), 'two')
  t.is(inbox.trailers(end, text), '')
  t.is(inbox.trailers(trailers, text), '\nx-sum:A42')
})

test('reads events as the core writes them', (t) => {
  const { inbox, text, records } = inbound('inbound-events')
  const of = (kind: number): number[] => records.filter((at) => inbox.kind(at) === kind)
  t.deepEqual(
    of(Kind.abort).map((at) => inbox.abortReason(at)),
    Object.values(Abort),
  )
  t.deepEqual(
    of(Kind.drain).map((at) => inbox.drainUnsent(at)),
    [3_000_000_000],
  )
  t.deepEqual(
    of(Kind.written).map((at) => [inbox.writtenToken(at), inbox.writtenOutcome(at)]),
    [
      [1, Outcome.done],
      [2, Outcome.notExecuted],
      [3, Outcome.destroyed],
      [0xffff_ffff, Outcome.errno + 32],
    ],
  )
  t.deepEqual(
    of(Kind.server).map((at) => [inbox.serverId(at), inbox.serverEvent(at), inbox.serverText(at, text)]),
    [
      [4, ServerEvent.closed, ''],
      [5, ServerEvent.connectionError, 'ERR_CODE 1.2.3.4:5 what happened'],
      [6, ServerEvent.nameWanted, 'example.org'],
    ],
  )
  t.is(records.length, 9 + 1 + 4 + 3)
})

test('reads records of WebSockets as the core writes them', (t) => {
  const { inbox, text, records } = inbound('inbound-sockets')
  const of = (kind: number): number[] => records.filter((at) => inbox.kind(at) === kind)
  for (const at of records) t.deepEqual([inbox.connection(at), inbox.generation(at)], [0x0100_0002, 3])
  t.deepEqual(
    of(Kind.opened).map((at) => [inbox.sequence(at), socket.openedExtensions(inbox, at, text)]),
    [
      [4, 'permessage-deflate'],
      [5, ''],
    ],
  )
  const messages = of(Kind.message)
  t.deepEqual(
    messages.map((at) => [
      socket.messageIsBinary(inbox, at),
      socket.messageIsLarge(inbox, at),
      socket.messageIsFirst(inbox, at),
      socket.messageIsLast(inbox, at),
    ]),
    [
      [false, false, true, true],
      [false, false, true, true],
      [true, false, true, true],
      [true, false, true, true],
      [true, false, true, false],
      [true, true, false, true],
    ],
  )
  t.deepEqual(
    messages.slice(0, 2).map((at) => socket.messageText(inbox, at)),
    ['hello', 'grün'],
  )
  t.deepEqual(
    messages.slice(2, 5).map((at) => socket.messageBytes(inbox, at)),
    [Buffer.from([0, 1, 2, 255]), Buffer.alloc(0), Buffer.from('be')],
  )
  t.is(socket.messageIndex(inbox, messages[5]), 0)
  const { ping, pong, drained, dropped } = socket.SocketEvent
  const events = of(Kind.socket)
  t.deepEqual(
    events.map((at) => socket.socketEvent(inbox, at)),
    [ping, pong, drained, dropped],
  )
  t.is(socket.heartbeatBytes(inbox, events[0]).toString(), 'beat')
  t.is(socket.heartbeatBytes(inbox, events[1]).length, 0)
  t.is(socket.drainedWaiting(inbox, events[2]), 3_000_000_000)
  t.deepEqual([socket.droppedMessages(inbox, events[3]), socket.droppedBytes(inbox, events[3])], [2, 70_000])
  t.deepEqual(
    of(Kind.sent).map((at) => [
      socket.sentToken(inbox, at),
      socket.sentOutcome(inbox, at),
      socket.sentBytes(inbox, at),
    ]),
    [
      [9, Outcome.done, 64],
      [10, Outcome.dropped, 0],
    ],
  )
  t.deepEqual(
    of(Kind.closed).map((at) => [
      socket.closedIsClean(inbox, at),
      socket.closedCode(inbox, at),
      socket.closedReason(inbox, at),
    ]),
    [
      [true, 1000, 'müde'],
      [false, 1006, ''],
    ],
  )
})

test('bytes of messages are copies that later messages and batches leave alone', (t) => {
  const { inbox, records } = inbound('inbound-sockets')
  const at = records.find((record) => inbox.kind(record) === Kind.message && socket.messageIsBinary(inbox, record))!
  const copies = Array.from({ length: 5000 }, () => socket.messageBytes(inbox, at))
  inbox.bytes.fill(7)
  t.true(copies.every((copy) => copy.equals(Buffer.from([0, 1, 2, 255]))))
  copies[0].fill(9)
  t.true(copies.slice(1).every((copy) => copy.equals(Buffer.from([0, 1, 2, 255]))))
})

const NAME = [0x0100_0002, 0xffff_ffff, 4] as const
const SOCKET = [0x0100_0002, 0xffff_ffff] as const

/** One record of each kind, by the names the Rust test knows. */
const WRITTEN: Record<string, (outbox: Outbox) => void> = {
  respond: (outbox) =>
    outbox.respond(
      ...NAME,
      404,
      'Grün',
      new Head([fieldOf('content-type', 'text/plain')]),
      [fieldOf('x-a', 'b')],
      'grüezi',
      0,
      0,
    ),
  'respond-large': (outbox) => {
    const { close, hasDate, large, notify, coding } = Flag
    const head = new Head([fieldOf('connection', 'close'), fieldOf('date', 'today'), fieldOf('content-length', '7')])
    outbox.respond(
      ...NAME,
      200,
      '',
      head,
      null,
      3,
      close | hasDate | large | notify | (coding * Coding.br),
      0xffff_ffff,
    )
  },
  'respond-empty': (outbox) => outbox.respond(...NAME, 204, '', NO_FIELDS, null, new Uint8Array(0), 0, 0),
  head: (outbox) => outbox.head(...NAME, 200, 'Fine', [fieldOf('x-a', 'b')], -1, Flag.coding * Coding.zstd),
  'head-declared': (outbox) => outbox.head(...NAME, 206, '', [], Number.MAX_SAFE_INTEGER, 0),
  'head-tunnel': (outbox) => outbox.head(...NAME, 101, '', [fieldOf('upgrade', 'raw')], -1, Flag.tunnel),
  informational: (outbox) => outbox.informational(...NAME, 103, [fieldOf('link', '</a>')]),
  chunk: (outbox) => outbox.chunk(...NAME, 'piece', Flag.notify | Flag.wantDrain, 7),
  'chunk-large': (outbox) => outbox.chunk(...NAME, 0, Flag.large | Flag.flush, 0),
  end: (outbox) => outbox.end(...NAME, [], 0, 0),
  'end-trailers': (outbox) => outbox.end(...NAME, [fieldOf('x-sum', '1')], Flag.notify, 8),
  credit: (outbox) => outbox.credit(...NAME, 65_536),
  reset: (outbox) => outbox.reset(...NAME, 0),
  file: (outbox) => {
    const { hasRoot, leaveOpen } = FileOption
    const range = [fieldOf('range', 'bytes=0-1')]
    outbox.file(...NAME, 0, '', [fieldOf('x-a', 'b')], 'grün.txt', '/srv', range, hasRoot | leaveOpen, Flag.notify, 9)
  },
  'file-handle': (outbox) => outbox.file(...NAME, 203, 'Fine', [], 2, '', [], 0, 0, 0),
  accept: (outbox) => {
    const fields = [fieldOf('x-a', 'b')]
    socket.writeAccept(outbox, ...NAME, 5, fields, 'dGhlIHNhbXBsZSBub25jZQ==', 'permessage-deflate')
  },
  send: (outbox) =>
    void socket.writeSend(outbox, ...SOCKET, 'grün', socket.MessageFlag.compress | Flag.wantDrain, 0, 4),
  'send-large': (outbox) => {
    const flags = socket.MessageFlag.binary | Flag.large | Flag.notify
    socket.writeSend(outbox, ...SOCKET, 1, flags, 1000, 4)
  },
  'send-part': (outbox) => {
    const { binary, part, more } = socket.MessageFlag
    socket.writeSend(outbox, ...SOCKET, Buffer.from('part'), binary | part | more, 0, 0)
  },
  'send-last': (outbox) => void socket.writeSend(outbox, ...SOCKET, '', socket.MessageFlag.part, 0, 0),
  ping: (outbox) => socket.writeControl(outbox, ...SOCKET, socket.Control.ping, 0, Buffer.from('beat')),
  pong: (outbox) => socket.writeControl(outbox, ...SOCKET, socket.Control.pong, 0, ''),
  close: (outbox) => socket.writeControl(outbox, ...SOCKET, socket.Control.close, 4000, 'müde'),
  terminate: (outbox) => socket.writeControl(outbox, ...SOCKET, socket.Control.terminate, 0, ''),
  pause: (outbox) => socket.writeControl(outbox, ...SOCKET, socket.Control.pause, 0, ''),
  resume: (outbox) => socket.writeControl(outbox, ...SOCKET, socket.Control.resume, 0, ''),
  overflow: (outbox) => socket.writeOverflow(outbox, ...SOCKET, socket.Overflow.latest, 65_536),
  subscribe: (outbox) => socket.writeTopic(outbox, ...SOCKET, true, 'news/Zürich'),
  unsubscribe: (outbox) => socket.writeTopic(outbox, ...SOCKET, false, 'news/+'),
  publish: (outbox) => {
    const { compress, except } = socket.MessageFlag
    socket.writePublish(outbox, 7, 'news/Zürich', 'rain', compress | except, ...SOCKET)
  },
  'publish-large': (outbox) => {
    socket.writePublish(outbox, 7, 'news', 2, socket.MessageFlag.binary | Flag.large, 0, 0)
  },
}

/** The bytes of one record; the padding, which nobody reads, as zeros. */
function write(record: (outbox: Outbox) => void, at = 0): Buffer {
  const over = (left: number): Buffer => {
    const outbox = new Outbox()
    outbox.bytes.fill(left)
    outbox.position = at
    record(outbox)
    return outbox.bytes.subarray(at, outbox.position)
  }
  // What an earlier batch has left shows through in the padding only.
  const [zeros, ones] = [over(0), over(0xff)]
  return Buffer.from(zeros.map((byte, index) => (byte === ones[index] ? byte : 0)))
}

if (process.env['UPDATE_GOLDEN'] !== undefined) {
  const lines = Object.entries(WRITTEN).map(([name, record]) => `${name} ${write(record).toString('hex')}\n`)
  writeFileSync(file('outbound'), lines.join(''))
}

for (const [name, bytes] of vectors('outbound')) {
  test(`writes ${name} as the core reads it`, (t) => {
    t.is(write(WRITTEN[name]).toString('hex'), bytes.toString('hex'))
    t.is(write(WRITTEN[name], 4000).toString('hex'), bytes.toString('hex'), 'wherever it is')
  })
}

test('every kind of record is in the vectors', (t) => {
  t.deepEqual([...vectors('outbound').keys()], Object.keys(WRITTEN))
})

test('text is written as UTF-8, whatever its length and letters', (t) => {
  for (const text of ['', 'a', 'é', '€', '\u{1f600}', '\ud800', '\udc00a', 'x'.repeat(127), 'x'.repeat(129)]) {
    for (const prefix of ['', 'x', 'xx', 'x'.repeat(126), 'x'.repeat(128), 'é'.repeat(1000)]) {
      const whole = prefix + text
      const expected = Buffer.from(whole)
      const outbox = new Outbox()
      t.is(outbox.chunk(...NAME, whole, 0, 0), expected.length)
      t.true(outbox.bytes.subarray(28, 28 + expected.length).equals(expected))
    }
  }
})
