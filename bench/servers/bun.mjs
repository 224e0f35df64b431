/* global Bun */
import { HELLO, JSON_TYPE, TEXT } from '../handlers/answers.mjs'
import { catalogue } from '../handlers/catalogue.mjs'
import { fetchHandlers } from '../handlers/fetch.mjs'
import { handlerOf, ready } from './scenario.mjs'

const closing = { headers: { 'content-type': TEXT, connection: 'close' } }
const json = { headers: { 'content-type': JSON_TYPE, vary: 'accept-encoding' } }
const compressed = { headers: { ...json.headers, 'content-encoding': 'gzip' } }
const handlers = {
  ...fetchHandlers,
  // It closes when it is asked to, but without saying so: a client is owed the word.
  churn: () => new Response(HELLO, closing),

  gzip(request) {
    if (!request.headers.get('accept-encoding')?.includes('gzip')) return new Response(catalogue(), json)
    return new Response(Bun.gzipSync(catalogue()), compressed)
  },
}

const server = Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 120, fetch: handlerOf(handlers) })
ready(server.port)
