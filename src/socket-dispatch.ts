import { Kind, type Inbox } from './inbound'
import type { NativeLane } from './binding'
import type { LoopScope } from './context'
import type { Lane } from './dispatch'
import { isPassedOn } from './outcome'
import type { Response } from './response'
import {
  closedCode,
  closedIsClean,
  closedReason,
  Control,
  drainedWaiting,
  droppedBytes,
  droppedMessages,
  heartbeatBytes,
  messageBytes,
  messageIndex,
  messageIsBinary,
  messageIsFirst,
  messageIsLarge,
  messageIsLast,
  messageText,
  openedExtensions,
  sentBytes,
  sentOutcome,
  sentToken,
  SocketEvent,
  socketEvent,
  SOCKET_RECORD_OVERHEAD,
  writeControl,
} from './socket-records'
import type { Kept, ServerWebSocket } from './websocket'
import { closedError } from './websocket-outgoing'
import type { MessagePart } from './websocket-route'
import { openedSocket } from './websocket-upgrade'
import { WebSockets } from './websockets'

type Socket = ServerWebSocket<unknown>

const MESSAGE = Kind.message

/**
 * The records of WebSockets, for a lane: finds the socket and calls its handlers. Methods that call handlers tell whether
 * one has left a promise, whose continuations want to run.
 */
export class SocketDispatch {
  private readonly inbox: Inbox
  private readonly lane: Lane
  private readonly native: NativeLane
  private readonly scope: LoopScope
  private readonly sockets = new WebSockets()

  constructor(lane: Lane, inbox: Inbox, native: NativeLane, scope: LoopScope) {
    this.lane = lane
    this.inbox = inbox
    this.native = native
    this.scope = scope
  }

  /** Takes a record of another kind than {@link message}. */
  event(kind: number, at: number): boolean {
    if (kind === MESSAGE) return this.message(at)
    const socket = this.sockets.find(this.inbox.connection(at), this.inbox.generation(at))
    if (socket === null) return false
    if (kind === Kind.closed) return this.closed(at, socket)
    if (kind === Kind.socket) return this.socketEvent(at, socket)
    if (kind !== Kind.sent) return false
    const { inbox } = this
    socket._outgoing?.settle(sentToken(inbox, at), sentOutcome(inbox, at), sentBytes(inbox, at))
    return true
  }

  /** A message, or a part of one: the way that has to be short. */
  message(at: number): boolean {
    const { inbox } = this
    const socket = this.sockets.find(inbox.connection(at), inbox.generation(at))
    if (socket === null) return false
    const isBinary = messageIsBinary(inbox, at)
    const isText = !isBinary && !socket._route._options.textAsBuffer
    const data = messageIsLarge(inbox, at)
      ? this.large(at, isText)
      : isText
        ? messageText(inbox, at)
        : messageBytes(inbox, at)
    const { message } = socket._route._handlers
    if (socket._kept !== null || message === null) return this.aside(at, socket, data)
    let result: unknown
    try {
      result = this.scope.watches ? message(socket, data, isBinary) : this.scope.root(message, socket, data, isBinary)
    } catch (error) {
      fail(socket, error)
      return false
    }
    return result !== undefined && follow(socket, result)
  }

  /** An exchange has become a WebSocket; null when that exchange is forgotten, because it was given up meanwhile. */
  opened(at: number, text: string, response: Response | null): boolean {
    const socket = response === null ? null : openedSocket(response, openedExtensions(this.inbox, at, text))
    if (socket === null) {
      const outbox = this.lane.reserve(SOCKET_RECORD_OVERHEAD)
      const { inbox } = this
      writeControl(outbox, inbox.connection(at), inbox.generation(at), Control.terminate, 0, '')
      return false
    }
    this.sockets.add(socket)
    const { open } = socket._route._handlers
    return open !== null && this.call(socket, () => open(socket, response!._request!))
  }

  /** Delivers what came while the socket was paused, later. */
  deliverKept(socket: Socket): void {
    process.nextTick(() => {
      while (socket._kept !== null && !socket.isPaused && !socket._isDeaf) {
        const first = socket._kept.shift()
        if (first === undefined) socket._kept = null
        else this.deliver(socket, first)
      }
    })
  }

