// The scenarios as `(request, response)` listeners of node:http.

import { Readable, pipeline } from 'node:stream'
import { gzip } from 'node:zlib'

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
  streamed,
} from './answers.mjs'
import { catalogue } from './catalogue.mjs'

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

  gzip(request, response) {
    response.setHeader('content-type', JSON_TYPE)
    response.setHeader('vary', 'accept-encoding')
    if (!request.headers['accept-encoding']?.includes('gzip')) return response.end(catalogue())
    gzip(catalogue(), (error, compressed) => {
      if (error) return response.destroy(error)
      response.setHeader('content-encoding', 'gzip')
      response.end(compressed)
    })
  },

  stream(_request, response) {
    response.setHeader('content-type', BINARY)
    // A client that goes away is its own affair: pipeline has ended the generator by then.
    pipeline(Readable.from(streamed()), response, () => {})
  },
}
