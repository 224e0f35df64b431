// Answers are compressed by the core, on threads of their own, with the coding the client likes best.
//
//   curl -i --compressed http://127.0.0.1:3000/
//   curl -i --compressed -N http://127.0.0.1:3000/ticks
//   echo '{"a":1}' | gzip | curl -i -H 'content-encoding: gzip' --data-binary @- http://127.0.0.1:3000/echo

import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'millrace'

const server = createServer({ compression: true })

const list = JSON.stringify(Array.from({ length: 500 }, (_, id) => ({ id, name: `item ${id}` })))

server.get('/', (request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(list)
})

// A stream is compressed as it goes; a flush makes what was written so far readable for the client.
server.get('/ticks', async (request, response) => {
  response.setHeader('content-type', 'text/plain')
  for (let tick = 0; tick < 5; tick++) {
    response.write(`tick ${tick}\n`)
    await response.flush()
    await sleep(20)
  }
  response.end()
})

// A compressed request, decoded under limits: a bomb is answered with 413.
server.post('/echo', async (request, response) => {
  const value = await request.decode({ maxBytes: 1_000_000 }).json()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(value))
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
