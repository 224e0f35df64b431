// Routes are matched by the core: a handler finds its parameters decoded, and what no route takes costs no JavaScript.
//
//   curl -i http://127.0.0.1:3000/users/ann/posts/42
//   curl -i -X DELETE http://127.0.0.1:3000/users/ann/posts/42
//   curl -i http://127.0.0.1:3000/admin
//   curl -i -H 'authorization: open sesame' http://127.0.0.1:3000/admin
//   curl -i --data-binary @package.json http://127.0.0.1:3000/notes

import { createServer, DECLINED, Status } from 'millrace'

const server = createServer()

server.get('/users/:user/posts/:post', (request, response) => {
  const { user, post } = request.params
  response.end(`post ${post} of ${user}\n`)
})

// A chain: a handler that declines leaves the request to the next one; when none accepts, the client gets 501.
server.get('/admin', [askForPassword, (request, response) => response.end('welcome\n')])

function askForPassword(request, response) {
  if (request.headers.get('authorization') === 'open sesame') return DECLINED
  response.status = Status.UNAUTHORIZED
  response.setHeader('www-authenticate', 'Secret')
  response.end()
}

// Limits and timeouts of this route alone: a longer body is answered with 413 before the handler runs.
server.post(
  '/notes',
  async (request, response) => {
    const note = await request.text()
    response.end(`${note.length} letters\n`)
  },
  { limits: { bodyBytes: 1000 }, timeouts: { handler: 5000 } },
)

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
