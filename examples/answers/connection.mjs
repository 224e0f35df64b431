// The connection under a request: it can be kept longer than the handler runs, and be read and written by callbacks.
//
//   curl -i --data-binary @README.md http://127.0.0.1:3000/

import { createServer } from 'millrace'

const server = createServer((request, response) => {
  const { connection } = request
  response.setHeader('content-type', request.headers.get('content-type') ?? 'application/octet-stream')

  // A piece of the request's body for each call, until there is none.
  connection.read(function echo(chunk, error, size) {
    if (error) return console.error(`${connection.remoteAddress}:${connection.remotePort} failed: ${error.code}`)
    if (chunk === null) return response.end()
    connection.write([chunk], (failed) => {
      if (failed) return console.error(`not written: ${connection.error.code}`)
      console.log(`${size} bytes echoed; ${connection.bytesRead} read and ${connection.bytesWritten} written in all`)
      connection.read(echo)
    })
  })
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
