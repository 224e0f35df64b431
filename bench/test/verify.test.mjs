import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { parseAnswer, serialize, verify } from '../lib/verify.mjs'

const scenario = {
  proofs: [
    [
      { method: 'GET', path: '/', headers: {}, body: '' },
      { type: 'text/plain', body: 'Hello' },
    ],
  ],
}
const date = 'Date: Sat, 01 Feb 2025 00:00:00 GMT\r\n'

test('an answer is complete only with its last byte, with a length and in chunks', () => {
  for (const text of [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nHe\r\n3\r\nllo\r\n0\r\n\r\n',
  ]) {
    const bytes = Buffer.from(text)
    for (let end = 0; end < bytes.length; end++) assert.equal(parseAnswer(bytes.subarray(0, end)), undefined)
    const answer = parseAnswer(Buffer.concat([bytes, Buffer.from('HTTP/1.1')]))
    assert.equal(answer.body.toString(), 'Hello')
    assert.equal(answer.used, bytes.length)
  }
})

test('a request has a length exactly when it has a body', () => {
  const request = { method: 'POST', path: '/x', headers: { A: 'b' }, body: '' }
  assert.equal(serialize(request, 80).toString(), 'POST /x HTTP/1.1\r\nHost: 127.0.0.1:80\r\nA: b\r\n\r\n')
  assert.match(serialize({ ...request, filler: 3 }, 80).toString(), /Content-Length: 3\r\n\r\nxxx$/)
})

test('the right answer passes', async () => {
  await answering(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n${date}\r\nHello`, (port) =>
    verify(port, scenario),
  )
})

for (const [what, answer, complaint] of [
  [
    'another body',
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n${date}\r\nHullo`,
    /another body/,
  ],
  [
    'another type',
    `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nContent-Length: 5\r\n${date}\r\nHello`,
    /content-type/,
  ],
  ['another status', `HTTP/1.1 404 No\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n${date}\r\nHello`, /status/],
  ['no date', 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n\r\nHello', /date/],
  ['a header twice', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n${date}\r\nHello`, /twice/],
]) {
  test(`${what} does not pass`, async () => {
    await answering(answer, (port) => assert.rejects(verify(port, scenario), complaint))
  })
}

test('a compressed answer is held to what it decodes to', async () => {
  const expected = [scenario.proofs[0][0], { type: 'text/plain', body: 'Hello', coding: 'gzip' }]
  const packed = (text) => {
    const body = gzipSync(text)
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n`
    return Buffer.concat([Buffer.from(`${head}${date}\r\n`), body])
  }
  await answering(packed('Hello'), (port) => verify(port, { proofs: [expected] }))
  await answering(packed('Hullo'), (port) => assert.rejects(verify(port, { proofs: [expected] }), /another body/))
  await answering(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n${date}\r\nHello`, (port) =>
    assert.rejects(verify(port, { proofs: [expected] }), /content-encoding/),
  )
})

test('a status and fields of the scenario are asked for, and a 304 has no body', async () => {
  const expected = { status: '304 Not Modified', body: '', fields: { etag: /^"\w+"$/, vary: 'accept' } }
  const asked = { proofs: [[scenario.proofs[0][0], expected]] }
  const head = `HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n${date}`
  await answering(`${head}Vary: accept\r\n\r\n`, (port) => verify(port, asked))
  await answering(`${head}\r\n`, (port) => assert.rejects(verify(port, asked), /vary/))
  await answering(`${head.replace('"a"', 'a')}Vary: accept\r\n\r\n`, (port) =>
    assert.rejects(verify(port, asked), /etag/),
  )
})

test('an answer in many chunks is put together from where the last look ended', () => {
  const chunk = Buffer.from('4\r\nabcd\r\n')
  const bytes = Buffer.concat([
    Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
    ...Array(3).fill(chunk),
    Buffer.from('0\r\n\r\n'),
  ])
  const progress = {}
  let answer
  for (let end = 0; end <= bytes.length; end++) answer = parseAnswer(bytes.subarray(0, end), progress)
  assert.equal(answer.body.toString(), 'abcdabcdabcd')
  assert.equal(progress.chunks.length, 3)
})

async function answering(answer, ask) {
  const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.write(answer)))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await ask(server.address().port)
  } finally {
    server.close()
  }
}
