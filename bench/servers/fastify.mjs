import { Readable } from 'node:stream'

import compress from '@fastify/compress'
import files from '@fastify/static'
import fastify from 'fastify'

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
import { catalogue } from '../handlers/catalogue.mjs'
import { FILES } from '../handlers/files.mjs'
import { ROUTES, routed } from '../handlers/routes.mjs'
import { handlerOf, ready } from './scenario.mjs'

const app = fastify({ keepAliveTimeout: 120_000, bodyLimit: 8 * 1024 * 1024 })

const scenarios = {
  hello: () => app.get('/', (_request, reply) => reply.header('content-type', TEXT).send(HELLO)),

  churn: () => scenarios.hello(),

  busy: () =>
    app.get('/', (_request, reply) => {
      busy()
      reply.header('content-type', TEXT).send(HELLO)
    }),

  json: () =>
    app.get('/items/:item', (request, reply) => {
      const path = request.url.split('?', 1)[0]
      const { 'user-agent': agent, 'x-request-id': id } = request.headers
      answerJson(reply, describe(path, agent, id))
    }),

  post: () => app.post('/orders', (request, reply) => answerJson(reply, receipt(request.body))),

  upload() {
    app.addContentTypeParser(BINARY, (_request, payload, done) => done(null, payload))
    app.post('/upload', async (request, reply) => {
      let bytes = 0
      for await (const chunk of request.body) bytes += chunk.length
      return reply.header('content-type', TEXT).send(String(bytes))
    })
  },

  download: () =>
    app.get('/download', (_request, reply) => {
      let left = DOWNLOAD_PIECES
      const stream = new Readable({
        highWaterMark: PIECE.length,
        read() {
          this.push(left-- > 0 ? PIECE : null)
        },
      })
      reply.header('content-type', BINARY).header('content-length', DOWNLOAD_BYTES).send(stream)
    }),

  routed() {
    for (const pattern of ROUTES) {
      app.get(pattern, ({ params }, reply) => reply.header('content-type', TEXT).send(routed(params.id, params.item)))
    }
  },

  files: () => app.register(files, { root: FILES }),

  async gzip() {
    await app.register(compress)
    app.get('/catalogue', (_request, reply) => answerJson(reply, catalogue()))
  },
}

// Ready text, and the bare media type the other peers send.
function answerJson(reply, text) {
  reply.header('content-type', JSON_TYPE).serializer(asItIs).send(text)
}

function asItIs(text) {
  return text
}

await handlerOf(scenarios)()
await app.listen({ host: '127.0.0.1', port: 0 })
ready(app.server.address().port)
