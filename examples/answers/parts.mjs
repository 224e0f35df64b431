// An answer whose length is known and whose body comes in parts. Each part is sent at once, and the next one is made only
// when it has been handed to the operating system: a million of these in parallel need memory for one part each.
//
//   curl -i http://127.0.0.1:3000/

import { createServer } from 'millrace'

const LINES = 10

const server = createServer(async (request, response) => {
  const line = (number) => `line ${String(number).padStart(2, '0')}\n`
  response.setHeader('content-type', 'text/plain')
  // Writing more or less than was declared is an error, and closes the connection.
  response.setHeader('content-length', String(LINES * line(0).length))
  // The head alone.
  await response.flush()
  for (let number = 0; number < LINES; number++) {
    response.write(line(number))
    // Resolves when everything so far is with the operating system, rejects when it cannot get there any more.
    await response.flush()
  }
  response.end((error) => {
    // The same as a callback, told exactly once: null, or why the answer is not out.
    if (error) console.error(`${request.remoteAddress} did not get its answer: ${error.code}`)
  })
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
