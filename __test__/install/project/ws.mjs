import { createRequire } from 'node:module'
import Class, { WebSocketServer } from 'millrace/ws'

const { WebSocket } = createRequire(import.meta.url)(process.env.WS)
const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
  const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
  client.onmessage = ({ data }) => {
    console.log(data)
    client.close()
  }
})
wss.on('connection', (ws) => {
  ws.send(`imported ${ws.readyState === Class.OPEN}`)
  ws.on('close', () => wss.close())
})
