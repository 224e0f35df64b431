import { coded } from './errors'
import { MessageFlag } from './socket-records'
import { deferred, handled, type Deferred } from './stream'
import { bytesOf, flagsOf, type MessageOptions, type ServerWebSocket, type WebSocketMessage } from './websocket'
import { closedError } from './websocket-outgoing'

/** How far it is. */
const Stage = { idle: 0, waiting: 1, begun: 2, over: 3 } as const

/**
 * A message that is written in parts, for `ServerWebSocket.stream`: each part is a frame, and the client gets the message
 * when it has ended. It has to be ended, as everything else that is sent waits for that; closing the WebSocket ends it
 * without its end.
 */
export class OutgoingMessage {
  private readonly socket: ServerWebSocket<unknown>
  private readonly options: MessageOptions | undefined
  private readonly waiting: Part[] = []
  private stage: number = Stage.idle
  private isEnded = false
  private flags = -1
  /** The first half of a character whose second half may come with the next part. */
  private half = ''

  /** @internal */
  constructor(socket: ServerWebSocket<unknown>, options: MessageOptions | undefined) {
    this.socket = socket
    this.options = options
  }

  /**
   * Writes a part: a string, as UTF-8, or bytes, which must not be changed until the promise has settled. Parts need not
   * be waited for; waiting keeps what is written from piling up.
   *
   * @returns a promise for the bytes handed to the operating system, which rejects as that of `ServerWebSocket.write`
   * @throws ERR_WRITE_AFTER_END; ERR_INVALID_CHUNK
   */
  write(chunk: WebSocketMessage): Promise<number> {
    return this.part(chunk, MessageFlag.part | MessageFlag.more)
  }

  /** Ends the message, with a last part when given. As {@link write}. */
  end(chunk: WebSocketMessage = ''): Promise<number> {
    const promise = this.part(chunk, MessageFlag.part)
    this.isEnded = true
    return promise
  }

  /** @internal It is this message's turn. */
  _begin(): void {
    this.stage = Stage.begun
    for (const part of this.waiting.splice(0)) this.hand(part)
  }

  /** @internal The WebSocket is gone. */
  _end(): void {
    this.stage = Stage.over
    for (const { done } of this.waiting.splice(0)) done.reject(closedError())
  }

  private part(chunk: WebSocketMessage, flags: number): Promise<number> {
    if (this.isEnded) throw coded('ERR_WRITE_AFTER_END', 'The message was written to after its end.')
    const isLast = (flags & MessageFlag.more) === 0
    const given = typeof chunk === 'string' ? chunk : bytesOf(chunk)
    const { socket } = this
    // An end without a chunk has no say in what kind of message it is.
    if (this.flags < 0) this.flags = flagsOf(given, this.options)
    const data = typeof given === 'string' ? this.whole(given, isLast) : given
    if (this.stage === Stage.over || socket._readyState !== OPEN) return handled(Promise.reject(closedError()))
    const done = deferred<number>()
    this.waiting.push({ data, flags: this.flags | flags, done })
    if (this.stage === Stage.begun) this._begin()
    else if (this.stage === Stage.idle) {
      this.stage = Stage.waiting
      socket._out().begin(this)
    }
    return done.promise
  }

  private hand({ data, flags, done }: Part): void {
    const outgoing = this.socket._out()
    outgoing.part(data, flags, done)
    if ((flags & MessageFlag.more) === 0) {
      this.stage = Stage.over
      outgoing.complete()
    }
  }

  /** A character outside the basic plane takes two units of a string, and may be cut in the middle. */
  private whole(text: string, isLast: boolean): string {
    const joined = this.half + text
    const isCut = !isLast && HIGH_HALF.test(joined)
    this.half = isCut ? joined.slice(-1) : ''
    return isCut ? joined.slice(0, -1) : joined
  }
}

interface Part {
  readonly data: string | Uint8Array
  readonly flags: number
  readonly done: Deferred<number>
}

const OPEN = 1
const HIGH_HALF = /[\uD800-\uDBFF]$/
