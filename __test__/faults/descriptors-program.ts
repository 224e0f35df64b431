import { createServer, type CodedError } from '#dist/index'

// A server in a process that may open few descriptors. Says the port, and each error it is told.

const server = createServer({
  handler: (_request, response) => response.end('served'),
  onError: (error) => process.send!((error as CodedError).code),
})
void server.listen({ host: '127.0.0.1' }).then(({ port }) => process.send!(port))
