import { Abort, detach, inlineBody, Inbox, isEncoded, Kind, Outcome, ServerEvent } from './inbound'
import { Outbox } from './outbound'
import { binding, type NativeLane } from './binding'
import { Body, discarded } from './body'
import { LoopScope } from './context'
import { chainOn, follow } from './chain'
import type { Accepting } from './accepting'
import type { Compression } from './compression'
import { codedPlain } from './errors'
import { cut, fail, failWith, tell } from './exchange'
import type { Handler } from './handler'
import { shapeOf } from './params'
import type { Route } from './routes'
import { PendingExchanges } from './pending'
import { Request } from './request'
import { Response } from './response'
import { SocketDispatch } from './socket-dispatch'
import { initialState, plainState } from './state'
import type { Told } from './stream'
import { fileError } from './system'
import { TlsInfos } from './tls/info'
import { TopicCounts } from './topics'
import type { ServerWebSocket } from './websocket'
import { abortErrors, bodyAborted, writeError } from './outcome'

/** What a lane wants of a server. */
export interface ServerSink {
  /** What answers requests, by the number of their route; the first is for those that no route takes. */
  readonly routes: readonly Route[]
  /** Whether the first of them is the program's own. */
  readonly hasHandler: boolean
  /** Which handlers connections were accepted for; null unless connections are accepted by hand. */
  accepting: Accepting | null
  /** Null when the server does not compress. */
  readonly compression: Compression | null
  /** Bytes a response may have under way before `write` returns false. */
  readonly writeBuffer: number
  /** What the core calls it, while it listens. */
  id: number
  /** What its WebSockets have subscribed to. */
  readonly topics: TopicCounts
  handlerFailed(error: unknown, response: Response): void
  socketFailed(error: unknown, socket: ServerWebSocket<unknown>): void
  connectionFailed(text: string): void
  accepted(text: string): void
  /** A client has asked for a certificate of this name. */
  nameWanted(name: string): void
  /** An exchange has come to its end; on servers that want to know. */
  answered(text: string): void
  closed(): void
}

/**
 * A wake hands the thread back after so many milliseconds, so that timers and promises run beside a flood of requests:
 * below what a person notices, above what the hand-over costs.
 */
const TURN_BUDGET_MS = 5
/** Answers waiting for the end of a long batch go out after so many milliseconds. */
const SUBMIT_AFTER_MS = 0.5
/**
 * The clock is read after 1, 2, 4, … and then every so many records: often enough for slow handlers, seldom enough for
 * fast ones.
 */
const CLOCK_STRIDE = 32
/** How often exchanges still pending let go of the text of the batch they came in. */
const DETACH_EVERY_MS = 1000

const settled = Promise.resolve()

/** One JavaScript thread's connection with the core: takes batches in, calls handlers, and hands answers back. */
export class Lane {
  readonly inbox = new Inbox()
  readonly outbox = new Outbox()
  /** What its connections have agreed on. */
  readonly tls: TlsInfos
  private readonly native: NativeLane
  private readonly servers = new Map<number, ServerSink>()
  private readonly pending = new PendingExchanges()
  private readonly scope = new LoopScope()
  private readonly callbacks = new Map<number, { response: Response; told: Told }>()
  private readonly sockets: SocketDispatch
  private text = ''
  private at = 0
  private end = 0
  /** The loop is on the stack: what is written goes with its next turn. */
  private running = false
  /** A promise job, an immediate or a tick will hand over what is written. */
  private submitting = false
  private continuing = false
  /** The batch left handlers whose promises may go on before the next turn. */
  private leftPromises = false
  private count = 0
  private checkAt = 1
  private startedAt = 0
  private submittedAt = 0
  private detachedAt = 0
  private token = 0
  /** The record whose handler is running; 0 when none is. */
  private handled = 0
  private lastId = -1
  private lastServer: ServerSink | undefined
  private references = 0

  constructor() {
    const { Lane: Native } = binding()
    // Without a store of whoever happens to listen first.
    this.native = this.scope.root(() => new Native(this.inbox.bytes, this.outbox.bytes, () => this.wake()))
    this.native.unref()
    this.tls = new TlsInfos(this.native)
    this.sockets = new SocketDispatch(this, this.inbox, this.native, this.scope)
  }

