// Never run: `npm run check` compiles it. Each `@ts-expect-error` is a mistake that the compiler has to find.

import {
  createServer,
  DECLINED,
  ServerWebSocket,
  webSocket,
  type MessageOptions,
  type MessagePart,
  type OutgoingMessage,
  type OverflowPolicy,
  type SendResult,
  type Upgraded,
  type WebSocketAccept,
  type WebSocketCompression,
  type WebSocketDefinition,
  type WebSocketLimits,
  type WebSocketMessage,
  type WebSocketRoute,
  type WebSocketTimeouts,
  type WriteError,
  type WriteOptions,
  type DroppedMessages,
} from '#dist/index'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => undefined

interface User {
  readonly name: string
}
declare function userOf(cookie: string | null): Promise<User | null>

const server = createServer({
  onError(_error, { socket }) {
    same<typeof socket, ServerWebSocket<unknown> | undefined>(true)
  },
})

// What `upgrade` attaches is known to the others, and so are the parameters of the pattern.
server.websocket('/rooms/:room', {
  async upgrade(request, response) {
    const user = await userOf(request.headers.get('cookie'))
    // @ts-expect-error the pattern has no such name
    void request.params.id
    if (user === null) return response.end('who are you?')
    return { data: { user, room: request.params.room }, headers: { 'x-room': request.params.room } }
  },
  open(socket, request) {
    same<typeof socket.data, { user: User; room: string }>(true)
    socket.subscribe(`rooms/${request.params.room}`)
    socket.data.room = 'other'
  },
  message(socket, message, isBinary) {
    same<typeof message, string | Buffer>(true)
    same<typeof isBinary, boolean>(true)
    socket.publish(`rooms/${socket.data.room}`, message)
    // @ts-expect-error nothing of that name was attached
    void socket.data.id
  },
  close(socket, code, reason, wasClean) {
    same<[typeof code, typeof reason, typeof wasClean], [number, string, boolean]>(true)
    void socket.data.user.name
  },
})

// Without `upgrade` nothing is attached.
server.websocket('/echo', {
  message(socket, message) {
    same<typeof socket.data, undefined>(true)
    const result = socket.send(message)
    same<typeof result, SendResult>(true)
  },
})

// What is sent, and how.
server.websocket('/all', {
  async open(socket) {
    same<typeof socket.readyState, 0 | 1 | 2 | 3>(true)
    void (socket.readyState === ServerWebSocket.OPEN)
    socket.send(new Uint8Array(1), { compress: false })
    socket.send(new ArrayBuffer(1), { binary: false })
    // @ts-expect-error a message is text or bytes
    socket.send({ a: 1 })
    // @ts-expect-error there is no such option
    socket.send('a', { fin: true })
    // @ts-expect-error only a write is fragmented
    socket.send('a', { fragment: 1 })
    const bytes: number = await socket.write('a', { fragment: 1024 })
    const message: OutgoingMessage = socket.stream({ binary: true })
    await message.write('a')
    same<number, typeof bytes>(true)
    await message.end()
    socket.cork((same_) => same_.send('a'))
    socket.setOverflow('latest', 1)
    // @ts-expect-error there is no such rule
    socket.setOverflow('newest', 1)
    // @ts-expect-error what the client has is not to be changed
    socket.protocol = 'other'
  },
  part(_socket, data, info) {
    same<typeof info, MessagePart>(true)
    same<typeof data, string | Buffer>(true)
  },
  dropped: (_socket, { messages, bytes }) => messages + bytes,
  drain: (socket) => socket.resume(),
  ping: (socket, data) => socket.send(data),
  pong: (socket, data) => socket.send(data),
  textAs: 'buffer',
  compression: { contextTakeover: { server: true }, level: 1 },
  overflow: 'dropOldest',
  limits: { backlog: Infinity },
  timeouts: { lifetime: 1 },
})

// As a value of `routes`, and with a type of its own.
const chat = webSocket<User>({
  upgrade: () => ({ data: { name: 'Anna' } }),
  message: (socket) => socket.send(socket.data.name),
})
createServer({
  routes: {
    '/chat': chat,
    'GET /chat/:id': { target: webSocket({ open: (_socket, request) => request.params.id }) },
    '/rooms/:room': webSocket({
      upgrade: ({ params }) => ({ data: params.room }),
      message(socket) {
        same<typeof socket.data, string>(true)
      },
      // @ts-expect-error the pattern has no such name
      open: (_socket, request) => request.params.id,
    }),
    '/declined': webSocket({ upgrade: () => DECLINED }),
  },
})
server.get('/chat', chat)
const forRoom: WebSocketRoute<'/rooms/:room'> = webSocket({ open: (_socket, { params }) => params.room })
server.get('/rooms/:room', forRoom)
// @ts-expect-error `/rooms/:id` has no `room`
server.get('/rooms/:id', forRoom)
// @ts-expect-error there is no such handler
server.websocket('/', { onmessage() {} })
// @ts-expect-error a subprotocol is a text
server.websocket('/', { upgrade: () => ({ protocol: 1 }) })

const delivered: boolean = server.publish('rooms/1', Buffer.from('x'), { compress: false })
const subscribers: number = server.subscriberCount('rooms/1')
void [delivered, subscribers]

const failed = (error: WriteError): number => error.bytesTransferred
void failed

const named: {
  accept: WebSocketAccept<User>
  upgraded: Upgraded<User>
  definition: WebSocketDefinition<User, '/rooms/:room'>
  options: [MessageOptions, WriteOptions, WebSocketCompression, WebSocketLimits, WebSocketTimeouts, OverflowPolicy]
  told: [DroppedMessages, WebSocketMessage]
} | null = null
void named
