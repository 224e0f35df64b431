import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'

import { node } from '../handlers/node.mjs'
import { handlerOf, ready, secured } from './scenario.mjs'

// Longer than any scenario: an idle connection that node:http closes after its five seconds would cost nothing.
const options = { keepAliveTimeout: 120_000, ...secured?.pem }
const server = (secured ? createSecureServer : createServer)(options, handlerOf(node))
server.listen(0, '127.0.0.1', () => ready(server.address().port))
