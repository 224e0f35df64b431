import { createRequire } from 'node:module'

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
} from '../handlers/answers.mjs'
import { handlerOf, ready } from './scenario.mjs'

const { createServer } = createRequire(import.meta.url)('../../dist/index.js')

const scenarios = {
  hello(_request, response) {
    response.setHeader('content-type', TEXT)
    response.end(HELLO)
  },

  churn(request, response) {
    scenarios.hello(request, response)
  },

  busy(request, response) {
    busy()
    scenarios.hello(request, response)
  },

  json(request, response) {
    const { headers } = request
    response.setHeader('content-type', JSON_TYPE)
    response.end(describe(request.path, headers.get('user-agent'), headers.get('x-request-id')))
  },

  async post(request, response) {
    const order = await request.json()
    response.setHeader('content-type', JSON_TYPE)
    response.end(receipt(order))
  },

  upload(request, response) {
    let bytes = 0
    request.read(function count(chunk, error, size) {
      if (error) return
      bytes += size
      if (chunk) return request.read(count)
      response.setHeader('content-type', TEXT)
      response.end(String(bytes))
    })
  },

  async download(_request, response) {
    response.setHeader('content-type', BINARY)
    response.setHeader('content-length', String(DOWNLOAD_BYTES))
    for (let left = DOWNLOAD_PIECES; left > 1; left--) {
      if (!response.write(PIECE)) await response.drain()
    }
    response.end(PIECE)
  },
}

const server = createServer({ handler: handlerOf(scenarios) })
const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
ready(port)
