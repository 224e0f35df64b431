// An answer in one piece.
//
//   curl -i http://127.0.0.1:3000/
//   curl -i http://127.0.0.1:3000/teapot

import { createServer, Status } from 'millrace'

const server = createServer((request, response) => {
  if (request.path === '/teapot') {
    // Any status with any phrase will do, not only those that have a name.
    response.status = 418
    response.reason = 'Short And Stout'
    response.end()
    return
  }
  response.status = Status.OK
  response.setHeader('content-type', 'application/json')
  // The core adds Content-Length and Date.
  response.end(JSON.stringify({ hello: 'world' }))
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
