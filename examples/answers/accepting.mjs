// Connections taken one by one, while there are descriptors for what a request needs. By itself a server accepts all,
// and stops in time before descriptors run out.
//
//   curl -i http://127.0.0.1:3000/

import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'millrace'

const server = createServer()
const { url } = await server.listen({
  host: '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
  accept: 'manual',
})
console.log(url)

for (;;) {
  // Five descriptors for each request: say so when yours need more.
  if (server.shouldAcceptRequest(5)) {
    await server.acceptRequest((request, response) => response.end(`you are ${request.remoteAddress}\n`))
  } else {
    await sleep(500)
  }
}
