// Opens connections, asks for a path on each, and reads nothing: `node stall.mjs <port> <count> <path>`.
// Prints "stalled" once every server side had a second to fill what it fills; ends when its input does.

import { connect } from 'node:net'

const [port, count] = process.argv.slice(2, 4).map(Number)
const path = process.argv[4]
const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`

let opened = 0
for (let at = 0; at < count; at++) {
  const socket = connect({ port, host: '127.0.0.1' })
  // Without a listener for data nothing is read.
  socket.on('connect', () => {
    socket.write(request)
    if (++opened === count) setTimeout(() => console.log('stalled'), 1000)
  })
  socket.on('error', (error) => {
    console.error(`a connection was lost: ${error.message}`)
    process.exit(1)
  })
}

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
