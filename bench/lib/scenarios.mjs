// What is measured: the request, the answer every peer must give, the load, and which figures matter.

import {
  BINARY,
  DOWNLOAD_BYTES,
  DOWNLOAD_PIECES,
  HELLO,
  JSON_TYPE,
  PIECE,
  TEXT,
  describe,
  receipt,
} from '../handlers/answers.mjs'

const get = (path, headers = {}) => ({ method: 'GET', path, headers, body: '' })
const hello = get('/')
const helloAnswer = { type: TEXT, body: HELLO }

// Exactly 1 KiB, so that a change of the order's shape is noticed.
const order = orderOf(7)

/**
 * `request` is what wrk sends; `proofs` are requests with the answer each must get, several so that a server that only
 * knows one answer does not pass. `shows` are the figures of the chart, the first one of throughput or its like.
 */
export const scenarios = {
  hello: {
    title: 'hello: 64 keep-alive connections',
    handler: 'hello',
    connections: 64,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  pipelined: {
    title: 'pipelined: hello, 16 requests a write, 64 connections',
    handler: 'hello',
    connections: 64,
    depth: 16,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  json: {
    title: 'json: reads the path and two headers, answers JSON',
    handler: 'json',
    connections: 64,
    request: described('/items/42', 'bench/1.0', '8f14e45f-ea1e'),
    proofs: [
      proofOfJson('/items/42', 'bench/1.0', '8f14e45f-ea1e'),
      proofOfJson('/items/spare-part_9', 'Mozilla/5.0 (X11; Linux x86_64)', '"quoted"'),
    ],
  },
  post: {
    title: 'post: 1 KiB of JSON parsed and answered',
    handler: 'post',
    connections: 64,
    request: posted(order),
    proofs: [order, orderOf(3), orderOf(1)].map((one) => [
      posted(one),
      { type: JSON_TYPE, body: receipt(JSON.parse(one)) },
    ]),
  },
  upload: {
    title: 'upload: 1 MiB counted as it streams in, 16 connections',
    handler: 'upload',
    connections: 16,
    bytesPerRequest: 1024 * 1024,
    request: uploaded(1024 * 1024),
    proofs: [1024 * 1024, 300_001].map((size) => [uploaded(size), { type: TEXT, body: String(size) }]),
  },
  download: {
    title: 'download: 1 MiB streamed in pieces of 64 KiB with backpressure, 16 connections',
    handler: 'download',
    connections: 16,
    bytesPerRequest: DOWNLOAD_BYTES,
    request: get('/download'),
    proofs: [[get('/download'), { type: BINARY, body: Buffer.concat(Array(DOWNLOAD_PIECES).fill(PIECE)) }]],
  },
  churn: {
    title: 'churn: hello, a new connection for every request, 64 at a time',
    handler: 'churn',
    connections: 64,
    closes: true,
    request: get('/', { Connection: 'close' }),
    proofs: [[get('/', { Connection: 'close' }), helloAnswer]],
  },
  busy: {
    title: 'busy: hello with 20 µs of synchronous work, 64 connections',
    handler: 'busy',
    connections: 64,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  'hello-unpinned': {
    title: 'hello, nothing pinned to a core: 64 keep-alive connections',
    handler: 'hello',
    connections: 64,
    unpinned: true,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  'busy-unpinned': {
    title: 'busy, nothing pinned to a core: hello with 20 µs of synchronous work, 64 connections',
    handler: 'busy',
    connections: 64,
    unpinned: true,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  latency: {
    title: 'latency: hello, one connection, one request at a time, nothing pinned to a core',
    handler: 'hello',
    connections: 1,
    unpinned: true,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  idle: {
    title: 'idle: resident memory of a keep-alive connection, 8,000 of them',
    handler: 'hello',
    connections: 64,
    idleConnections: 8000,
    notForFloor: true,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
}

function described(path, agent, id) {
  return get(`${path}?fields=all`, { 'User-Agent': agent, 'X-Request-Id': id, Accept: 'application/json' })
}

function proofOfJson(path, agent, id) {
  return [described(path, agent, id), { type: JSON_TYPE, body: describe(path, agent, id) }]
}

function posted(body) {
  return { method: 'POST', path: '/orders', headers: { 'Content-Type': JSON_TYPE }, body }
}

function uploaded(size) {
  return { method: 'POST', path: '/upload', headers: { 'Content-Type': BINARY }, filler: size, body: '' }
}

function orderOf(id) {
  const items = []
  for (let at = 0; at < 12; at++) {
    items.push({ sku: `part-${1000 + at * 37}`, name: `Widget number ${at}`, quantity: at + id, price: 199 + at * 50 })
  }
  const order = { id, customer: 'Ada Lovelace', note: '', items }
  order.note = 'x'.repeat(1024 - JSON.stringify(order).length)
  return JSON.stringify(order)
}
