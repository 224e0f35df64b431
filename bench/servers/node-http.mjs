import { createServer } from 'node:http'

import { node } from '../handlers/node.mjs'
import { handlerOf, ready } from './scenario.mjs'

// Longer than any scenario: an idle connection that node:http closes after its five seconds would cost nothing.
const server = createServer({ keepAliveTimeout: 120_000 }, handlerOf(node))
server.listen(0, '127.0.0.1', () => ready(server.address().port))