  // For servers

  get core(): NativeLane {
    return this.native
  }

  attach(id: number, server: ServerSink): void {
    this.servers.set(id, server)
  }

  /** The thread is kept alive while at least one server asks for it. */
  ref(): void {
    if (this.references++ === 0) this.native.ref()
  }

  unref(): void {
    if (--this.references === 0) this.native.unref()
  }

  /** Exchanges that wait for their answer, or for the rest of their request. */
  get pendingCount(): number {
    return this.pending.size
  }

  // For responses

  /** The outbox with room for a record of so many bytes. */
  reserve(bytes: number): Outbox {
    const outbox = this.outbox
    if (outbox.room() < bytes) this.submit()
    if (outbox.room() < bytes) throw codedPlain('ERR_HEADERS_TOO_LARGE', `A record of ${bytes} bytes does not fit.`)
    return outbox
  }

  put(view: Uint8Array): number {
    return this.native.putChunk(view)
  }

  /** The index of a range of an open file, for a record written before the next submission. */
  putFile(descriptor: number, start: number, end: number): number {
    try {
      return this.native.putFile(descriptor, start, end).index
    } catch (error) {
      throw fileError(error)
    }
  }

  /** The request an exchange is about: known to it, or the one whose handler is running. */
  requestOf(response: Response): Request | null {
    if (response._request !== null) return response._request
    const { inbox, handled: at } = this
    if (at === 0 || inbox.requestSequence(at) !== response._sequence) return null
    if (inbox.requestConnection(at) !== response._connection) return null
    return inbox.requestGeneration(at) === response._generation ? new Request(inbox, at, this.text, response) : null
  }

  /** Something has been written outside the loop: it is handed over once, when the promises that are ready have run. */
  written(): void {
    if (this.running || this.submitting) return
    this.submitting = true
    process.nextTick(submitLater, this)
  }

  submitNow(): void {
    this.submit()
  }

  /** A token for a record whose outcome is to be told. */
  expect(response: Response, told: Told): number {
    do {
      this.token = (this.token + 1) >>> 0
    } while (this.token === 0 || this.callbacks.has(this.token))
    this.callbacks.set(this.token, { response, told })
    return this.token
  }

  /** A promise has been settled: what waits for it goes on before the next record, so that both are told in order. */
  pause(): void {
    if (!this.running || this.continuing) return
    this.continuing = true
    void settled.then(this.continueNow)
  }

  forget(response: Response): void {
    response._setPending(false)
    this.pending.remove(response)
  }

  // For WebSockets

  /** A socket that was paused goes on. */
  deliverKept(socket: ServerWebSocket<unknown>): void {
    this.sockets.deliverKept(socket)
  }

  /** @internal */
  _submitLater(): void {
    this.submitting = false
    if (!this.running) this.submit()
  }

  private submit(): void {
    const { position } = this.outbox
    if (position === 0) return
    this.outbox.position = 0
    this.native.submit(position)
  }

  // The loop

  /** Called by the core when records wait. */
  private wake(): void {
    if (this.running || this.continuing) return
    this.startedAt = this.submittedAt = performance.now()
    this.count = 0
    this.checkAt = 1
    if (this.pending.size !== 0 && this.startedAt - this.detachedAt > DETACH_EVERY_MS) this.detach()
    this.run()
  }

  private readonly continueLater = (): void => {
    this.continuing = false
    this.wake()
  }

  private readonly continueNow = (): void => {
    this.continuing = false
    this.run()
  }

  private run(): void {
    this.running = true
    try {
      this.scope.run(this.loop)
    } catch (error) {
      // The core takes this thread for awake until it has received nothing, so the loop must go on whatever happened.
      this.continuing = true
      setImmediate(this.continueLater)
      queueMicrotask(() => {
        throw error
      })
    } finally {
      this.running = false
    }
  }

  /** Returns true when it has to be called again in a fresh scope. */
  private readonly loop = (): boolean => {
    for (;;) {
      if (this.at >= this.end && !this.receive()) return false
      if (!this.records()) return !this.continuing
    }
  }

