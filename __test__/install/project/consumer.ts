import { createServer, type Request, type Response, type ServerOptions } from 'millrace'
import WebSocket, { WebSocketServer, type RawData } from 'millrace/ws'

const options: ServerOptions = {
  handler: (request: Request, response: Response) => void response.end(request.path),
}
export const found: Promise<{ port: number }> = createServer(options).listen({ port: 0 })
// @ts-expect-error: an option that does not exist
createServer({ prot: 80 })

const wss = new WebSocketServer({ port: 0 })
wss.on('connection', (ws) => {
  ws.on('message', (data: RawData, isBinary: boolean) => ws.send(data, { binary: isBinary }))
  if (ws.readyState === WebSocket.OPEN) ws.close(1000)
})
