/* global Bun */
import { fetchHandlers } from '../handlers/fetch.mjs'
import { handlerOf, ready } from './scenario.mjs'

const server = Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 120, fetch: handlerOf(fetchHandlers) })
ready(server.port)
