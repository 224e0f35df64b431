// Opens many connections, has one answer on each, and keeps them: `node hold.mjs <port> <count>`.
// Prints "held" once all are answered; ends when its input does. A connection that ends before is an error.

import { connect } from 'node:net'

const [port, count] = process.argv.slice(2).map(Number)
const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
const opening = 128

let opened = 0
let answered = 0

for (let at = 0; at < opening; at++) open()

function open() {
  if (opened === count) return
  opened++
  const socket = connect(port, '127.0.0.1')
  socket.on('connect', () => socket.write(request))
  socket.once('data', () => {
    answered++
    if (answered === count) console.log('held')
    else open()
  })
  socket.on('end', lost)
  socket.on('error', lost)
}

function lost(error) {
  console.error(`a connection was lost after ${answered} answers: ${error?.message ?? 'closed by the server'}`)
  process.exit(1)
}

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
