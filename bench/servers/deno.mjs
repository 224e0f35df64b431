/* global Deno */
import process from 'node:process'

import { fetchHandlers } from '../handlers/fetch.mjs'
import { GREETING, SUBSCRIBE } from '../handlers/sockets.mjs'
import { handlerOf, ready, secured } from './scenario.mjs'

globalThis.process ??= process

const handlers = {
  ...fetchHandlers,

  'ws-echo': upgrading((socket) => {
    socket.onmessage = ({ data }) => socket.send(data)
  }),

  'ws-publish': upgrading((socket, path) => {
    if (path === SUBSCRIBE) {
      socket.onopen = () => {
        subscribers.add(socket)
        socket.send(GREETING)
      }
      socket.onclose = () => subscribers.delete(socket)
    } else {
      socket.onmessage = ({ data }) => {
        for (const one of subscribers) one.send(data)
      }
    }
  }),
}

const subscribers = new Set()

function upgrading(opening) {
  return (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request)
    socket.binaryType = 'arraybuffer'
    opening(socket, new URL(request.url).pathname)
    return response
  }
}

Deno.serve(
  { hostname: '127.0.0.1', port: 0, automaticCompression: true, onListen: ({ port }) => ready(port), ...secured?.pem },
  handlerOf(handlers),
)
