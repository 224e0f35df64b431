import { once } from 'node:events'
import { WebSocket } from 'ws'

/** A client that has been accepted, and its messages one by one. */
export async function openSocket(
  url: string,
  authorization?: string,
): Promise<{ socket: WebSocket; next: () => Promise<string> }> {
  const headers = authorization === undefined ? {} : { authorization }
  const socket = new WebSocket(url.replace('http', 'ws'), { headers })
  const messages: string[] = []
  const waiting: Array<(message: string) => void> = []
  socket.on('message', (data: Buffer) => {
    const asked = waiting.shift()
    if (asked === undefined) messages.push(String(data))
    else asked(String(data))
  })
  await once(socket, 'open')
  const next = (): Promise<string> => {
    const message = messages.shift()
    return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message)
  }
  return { socket, next }
}