  /**
   * Submits what is written and receives the next batch. False when there is none, or when promises shall run first.
   */
  private receive(): boolean {
    if (this.leftPromises) {
      // Their answers then go with the turn, and a stream of batches cannot starve them.
      this.leftPromises = false
      this.continuing = true
      void settled.then(this.continueNow)
      return false
    }
    const { position } = this.outbox
    this.outbox.position = 0
    const text = this.native.turn(position)
    if (text === null) {
      this.text = ''
      return false
    }
    this.text = text
    this.at = this.inbox.first()
    this.end = this.inbox.end()
    return true
  }

  /** Runs the records of the batch. False when the loop has to be left before its end. */
  private records(): boolean {
    const { inbox, end, scope } = this
    while (this.at < end) {
      const at = this.at
      this.at = inbox.after(at)
      const kind = inbox.kind(at)
      if (kind === Kind.request) {
        this.request(at)
      } else if (kind >= Kind.opened) {
        this.socket(kind, at)
      } else {
        this.event(at)
      }
      const isDirty = scope.isDirty()
      if ((++this.count === this.checkAt && this.isTimeUp()) || isDirty || this.continuing) return false
    }
    return true
  }

  private request(at: number): void {
    const { inbox } = this
    this.handled = at
    const server = this.serverOf(inbox.requestServer(at))
    const route = server.routes[inbox.requestRoute(at)] ?? server.routes[0]!
    const response = new Response(
      this,
      server,
      server.compression === null
        ? plainState(inbox.requestIsHead(at))
        : initialState(inbox.requestIsHead(at), route.compress, inbox.requestCoding(at)),
      inbox.requestConnection(at),
      inbox.requestGeneration(at),
      inbox.requestSequence(at),
    )
    const request = new Request(inbox, at, this.text, response)
    if (inbox.requestHasBody(at)) {
      request._body = response._body = new Body(request, response, inbox, inlineBody(inbox, at))
    }
    if (!isEncoded(request) || request._decode(route.shape)) {
      this.ask(server.accepting === null ? route.chain : chainOn(server, route.chain, response), request, response)
    } else {
      fail(response, 400)
    }
    if (!response._isPlainlyDone()) this.keep(request, response)
    this.handled = 0
  }

  /** Asks the first handler; what it returns may be that it declines. */
  private ask(chain: readonly Handler[], request: Request, response: Response): void {
    const handler = chain[0]!
    let result: unknown
    try {
      result = this.scope.watches ? handler(request, response) : this.scope.root(handler, request, response)
    } catch (error) {
      response._request = request
      failWith(response, error)
    }
    if (result !== undefined && follow(result, chain, 0, request, response)) this.leftPromises = true
  }

  /** The answer, or the rest of the request, may come later. */
  private keep(request: Request, response: Response): void {
    response._request = request
    if (response._error !== null) request._abort(response._error)
    if (response._isOver()) return
    response._body?.keep()
    response._setPending(true)
    this.pending.add(response)
  }

  private serverOf(id: number): ServerSink {
    if (id === this.lastId) return this.lastServer!
    const server = this.servers.get(id)
    this.lastServer = server ?? nobody
    this.lastId = server === undefined ? -1 : id
    return this.lastServer
  }

  private event(at: number): void {
    const { inbox } = this
    const kind = inbox.kind(at)
    if (kind === Kind.written) return this.onWritten(inbox.writtenToken(at), inbox.writtenOutcome(at))
    if (kind === Kind.server) return this.onServer(at)
    const response = this.pending.find(inbox.connection(at), inbox.generation(at), inbox.sequence(at))
    if (response === null) return
    switch (kind) {
      case Kind.body:
        return this.onBody(at, response)
      case Kind.bodyEnd:
        response._body?.finish(inbox.trailers(at, this.text))
        break
      case Kind.abort:
        this.onAbort(inbox.abortReason(at), response)
        break
      case Kind.drain:
        response._drained(inbox.drainUnsent(at))
        break
    }
    this.leftPromises = true
    this.settle(response)
  }

  private socket(kind: number, at: number): void {
    if (kind === Kind.opened) this.opened(at)
    else if (this.sockets.event(kind, at)) this.leftPromises = true
  }

