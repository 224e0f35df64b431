/* global Deno */
import process from 'node:process'

import { fetchHandlers } from '../handlers/fetch.mjs'
import { handlerOf, ready } from './scenario.mjs'

globalThis.process ??= process
Deno.serve(
  { hostname: '127.0.0.1', port: 0, automaticCompression: true, onListen: ({ port }) => ready(port) },
  handlerOf(fetchHandlers),
)
