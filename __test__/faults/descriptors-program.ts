import { createServer, type CodedError } from '#dist/index'

// A server in a process that may open few descriptors. Says the port, each error it is told, and its figures when asked.

const server = createServer({
  handler: (_request, response) => response.end('served'),
  limits: { reservedDescriptors: 32 },
  onError: (error) => process.send!({ error: (error as CodedError).code }),
})
process.on('message', () => process.send!({ stats: server.stats() }))
void server.listen({ host: '127.0.0.1' }).then(({ port }) => process.send!({ port }))
