// Five routes, one for each thing a server does all day. Nothing here is special to an example: no framework, no setup.

import { readFileSync } from 'node:fs'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

const routes = {
  '/hello': hello,
  '/echo': echo,
  '/upload': upload,
  '/download': download,
}

const assets = {
  '/': asset('index.html', 'text/html; charset=utf-8'),
  '/icon.svg': asset('icon.svg', 'image/svg+xml'),
  '/page.css': asset('page.css', 'text/css; charset=utf-8'),
  '/page.js': asset('page.js', 'text/javascript; charset=utf-8'),
}

export function handler(request, response) {
  const route = routes[request.path]
  if (route) return route(request, response)
  if (assets[request.path]) return sendAsset(assets[request.path], request, response)
  sendText(response, 404, `There is nothing at ${request.path}\n`)
}

function hello(request, response) {
  response.setHeader('content-type', 'text/plain')
  response.end('Hello, World!\n')
}

/** What arrived, as JSON. Handlers may be asynchronous; a request stays valid for as long as someone holds it. */
async function echo(request, response) {
  const body = await request.text()
  sendJson(response, 200, {
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
  sendJson(response, 200, { bytes, chunks, seconds: (performance.now() - start) / 1000 })
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
    return sendText(response, 400, `bytes must be a whole number from 0 to ${64 * GIB}, not ${asked}\n`)
  }
  response.setHeader('content-type', 'application/octet-stream')
  response.setHeader('content-length', String(bytes))

  for (let left = bytes; left > 0; left -= piece.length) {
    const flowing = response.write(left >= piece.length ? piece : piece.subarray(0, left))
    if (!flowing) await response.drain()
  }
  response.end()
}

function asset(name, type) {
  return { type, bytes: readFileSync(new URL(`public/${name}`, import.meta.url)) }
}

function sendAsset({ type, bytes }, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return sendText(response, 405, `${request.path} can only be read\n`)
  }
  response.setHeader('content-type', type)
  response.setHeader('content-security-policy', "default-src 'self'")
  response.end(bytes)
}

function sendText(response, status, text) {
  response.status = status
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(text)
}

function sendJson(response, status, value) {
  response.status = status
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(value, null, 2)}\n`)
}
