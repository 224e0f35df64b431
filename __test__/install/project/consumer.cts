import { createServer, type Request, type Response } from 'millrace'
import Class = require('millrace/ws')

createServer((request: Request, response: Response) => response.end(request.path))
// @ts-expect-error: an option that does not exist
createServer({ prot: 80 })
const wss: Class.Server = new Class.Server({ noServer: true })
wss.on('connection', (ws: Class) => ws.on('message', (data: Class.RawData) => data))