  private opened(at: number): void {
    const { inbox } = this
    const response = this.pending.find(inbox.connection(at), inbox.generation(at), inbox.sequence(at))
    if (response !== null) this.forget(response)
    if (this.sockets.opened(at, this.text, response)) this.leftPromises = true
  }

  private onBody(at: number, response: Response): void {
    const { inbox } = this
    const body = response._body
    if (body === null) return
    const chunk = inbox.bodyIsLarge(at) ? this.native.takeChunk(inbox.bodyIndex(at)) : inbox.bodyChunk(at)
    const complete = inbox.bodyIsComplete(at)
    if (complete) body.finishWith(chunk)
    else body.push(chunk)
    this.leftPromises = true
    this.settle(response)
  }

  private onAbort(reason: number, response: Response): void {
    if (reason === Abort.halfClosed) {
      // An answer may still reach the client, but nothing more comes from it.
      response._request?._abort(codedPlain('ERR_CLIENT_GONE', 'The client closed its side of the connection.'))
      response._body?.fail(bodyAborted())
    } else {
      const { error, bodyError } = abortErrors(reason)
      // After the answer, the core cuts only what is left of the request.
      cut(response, error, response.ended && !response._isTunnel() ? discarded() : bodyError)
    }
  }

  private onWritten(token: number, outcome: number): void {
    const entry = this.callbacks.get(token)
    if (entry === undefined) return
    this.callbacks.delete(token)
    tell(entry.response, entry.told, outcome === Outcome.done ? null : writeError(outcome))
    this.leftPromises = true
  }

  private onServer(at: number): void {
    const { inbox } = this
    const id = inbox.serverId(at)
    const server = this.servers.get(id)
    if (server === undefined) return
    if (inbox.serverEvent(at) === ServerEvent.connectionError) {
      server.connectionFailed(inbox.serverText(at, this.text))
    } else if (inbox.serverEvent(at) === ServerEvent.accepted) {
      server.accepted(inbox.serverText(at, this.text))
    } else if (inbox.serverEvent(at) === ServerEvent.nameWanted) {
      server.nameWanted(inbox.serverText(at, this.text))
    } else if (inbox.serverEvent(at) === ServerEvent.answered) {
      server.answered(inbox.serverText(at, this.text))
    } else if (inbox.serverEvent(at) === ServerEvent.closed) {
      this.servers.delete(id)
      this.lastId = -1
      server.closed()
    }
  }

  /** Forgets an exchange whose last record this was. */
  private settle(response: Response): void {
    if (response._isOver() && response._isPending()) this.forget(response)
  }

  private isTimeUp(): boolean {
    this.checkAt += Math.min(this.count, CLOCK_STRIDE)
    const now = performance.now()
    if (now - this.startedAt >= TURN_BUDGET_MS) {
      this.submit()
      this.continuing = true
      setImmediate(this.continueLater)
      return true
    }
    if (now - this.submittedAt >= SUBMIT_AFTER_MS) {
      this.submittedAt = now
      this.submit()
    }
    return false
  }

  /** Long-lived exchanges keep their own few hundred bytes of text, not those of all that arrived with them. */
  private detach(): void {
    this.detachedAt = this.startedAt
    this.pending.forEach(detachRequest)
  }
}

function submitLater(lane: Lane): void {
  lane._submitLater()
}

function detachRequest(response: Response): void {
  if (response._request !== null) detach(response._request)
}

/** Stands in for a server that has gone while a request to it was on its way. */
const nobody: ServerSink = {
  routes: [
    {
      pattern: null,
      chain: [(_request, response) => fail(response)],
      shape: shapeOf(''),
      compress: false,
      bodyBytes: 0,
      opensWebSockets: false,
    },
  ],
  hasHandler: true,
  accepting: null,
  compression: null,
  writeBuffer: 0,
  id: 0,
  topics: new TopicCounts(),
  handlerFailed() {},
  socketFailed() {},
  connectionFailed() {},
  accepted() {},
  nameWanted() {},
  answered() {},
  closed() {},
}

let threadLane: Lane | undefined

/** This thread's lane, made when first needed: each JavaScript thread has its own. */
export function lane(): Lane {
  return (threadLane ??= new Lane())
}