  /** What is not for `message`, or not now. */
  private aside(at: number, socket: Socket, data: string | Buffer): boolean {
    if (socket._isDeaf) return false
    const kept: Kept = { data, part: partOf(this.inbox, at), code: 0, wasClean: false }
    if (socket._kept === null) return this.deliver(socket, kept)
    socket._kept.push(kept)
    return false
  }

  private deliver(socket: Socket, { data, part, code, wasClean }: Kept): boolean {
    const { _handlers: handlers } = socket._route
    const { close, message } = handlers
    if (part === null) return close !== null && this.call(socket, () => close(socket, code, data as string, wasClean))
    if (message !== null) return this.call(socket, () => message(socket, data, part.isBinary))
    return handlers.part !== null && this.call(socket, () => handlers.part!(socket, data, part))
  }

  private closed(at: number, socket: Socket): boolean {
    const { inbox } = this
    this.sockets.remove(socket)
    socket._ended(closedError())
    const end: Kept = {
      data: closedReason(inbox, at),
      part: null,
      code: closedCode(inbox, at),
      wasClean: closedIsClean(inbox, at),
    }
    const kept = socket._kept
    if (kept !== null && kept.length !== 0 && !socket._isDeaf) {
      kept.push(end)
    } else {
      socket._kept = null
      this.deliver(socket, end)
    }
    // Whoever waited for a write goes on.
    return true
  }

  private socketEvent(at: number, socket: Socket): boolean {
    if (socket._isDeaf) return false
    const { inbox } = this
    const { drain, dropped, ping, pong } = socket._route._handlers
    switch (socketEvent(inbox, at)) {
      case SocketEvent.drained:
        return socket._drained(drainedWaiting(inbox, at)) && drain !== null && this.call(socket, () => drain(socket))
      case SocketEvent.dropped: {
        const what = { messages: droppedMessages(inbox, at), bytes: droppedBytes(inbox, at) }
        return dropped !== null && this.call(socket, () => dropped(socket, what))
      }
      case SocketEvent.ping:
        return ping !== null && this.call(socket, () => ping(socket, heartbeatBytes(inbox, at)))
      case SocketEvent.pong:
        return pong !== null && this.call(socket, () => pong(socket, heartbeatBytes(inbox, at)))
      default:
        return false
    }
  }

  /** A message that did not fit into the batch. */
  private large(at: number, isText: boolean): string | Buffer {
    const bytes = this.native.takeChunk(messageIndex(this.inbox, at))
    return isText ? bytes.toString() : bytes
  }

  private call(socket: Socket, handler: () => unknown): boolean {
    let result: unknown
    try {
      result = this.scope.root(handler)
    } catch (error) {
      fail(socket, error)
      return false
    }
    return result !== undefined && follow(socket, result)
  }
}

/** What a handler has returned may be a promise, and that may fail. True when it is one. */
function follow(socket: Socket, result: unknown): boolean {
  let promise: Promise<unknown>
  try {
    if (typeof (result as PromiseLike<unknown> | null)?.then !== 'function') return false
    promise = Promise.resolve(result)
  } catch (error) {
    fail(socket, error)
    return false
  }
  promise.then(undefined, (error: unknown) => {
    // That the client has gone while something was written to it is nobody's news.
    if (!isPassedOn(error)) fail(socket, error)
  })
  return true
}

function fail(socket: Socket, error: unknown): void {
  socket._server.socketFailed(error, socket)
  socket._fail()
}

const PARTS = [false, true].flatMap((isBinary) =>
  [false, true].flatMap((isFirst) =>
    [false, true].map((isLast): MessagePart => Object.freeze({ isBinary, isFirst, isLast })),
  ),
)

function partOf(inbox: Inbox, at: number): MessagePart {
  const number =
    (messageIsBinary(inbox, at) ? 4 : 0) + (messageIsFirst(inbox, at) ? 2 : 0) + (messageIsLast(inbox, at) ? 1 : 0)
  return PARTS[number]!
}
