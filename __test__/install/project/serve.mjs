import { createServer } from 'millrace'

const server = createServer((request, response) => response.end(`imported ${request.path}`))
const { url } = await server.listen({ host: '127.0.0.1', port: 0 })
const answer = await fetch(`${url}/packed`, { headers: { connection: 'close' } })
console.log(await answer.text())
await server.close()
