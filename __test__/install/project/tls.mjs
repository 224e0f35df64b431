import { get } from 'node:https'
import { createServer, selfSignedCertificate } from 'millrace'

const tls = selfSignedCertificate()
const server = createServer({ tls, handler: (request, response) => void response.end(request.tls.version) })
const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
get({ port, host: '127.0.0.1', ca: tls.cert, servername: 'localhost', agent: false }, (answer) => {
  answer.setEncoding('utf8').on('data', (text) => console.log(text))
  answer.on('end', () => server.close())
})
