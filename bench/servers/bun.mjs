/* global Bun */
import { HELLO, TEXT } from '../handlers/answers.mjs'
import { fetchHandlers } from '../handlers/fetch.mjs'
import { handlerOf, ready } from './scenario.mjs'

const closing = { headers: { 'content-type': TEXT, connection: 'close' } }
const handlers = {
  ...fetchHandlers,
  // It closes when it is asked to, but without saying so: a client is owed the word.
  churn: () => new Response(HELLO, closing),
}

const server = Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 120, fetch: handlerOf(handlers) })
ready(server.port)
