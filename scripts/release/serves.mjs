// Run beside node_modules with the packed packages in it, by whatever Node.js is to be tried: answers one request.

import { get } from 'node:http'
import { createServer } from 'millrace'

const server = createServer((request, response) => response.end(`${request.method} ${request.path}`))
const { url } = await server.listen({ host: '127.0.0.1', port: 0 })
const text = await new Promise((resolve, reject) => {
  get(`${url}/served`, { agent: false }, (answer) => {
    let body = ''
    answer.setEncoding('utf8').on('data', (piece) => (body += piece))
    answer.on('end', () => resolve(body))
  }).on('error', reject)
})
await server.close()
console.log(`${process.version} on ${process.platform}-${process.arch}: ${text}`)
process.exitCode = text === 'GET /served' ? 0 : 1
