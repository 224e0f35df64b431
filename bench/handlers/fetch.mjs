// The scenarios as fetch handlers, `Request` to `Response`: Bun.serve and Deno.serve.

import {
  BINARY,
  DOWNLOAD_BYTES,
  DOWNLOAD_PIECES,
  HELLO,
  JSON_TYPE,
  PIECE,
  TEXT,
  busy,
  describe,
  receipt,
} from './answers.mjs'
import { catalogue } from './catalogue.mjs'

const text = { headers: { 'content-type': TEXT } }
const json = { headers: { 'content-type': JSON_TYPE } }
const binary = { headers: { 'content-type': BINARY, 'content-length': String(DOWNLOAD_BYTES) } }

export const fetchHandlers = {
  hello: () => new Response(HELLO, text),

  churn: () => new Response(HELLO, text),

  busy() {
    busy()
    return new Response(HELLO, text)
  },

  json(request) {
    const { headers, url } = request
    // The path without the cost of a URL object, as Hono and others find it.
    const start = url.indexOf('/', url.indexOf(':') + 4)
    const end = url.indexOf('?', start)
    const path = end < 0 ? url.slice(start) : url.slice(start, end)
    return new Response(describe(path, headers.get('user-agent'), headers.get('x-request-id')), json)
  },

  async post(request) {
    return new Response(receipt(await request.json()), json)
  },

  async upload(request) {
    let bytes = 0
    for await (const chunk of request.body) bytes += chunk.length
    return new Response(String(bytes), text)
  },

  download: () => new Response(pieces(), binary),

  // Deno compresses such an answer by itself.
  gzip: () => new Response(catalogue(), json),
}

/** The download as a web stream; what it enqueues is never detached, for it is not a byte stream. */
export function pieces() {
  let left = DOWNLOAD_PIECES
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(PIECE)
      if (--left === 0) controller.close()
    },
  })
}
