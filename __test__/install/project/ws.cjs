const Class = require('millrace/ws')

const { WebSocket } = require(process.env.WS)
const wss = new Class.WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
  const client = new WebSocket(`ws://127.0.0.1:${wss.address().port}`)
  client.onmessage = ({ data }) => {
    console.log(data)
    client.close()
  }
})
wss.on('connection', (ws) => {
  ws.send(`required ${ws.readyState === Class.OPEN}`)
  ws.on('close', () => wss.close())
})
