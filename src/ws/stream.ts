import { Duplex, type DuplexOptions } from 'node:stream'
import type { WebSocket } from './websocket'

/**
 * A WebSocket as a Duplex stream: what is read are its messages, what is written goes out as messages, binary unless
 * `decodeStrings` is false and a string is written. A slow reader slows the client down.
 *
 * @param options those of Duplex; with `readableObjectMode` text messages are strings, and no two messages are joined
 */
export function createWebSocketStream(websocket: WebSocket, options?: DuplexOptions): Duplex {
  // What went wrong has closed the connection already, and its Close frame shall arrive.
  let isFailed = false
  let finish: (() => void) | null = null

  const stream = new Duplex({
    ...options,
    objectMode: false,
    writableObjectMode: false,
    read() {
      if (websocket.isPaused) websocket.resume()
    },
    write(chunk: Buffer | string, _encoding, done) {
      websocket.send(chunk, done)
    },
    final(done) {
      if (websocket.readyState === websocket.CLOSED) return done()
      finish = done
      websocket.close()
    },
    destroy(error, done) {
      if (websocket.readyState === websocket.CLOSED) return done(error)
      websocket.once('close', () => done(error))
      if (!isFailed) websocket.terminate()
    },
  })
  const isText = stream.readableObjectMode

  websocket.on('message', (message, isBinary) => {
    if (!stream.push(isText && !isBinary ? String(message) : message)) websocket.pause()
  })
  websocket.once('error', (error) => {
    isFailed = true
    stream.destroy(error)
  })
  websocket.once('close', () => {
    finish?.()
    if (!stream.destroyed) stream.push(null)
  })
  return stream
}
