// The scenarios as `(request, response)` listeners of node:http.

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

export const node = {
  hello(_request, response) {
    response.setHeader('content-type', TEXT)
    response.end(HELLO)
  },

  churn(request, response) {
    node.hello(request, response)
  },

  busy(request, response) {
    busy()
    node.hello(request, response)
  },

  json(request, response) {
    const path = request.url.split('?', 1)[0]
    response.setHeader('content-type', JSON_TYPE)
    response.end(describe(path, request.headers['user-agent'], request.headers['x-request-id']))
  },

  post(request, response) {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      response.setHeader('content-type', JSON_TYPE)
      response.end(receipt(JSON.parse(Buffer.concat(chunks).toString())))
    })
  },

  upload(request, response) {
    let bytes = 0
    request.on('data', (chunk) => {
      bytes += chunk.length
    })
    request.on('end', () => {
      response.setHeader('content-type', TEXT)
      response.end(String(bytes))
    })
  },

  download(_request, response) {
    response.setHeader('content-type', BINARY)
    response.setHeader('content-length', DOWNLOAD_BYTES)
    let left = DOWNLOAD_PIECES
    const more = () => {
      while (left > 1) {
        left--
        if (!response.write(PIECE)) return response.once('drain', more)
      }
      response.end(PIECE)
    }
    more()
  },
}
