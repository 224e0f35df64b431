// An answer of unknown length: chunked in HTTP/1.1, ended by closing the connection in HTTP/1.0.
//
//   curl -i http://127.0.0.1:3000/
//   curl -i --http1.0 http://127.0.0.1:3000/

import { createHash } from 'node:crypto'
import { createServer } from 'millrace'

const server = createServer((request, response) => {
  // Before the answer, so that a browser can fetch the style sheet meanwhile.
  response.informational(103, { link: '</style.css>; rel=preload; as=style' })

  const hash = createHash('sha256')
  response.setHeader('content-type', 'text/plain')
  response.setHeader('trailer', 'digest')
  for (const word of ['one', 'two', 'three']) {
    const line = `${word}\n`
    hash.update(line)
    response.write(line)
  }
  response.trailers({ digest: `sha-256=${hash.digest('base64')}` })
  response.end()
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
