import { Flag } from './outbound'
import { codedPlain, type CodedError } from './errors'
import { Outcome } from './inbound'
import { passOn, writeError } from './outcome'
import { Queue } from './queue'
import { Control } from './socket-records'
import { deferred, handled, type Deferred } from './stream'
import type { SendResult, ServerWebSocket, WriteError } from './websocket'
import type { OutgoingMessage } from './websocket-message'

/**
 * What a WebSocket needs only once something was written whose outcome is awaited: who awaits which, and what waits for
 * its turn. Whole messages are written one at a time; what is sent behind one that waits, waits too, so that messages
 * keep their order.
 */
export class Outgoing {
  private readonly socket: ServerWebSocket<unknown>
  private readonly outcomes = new Map<number, Deferred<number>>()
  private readonly waiting = new Queue<Turn>()
  private bytes = 0
  private token = 0
  /** The whole message under way; 0 for none. */
  private underWay = 0
  private open: OutgoingMessage | null = null
  /** What sends the Close frame, once it waits. */
  private closing: Turn | null = null

  constructor(socket: ServerWebSocket<unknown>) {
    this.socket = socket
  }

  /** Whether something waits here, so that what comes now has to wait as well. */
  get isWaiting(): boolean {
    return this.waiting.length !== 0
  }

  /** Bytes of payloads that wait here. */
  get waitingBytes(): number {
    return this.bytes
  }

  write(data: string | Uint8Array, flags: number, fragment: number): Promise<number> {
    const { socket } = this
    if (socket._readyState !== OPEN) return handled(Promise.reject(closedError()))
    const done = deferred<number>()
    this.take({
      bytes: lengthOf(data),
      isReady: () => this.underWay === 0,
      go: () => {
        this.underWay = this.expect(done)
        socket._emit(data, flags | Flag.notify, fragment, this.underWay)
      },
      refuse: done.reject,
    })
    return done.promise
  }

  send(data: string | Uint8Array, flags: number): SendResult {
    const { socket } = this
    // The bytes are the program's again when `send` returns.
    const own = typeof data === 'string' ? data : Uint8Array.from(data)
    socket._tellDrained()
    this.take({
      bytes: lengthOf(own),
      isReady: always,
      go: () => socket._emit(own, flags, 0, 0),
      refuse: never,
    })
    return 'buffered'
  }

  close(code: number, reason: string): void {
    const { socket } = this
    this.closing = { bytes: 0, isReady: always, go: () => socket._control(Control.close, code, reason), refuse: never }
    this.take(this.closing)
    this.abandon()
  }

  /** The message begins when no other one is open, and all that was given before it is on its way. */
  begin(message: OutgoingMessage): void {
    this.take({
      bytes: 0,
      isReady: () => this.open === null,
      go: () => {
        this.open = message
        message._begin()
      },
      refuse: () => message._end(),
    })
  }

  /** The message that was open is complete. */
  complete(): void {
    this.open = null
    this.advance()
  }

  /** Hands over a part of the message that is open. */
  part(data: string | Uint8Array, flags: number, done: Deferred<number>): void {
    this.socket._emit(data, flags | Flag.notify, 0, this.expect(done))
  }

  /** The core tells what became of a message. */
  settle(token: number, outcome: number, bytes: number): void {
    const done = this.outcomes.get(token)
    if (done === undefined) return
    this.outcomes.delete(token)
    if (outcome === Outcome.done) done.resolve(bytes)
    else done.reject(outcomeError(outcome, bytes))
    if (token !== this.underWay) return
    this.underWay = 0
    this.advance()
  }

  /** The connection is gone. */
  fail(error: CodedError): void {
    for (const done of this.outcomes.values()) done.reject(withBytes(error, 0))
    this.outcomes.clear()
    for (let turn = this.next(); turn !== null; turn = this.next()) turn.refuse(withBytes(error, 0))
    this.open?._end()
    this.open = null
  }

  private take(turn: Turn): void {
    if (this.waiting.length === 0 && turn.isReady()) turn.go()
    else {
      this.waiting.push(turn)
      this.bytes += turn.bytes
    }
  }

  private advance(): void {
    while (this.waiting.peek()?.isReady() === true) this.next()!.go()
    this.abandon()
  }

  /** Nobody can end a message once the WebSocket closes: what waits behind one that is open is lost. */
  private abandon(): void {
    const { closing } = this
    if (closing === null || this.open === null || !this.isWaiting) return
    this.closing = null
    for (let turn = this.next(); turn !== null; turn = this.next()) if (turn !== closing) turn.refuse(closedError())
    closing.go()
  }

  private next(): Turn | null {
    const turn = this.waiting.shift()
    if (turn === undefined) return null
    this.bytes -= turn.bytes
    return turn
  }

  private expect(done: Deferred<number>): number {
    do {
      this.token = (this.token + 1) >>> 0
    } while (this.token === 0 || this.outcomes.has(this.token))
    this.outcomes.set(this.token, done)
    return this.token
  }
}

/** What waits. */
interface Turn {
  readonly bytes: number
  isReady(): boolean
  go(): void
  refuse(error: WriteError): void
}

export function closedError(): WriteError {
  const error = codedPlain('ERR_WEBSOCKET_CLOSED', 'The WebSocket is closed, or closes.')
  return passOn(withBytes(error, 0)) as WriteError
}

function outcomeError(outcome: number, bytes: number): WriteError {
  if (outcome === Outcome.dropped) {
    return withBytes(codedPlain('ERR_WEBSOCKET_DROPPED', 'The client is too slow, and the message was dropped.'), bytes)
  }
  const error =
    outcome === Outcome.notExecuted
      ? codedPlain('ERR_WEBSOCKET_CLOSED', 'The WebSocket was closed before the message was written.')
      : writeError(outcome)
  return passOn(withBytes(error, bytes)) as WriteError
}

function withBytes(error: CodedError, bytesTransferred: number): WriteError {
  return Object.assign(error, { bytesTransferred })
}

function lengthOf(data: string | Uint8Array): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : data.length
}

const OPEN = 1
const always = (): boolean => true
const never = (): void => undefined
