import { createRequire } from 'node:module'
import { createServer } from 'millrace'

const { WebSocket } = createRequire(import.meta.url)(process.env.WS)
const server = createServer()
server.websocket('/echo', { message: (socket, message) => void socket.send(message) })
const { url } = await server.listen({ host: '127.0.0.1', port: 0 })
const client = new WebSocket(`${url.replace('http', 'ws')}/echo`)
client.onopen = () => client.send('echoed')
client.onmessage = ({ data }) => {
  console.log(data)
  client.close()
}
client.onclose = () => server.close()
