// What is measured: the request, the answer every peer must give, the load, and which figures matter.

import {
  BINARY,
  DOWNLOAD_BYTES,
  DOWNLOAD_PIECES,
  HELLO,
  JSON_TYPE,
  PIECE,
  STREAM_BYTES,
  STREAM_PIECES,
  TEXT,
  describe,
  receipt,
} from '../handlers/answers.mjs'
import { catalogue } from '../handlers/catalogue.mjs'
import { MODIFIED, contentOf, fileNames } from '../handlers/files.mjs'
import { ROUTED, routed } from '../handlers/routes.mjs'

const get = (path, headers = {}) => ({ method: 'GET', path, headers, body: '' })
const hello = get('/')
const helloAnswer = { type: TEXT, body: HELLO }

// Exactly 1 KiB, so that a change of the order's shape is noticed.
const order = orderOf(7)

/**
 * `request` is what is sent, or `paths` in turn; `proofs` are requests with the answer each must get, several so that a
 * server that only knows one answer does not pass. `handlers` names another handler for some peers; `beside` a scenario
 * in which the subject is measured too, in the same rounds; `drained` bodies are taken by bench-drain instead of wrk;
 * `coded` ones have their size on the wire shown; so many connections as `stalled` says read nothing at the end.
 *
 * A `websocket` scenario says what bench-websocket is to do, which also verifies: it knows what must come back. `unit` is
 * what is counted where that is not requests. A scenario over `tls` is loaded by bench-tls, in the mode that says.
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
    proofs: [[get('/download'), { type: BINARY, body: repeated(PIECE, DOWNLOAD_PIECES) }]],
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
  fixed: {
    title: 'fixed: hello as a prepared answer of the core (the others: hello), 64 connections',
    handler: 'hello',
    handlers: { millrace: 'fixed' },
    connections: 64,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  routed: {
    title: 'routed: one of 500 routes with two parameters each, answered with both, 64 connections',
    handler: 'routed',
    beside: 'hello',
    connections: 64,
    request: get(ROUTED[0].path),
    paths: ROUTED.map(({ path }) => path),
    proofs: ROUTED.map(({ path, id, item }) => [get(path), { type: TEXT, body: routed(id, item) }]),
  },
  'file-10k': {
    title: 'file-10k: a file of 10 KiB, 64 connections',
    handler: 'files',
    connections: 64,
    ...file(fileNames['10k']),
  },
  'file-10m': {
    title: 'file-10m: a file of 10 MiB, 16 connections',
    handler: 'files',
    connections: 16,
    drained: true,
    ...file(fileNames['10m']),
  },
  gzip: {
    title: 'gzip: 20 KiB of JSON made for each request, compressed, 64 connections',
    handler: 'gzip',
    connections: 64,
    coded: true,
    request: get('/catalogue', { 'Accept-Encoding': 'gzip' }),
    proofs: [
      [get('/catalogue', { 'Accept-Encoding': 'gzip' }), { ...catalogued(), coding: 'gzip' }],
      [get('/catalogue'), { ...catalogued(), streamed: true }],
    ],
  },
  'stream-100m': {
    title: 'stream-100m: 100 MiB from an async generator of pieces of 64 KiB, 4 connections',
    handler: 'stream',
    connections: 4,
    drained: true,
    stalled: 16,
    bytesPerRequest: STREAM_BYTES,
    request: get('/stream'),
    proofs: [[get('/stream'), streamedAnswer()]],
  },
  'ws-echo': {
    title: 'ws-echo: a WebSocket message of 64 bytes sent back, 64 sockets with one in flight',
    handler: 'ws-echo',
    ...echoed({}),
  },
  'ws-echo-16': {
    title: 'ws-echo-16: a WebSocket message of 64 bytes sent back, 64 sockets with 16 in flight',
    handler: 'ws-echo',
    ...echoed({ window: 16 }),
  },
  'ws-echo-16k': {
    title: 'ws-echo-16k: a WebSocket message of 16 KiB sent back, 64 sockets with one in flight',
    handler: 'ws-echo',
    bytesPerRequest: 16 * 1024,
    ...echoed({ bytes: 16 * 1024 }),
  },
  'ws-publish': {
    title: 'ws-publish: 64 bytes published to 1,000 WebSockets, what they get counted, one publication in flight',
    handler: 'ws-publish',
    ...published({ window: 1 }),
  },
  'ws-publish-16': {
    title: 'ws-publish-16: 64 bytes published to 1,000 WebSockets, what they get counted, 16 publications in flight',
    handler: 'ws-publish',
    ...published({ window: 16 }),
  },
  'ws-deflate': {
    title:
      'ws-deflate: a WebSocket message of 1 KiB of text sent back, compressed both ways, 64 sockets, one in flight',
    handler: 'ws-deflate',
    coded: true,
    ...echoed({ bytes: 1024, kind: 'deflate' }),
  },
  'ws-idle': {
    title: 'ws-idle: resident memory of a WebSocket, 8,000 of them',
    handler: 'ws-echo',
    idleConnections: 8000,
    notForFloor: true,
    ...echoed({}),
  },
  'tls-hello': {
    title: 'tls-hello: hello over TLS 1.3, 64 keep-alive connections',
    handler: 'hello',
    tls: 'requests',
    connections: 64,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  'tls-handshakes': {
    title: 'tls-handshakes: full handshakes of TLS 1.3 with ECDSA on P-256, one answer on each, 64 at a time',
    handler: 'hello',
    tls: 'handshakes',
    unit: 'handshake',
    connections: 64,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
  'tls-file': {
    title: 'tls-file: a file of 10 MiB over TLS 1.3, 4 connections',
    handler: 'files',
    tls: 'requests',
    connections: 4,
    drained: true,
    ...file(fileNames['10m']),
  },
  'tls-idle': {
    title: 'tls-idle: resident memory of a keep-alive connection over TLS 1.3, 8,000 of them',
    handler: 'hello',
    tls: 'requests',
    connections: 64,
    idleConnections: 8000,
    request: hello,
    proofs: [[hello, helloAnswer]],
  },
}

function echoed({ bytes = 64, window = 1, kind = 'binary' }) {
  return { unit: 'msg', websocket: { load: 'echo', sockets: 64, bytes, window, kind } }
}

function published({ window }) {
  return { unit: 'msg', websocket: { load: 'publish', sockets: 1000, bytes: 64, window, kind: 'binary' } }
}

/** A file with what goes with one: validators, a range, an answer without it for a client that has it. */
function file(name) {
  const path = `/${name}`
  const content = contentOf(name)
  const modified = new Date(MODIFIED * 1000).toUTCString()
  const fields = { etag: /^(W\/)?"[^"]+"$/, 'last-modified': modified, 'accept-ranges': 'bytes' }
  const part = { 'content-range': `bytes 100-4999/${content.length}` }
  return {
    bytesPerRequest: content.length,
    request: get(path),
    proofs: [
      [get(path), { type: BINARY, body: content, fields }],
      [
        get(path, { Range: 'bytes=100-4999' }),
        { status: '206 Partial Content', type: BINARY, body: content.subarray(100, 5000), fields: part },
      ],
      [get(path, { 'If-Modified-Since': modified }), { status: '304 Not Modified', body: '' }],
    ],
  }
}

function catalogued() {
  return { type: JSON_TYPE, body: catalogue() }
}

/** Not all that memory before somebody asks for it. */
function streamedAnswer() {
  return {
    type: BINARY,
    streamed: true,
    get body() {
      return repeated(PIECE, STREAM_PIECES)
    },
  }
}

function repeated(piece, times) {
  return Buffer.concat(Array(times).fill(piece))
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
