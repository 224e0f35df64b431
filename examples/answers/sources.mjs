// Anything that gives bytes can be the body. It is read no faster than the client takes it, and told to stop when the
// client goes away.
//
//   curl http://127.0.0.1:3000/generator
//   curl http://127.0.0.1:3000/stream
//   curl http://127.0.0.1:3000/blob
//   curl http://127.0.0.1:3000/handle

import { open } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'millrace'

const sources = {
  async *'/generator'() {
    for (let count = 1; count <= 3; count++) {
      yield `${count}\n`
      await sleep(10)
    }
  },
  '/stream': () => createReadStream(import.meta.filename ?? new URL(import.meta.url).pathname),
  '/blob': () => new Blob(['A blob knows its type.\n'], { type: 'text/plain' }),
  '/handle': () => open(new URL(import.meta.url)),
}

const server = createServer(async (request, response) => {
  const source = sources[request.path]
  if (source === undefined) {
    response.status = 404
    response.end('Try /generator, /stream, /blob or /handle.\n')
    return
  }
  const body = await source()
  await response.send(body)
  await body.close?.()
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
