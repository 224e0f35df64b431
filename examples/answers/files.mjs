// Files are sent by the core: conditional requests, ranges, content types, compressed neighbours. JavaScript only says
// which one.
//
//   curl -i http://127.0.0.1:3000/source
//   curl -i -H 'range: bytes=0-27' http://127.0.0.1:3000/source
//   curl -i http://127.0.0.1:3000/framed
//   curl -i http://127.0.0.1:3000/static/README.md

import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createServer, fileRange, staticFiles } from 'millrace'

const folder = fileURLToPath(new URL('.', import.meta.url))

const server = createServer()

// A folder, served without JavaScript. Nothing outside of it can be reached, and names with a dot are not there.
server.get('/static/*path', staticFiles(folder, { headers: { 'cache-control': 'max-age=60' } }))

// One file, chosen by the handler. With a root, a path from the client is safe.
server.get('/source', (request, response) => response.sendFile('files.mjs', { root: folder }))

// Buffers and a part of a file in one write, the file's part sent by the kernel.
server.get('/framed', async (request, response) => {
  const file = await open(new URL(import.meta.url))
  response.setHeader('content-type', 'text/plain')
  response.end(['--- begin ---\n', fileRange(file, { start: 0, end: 100 }), '\n--- end ---\n'])
  // The core has a descriptor of its own.
  await file.close()
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
