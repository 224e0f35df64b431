import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'

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
import { ROUTES, routed } from '../handlers/routes.mjs'
import { handlerOf, ready } from './scenario.mjs'

const app = new Hono()
const text = { 'content-type': TEXT }
const json = { 'content-type': JSON_TYPE }

const scenarios = {
  hello: () => app.get('/', (context) => context.body(HELLO, 200, text)),

  churn: () => scenarios.hello(),

  busy: () =>
    app.get('/', (context) => {
      busy()
      return context.body(HELLO, 200, text)
    }),

  json: () =>
    app.get('/items/:item', ({ req, body }) =>
      body(describe(req.path, req.header('user-agent'), req.header('x-request-id')), 200, json),
    ),

  post: () => app.post('/orders', async (context) => context.body(receipt(await context.req.json()), 200, json)),

  upload: () =>
    app.post('/upload', async (context) => {
      let bytes = 0
      for await (const chunk of context.req.raw.body) bytes += chunk.length
      return context.body(String(bytes), 200, text)
    }),

  download: () =>
    app.get('/download', (context) => {
      context.header('content-type', BINARY)
      context.header('content-length', String(DOWNLOAD_BYTES))
      return stream(context, async (output) => {
        for (let left = DOWNLOAD_PIECES; left > 0; left--) await output.write(PIECE)
      })
    }),

  routed() {
    for (const pattern of ROUTES) {
      app.get(pattern, ({ req, body }) => body(routed(req.param('id'), req.param('item')), 200, text))
    }
  },
}

handlerOf(scenarios)()
const options = { fetch: app.fetch, hostname: '127.0.0.1', port: 0, serverOptions: { keepAliveTimeout: 120_000 } }
serve(options, ({ port }) => ready(port))
