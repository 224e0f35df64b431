// A route for each thing a server does all day. Nothing here is special to an example: no framework, no setup.

import { fixed, staticFiles } from 'millrace'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

export const routes = {
  'GET /hello': hello,
  '/echo': echo,
  // It is counted, not kept, so it may be far larger than the 8 MiB that a body may have by default.
  '/upload': { target: upload, limits: { bodyBytes: 64 * GIB } },
  'GET /download': download,
  // These two are answered without JavaScript, also while a handler computes.
  'GET /health': fixed({ body: { status: 'ok' }, headers: { 'cache-control': 'no-store' } }),
  'GET /*path': staticFiles(new URL('public', import.meta.url), {
    headers: { 'content-security-policy': "default-src 'self'" },
  }),
}

function hello(request, response) {
  response.setHeader('content-type', 'text/plain')
  response.end('Hello, World!\n')
}

/** What arrived, as JSON. Handlers may be asynchronous; a request stays valid for as long as someone holds it. */
async function echo(request, response) {
  const body = await request.text()
  sendJson(response, {
    method: request.method,
    url: request.url,
    path: request.path,
    query: request.query,
    httpVersion: request.httpVersion,
    remoteAddress: request.remoteAddress,
    headers: Object.fromEntries(request.headers),
    body,
  })
}

/** Counts a body as it streams in. Memory stays where it is: the socket is read no faster than this loop runs. */
async function upload(request, response) {
  const start = performance.now()
  let bytes = 0
  let chunks = 0
  for await (const chunk of request) {
    bytes += chunk.byteLength
    chunks += 1
  }
  sendJson(response, { bytes, chunks, seconds: (performance.now() - start) / 1000 })
}

const piece = Buffer.alloc(64 * KIB, 'millrace ')

/**
 * Streams as many bytes as asked for, no faster than the client takes them: `write` returns false when enough is
 * waiting. A client that goes away ends the loop: `drain` rejects.
 */
async function download(request, response) {
  const asked = request.searchParams.get('bytes') ?? 16 * MIB
  const bytes = Number(asked)
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > 64 * GIB) {
    response.status = 400
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.end(`bytes must be a whole number from 0 to ${64 * GIB}, not ${asked}\n`)
    return
  }
  response.setHeader('content-type', 'application/octet-stream')
  response.setHeader('content-length', String(bytes))

  for (let left = bytes; left > 0; left -= piece.length) {
    const flowing = response.write(left >= piece.length ? piece : piece.subarray(0, left))
    if (!flowing) await response.drain()
  }
  response.end()
}

function sendJson(response, value) {
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(value, null, 2)}\n`)
}
