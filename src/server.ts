import { Accepting } from './accepting'
import { addressOf, bind, describe, hostsOf, type ServerAddress } from './address'
import { answerInfo, type AnswerHandler } from './answer-info'
import type { NativeAddress, NativeListenOptions, NativeTlsContext } from './binding'
import { lane, type Lane, type ServerSink } from './dispatch'
import { Companions, type Companion } from './companions'
import { coded, codedRange, show } from './errors'
import { fail } from './exchange'
import { chainOf, type Handler } from './handler'
import type { ListenOptions, ResolvedOptions, RouteOptions, ServerOptions } from './options'
import { connectionError, report } from './report'
import type { Request } from './request'
import { nativeOptions, resolveOptions, resolvePlace } from './resolve'
import { group, refuseMore, type Rules } from './rules'
import type { Response } from './response'
import { Routes, type Method, type RouteTarget } from './routes'
import { NO_STATS, statsOf, type ServerStats } from './stats'
import { ServerTls } from './tls/server-tls'
import { publish } from './publish'
import { TopicCounts } from './topics'
import type { MessageOptions, WebSocketMessage } from './websocket'
import { webSocket, type WebSocketDefinition } from './websocket-route'

/**
 * Makes a server; it does nothing before `listen`.
 *
 * @param options options, or just the handler
 * @throws ERR_INVALID_OPTION naming the option, its value and what is allowed; ERR_ROUTE_CONFLICT, ERR_ROUTE_INVALID
 */
export function createServer<const RouteKeys extends string = string>(
  options?: ServerOptions<RouteKeys> | Handler,
): Server {
  refuseMore('createServer()', arguments, 1, 'a handler is the option `handler`')
  return new Server(resolveOptions(options as ServerOptions | Handler | undefined))
}

/** An HTTP server. A listening server keeps the process alive; after `close` it exits by itself. */
export class Server implements AsyncDisposable {
  /** The options in force: what was given, with every default filled in. Frozen. */
  readonly options: ResolvedOptions
  /** Its certificates, and how to renew them; null when it does not speak TLS. */
  readonly tls: ServerTls | null
  private readonly routes: Routes
  private readonly accepting = new Accepting()
  private readonly sink: ServerSink
  private lane: Lane | null = null
  private where: ServerAddress | null = null
  private opening: { promise: Promise<ServerAddress>; place: string } | null = null
  private closing: { promise: Promise<void>; resolve: () => void } | null = null
  private acceptsByHand = false
  private referenced = true
  private companions: Companions | null = null
  private sharesPort = false
  private observer: AnswerHandler | null = null
  private handlerErrors = 0
  private lastStats = NO_STATS

  /** @internal */
  constructor(options: ResolvedOptions) {
    const { handler, compression, limits } = options
    this.options = options
    const failed = (error: unknown): void => report(options.onError, error, { server: this })
    this.tls = options.tls === null ? null : new ServerTls(options.tls, failed)
    const unrouted = handler === undefined ? NO_HANDLER : chainOf('handler', handler)
    this.routes = new Routes(unrouted, options)
    this.routes.addAll(options.routes)
    this.sink = {
      routes: this.routes.list,
      hasHandler: handler !== undefined,
      accepting: null,
      compression,
      writeBuffer: limits.writeBuffer,
      id: -1,
      topics: new TopicCounts(),
      handlerFailed: (error, response) => {
        this.handlerErrors++
        const request = response._request
        report(options.onError, error, { server: this, response, ...(request === null ? {} : { request }) })
      },
      socketFailed: (error, socket) => {
        this.handlerErrors++
        report(options.onError, error, { server: this, socket })
      },
      connectionFailed: (text) => this.connectionFailed(text),
      accepted: (text) => this.accepting.accepted(text),
      answered: (text) => this.answered(text),
      nameWanted: (name) => this.tls?._nameWanted(name),
      closed: () => this.closed(),
    }
  }

  /** Whether connections are accepted. */
  get listening(): boolean {
    return this.where !== null
  }

  /** Where the server listens, or null when it does not. */
  get address(): ServerAddress | null {
    return this.where
  }

  /**
   * Adds a route, before `listen` or while the server listens: requests are matched in the core, and what no route takes
   * goes to the option `handler`. A path that only other methods have is answered 405 with `Allow`; HEAD goes to the
   * route of GET, and OPTIONS is answered, unless they have routes of their own.
   *
   * @param methods one, a list, or `'*'` for all for which the pattern has no other route
   * @param pattern a path of literal text, `:name` for a segment (also in the middle of one, as `/:name.json`), and
   * `*name` at its end for all that is left, slashes included. Literal text goes before parameters, those before a
   * wildcard.
   * @param target a handler, a list that is asked in turn, `fixed(…)` or `staticFiles(…)`
   * @param options limits, timeouts and compression of this route alone
   * @throws ERR_ROUTE_CONFLICT when a route takes the same paths; ERR_ROUTE_INVALID; ERR_INVALID_OPTION
   */
  route<const Pattern extends string>(
    methods: Method | readonly Method[],
    pattern: Pattern,
    target: RouteTarget<NoInfer<Pattern>>,
    options?: RouteOptions,
  ): this {
    this.routes.add(methods, pattern, target, options)
    return this
  }

  /** {@link route} for GET, and HEAD. */
  get<const Pattern extends string>(
    pattern: Pattern,
    target: RouteTarget<NoInfer<Pattern>>,
    options?: RouteOptions,
  ): this {
    return this.route('GET', pattern, target, options)
  }

  /** {@link route} for POST. */
  post<const Pattern extends string>(
    pattern: Pattern,
    target: RouteTarget<NoInfer<Pattern>>,
    options?: RouteOptions,
  ): this {
    return this.route('POST', pattern, target, options)
  }

  /** {@link route} for PUT. */
  put<const Pattern extends string>(
    pattern: Pattern,
    target: RouteTarget<NoInfer<Pattern>>,
    options?: RouteOptions,
  ): this {
    return this.route('PUT', pattern, target, options)
  }

  /** {@link route} for PATCH. */
  patch<const Pattern extends string>(
    pattern: Pattern,
    target: RouteTarget<NoInfer<Pattern>>,
    options?: RouteOptions,
  ): this {
    return this.route('PATCH', pattern, target, options)
  }

  /** {@link route} for DELETE. */
  delete<const Pattern extends string>(
    pattern: Pattern,
    target: RouteTarget<NoInfer<Pattern>>,
    options?: RouteOptions,
  ): this {
    return this.route('DELETE', pattern, target, options)
  }

  /** {@link route} for every method for which the pattern has no other route. */
  all<const Pattern extends string>(
    pattern: Pattern,
    target: RouteTarget<NoInfer<Pattern>>,
    options?: RouteOptions,
  ): this {
    return this.route('*', pattern, target, options)
  }

  /**
   * Adds a route by which clients open WebSockets (RFC 6455), for GET; also while the server listens. The same as
   * {@link route} with {@link webSocket}.
   *
   * @param pattern as for {@link route}
   * @param definition handlers and options
   * @throws ERR_INVALID_OPTION; ERR_ROUTE_CONFLICT; ERR_ROUTE_INVALID
   */
  websocket<const Pattern extends string, Data = undefined>(
    pattern: Pattern,
    definition: WebSocketDefinition<Data, NoInfer<Pattern>>,
  ): this {
    refuseMore('websocket()', arguments, 2, 'handlers and options are in the definition')
    this.routes.add('GET', pattern, webSocket(definition), undefined)
    return this
  }

  /**
   * Sends a message to all WebSockets of this server that have subscribed to a topic, of whichever route. The core does
   * it: it is encoded, and compressed, once for all of them. Each socket gets it in order with what else is sent to it.
   *
   * @param topic text of levels with `/` between; without wildcards, which only subscriptions can have
   * @returns false when nobody can get it: nobody has subscribed to anything, or the server does not listen
   * @throws ERR_INVALID_ARGUMENT; ERR_INVALID_CHUNK; ERR_INVALID_OPTION
   */
  publish(topic: string, message: WebSocketMessage, options?: MessageOptions): boolean {
    return publish(this.lane ?? lane(), this.sink, topic, message, options, null, this.sink.id >= 0)
  }

  /**
   * How many WebSockets have subscribed to exactly this topic. Subscriptions with wildcards are counted under their own
   * text: those of `'rooms/+'` by `subscriberCount('rooms/+')`.
   */
  subscriberCount(topic: string): number {
    return this.sink.topics.of(topic)
  }

  /**
   * Begins to listen, and resolves once connections are accepted. Calling it again while listening gives the same
   * address; after `close` the server can listen again.
   *
   * @param place a port, or host and port, or the path of a Unix domain socket, and `accept`; the rest comes from the
   * options
   * @throws (rejects with) the system's code: EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND, …; ERR_ALREADY_LISTENING
   * when it listens elsewhere; an ERR_TLS_… code when certificates or keys cannot be used, with the file and the reason
   */
  async listen(place?: ListenOptions | number): Promise<ServerAddress> {
    refuseMore('listen()', arguments, 1, 'write listen({ port, host }), and wait for its promise')
    const wanted = resolvePlace(place, this.options)
    const key = JSON.stringify([wanted.host, wanted.port, wanted.path])
    if (this.opening !== null) {
      if (place === undefined || this.opening.place === key || this.isHere(wanted)) return this.opening.promise
      throw coded(
        'ERR_ALREADY_LISTENING',
        `This server listens already${this.where === null ? '' : ` on ${describe(this.where)}`}. Close it first, or make another one.`,
      )
    }
    const promise = this.open(wanted)
    this.opening = { promise, place: key }
    try {
      return await promise
    } catch (error) {
      this.opening = null
      throw error
    }
  }

  /**
   * Stops accepting, closes idle connections, tells the others `Connection: close` with their answers, and resolves
   * when the last request has ended and its client has closed too, for which it is given `timeouts.linger`: closing
   * earlier could cost it the answer. Resolves at once when the server does not listen. Calling it again can shorten the
   * time.
   *
   * @param options `timeout`: milliseconds after which requests still going on are cut. Default: none, all may end.
   */
  async close(options: { timeout?: number | undefined } = {}): Promise<void> {
    const { timeout } = group('', options, CLOSE_RULES) as typeof options
    if (timeout !== undefined && (typeof timeout !== 'number' || !(timeout >= 0))) {
      throw codedRange(
        'ERR_INVALID_OPTION',
        `The option timeout has to be a number of milliseconds, 0 or more, but it is ${show(timeout)}.`,
      )
    }
    this.tls?._end()
    // A server about to listen is closed once it does.
    if (this.where === null && this.opening !== null) {
      await this.opening.promise.catch(() => undefined)
    }
    if (this.closing === null) {
      if (this.where === null) return
      this.where = null
      this.opening = null
      this.accepting.close()
      let resolve!: () => void
      const promise = new Promise<void>((resolvePromise) => {
        resolve = resolvePromise
      })
      this.closing = { promise, resolve }
    }
    const { promise } = this.closing
    const limit = timeout === undefined || timeout === Infinity ? -1 : Math.min(Math.ceil(timeout), 2 ** 31 - 1)
    this.lane!.core.close(this.sink.id, limit)
    await promise
  }

  /** For `await using`: {@link close} without a timeout. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * Whether there are descriptors for one request more: the next connection's own, and those that its handler is assumed
   * to open. Asks the system, so that it costs a few microseconds.
   *
   * @param assumedDescriptorsPerRequest default 5
   */
  shouldAcceptRequest(assumedDescriptorsPerRequest = 5): boolean {
    if (!Number.isInteger(assumedDescriptorsPerRequest) || assumedDescriptorsPerRequest < 0) {
      throw codedRange(
        'ERR_INVALID_ARGUMENT',
        `The number of descriptors has to be a whole number, 0 or more, but it is ${show(assumedDescriptorsPerRequest)}.`,
      )
    }
    const { open, limit } = (this.lane ?? lane()).core.descriptors()
    return open + assumedDescriptorsPerRequest < limit
  }

  /**
   * Accepts one connection, of a server that listens with `accept: 'manual'`; resolves when it has come. All of its
   * requests that no route takes go to `handler`. Several calls may wait at once.
   *
   * @param handler instead of the option `handler`; a list is asked in turn
   * @throws (rejects with) ERR_NOT_ACCEPTING when the server does not listen so; ERR_SERVER_CLOSED when it is closed
   * first
   */
  acceptRequest(handler?: Handler | readonly Handler[]): Promise<void> {
    let chain: readonly Handler[] | null
    try {
      chain = handler === undefined ? null : chainOf('handler', handler)
      this.checkAccepting()
    } catch (error) {
      return Promise.reject(error)
    }
    const accepted = this.accepting.wait(chain)
    this.lane!.core.acceptMore(this.sink.id, 1)
    return accepted
  }

  /** Lets a listening server keep the process alive, as it does from the start. */
  ref(): this {
    this.setReferenced(true)
    return this
  }

  /** Lets the process exit although the server listens. */
  unref(): this {
    this.setReferenced(false)
    return this
  }

  /**
   * Figures since the server began to listen: connections, requests, queue depth, bytes, errors by kind. After `close`
   * the last ones; all zero before the first `listen`. A snapshot: it does not change any more.
   */
  stats(): ServerStats {
    const native = this.sink.id < 0 ? null : this.lane!.core.stats(this.sink.id)
    return native === null ? this.lastStats : statsOf(native, this.handlerErrors)
  }

  /**
   * @internal Has requests that ask for a WebSocket taken by others, before all routes but those for WebSockets are asked.
   * Gives what undoes it.
   */
  _attach(companion: Companion): () => void {
    if (this.companions === null) {
      this.companions = new Companions()
      this.routes.askFirst(this.companions.handler)
      if (this.opening !== null && !this.sink.hasHandler) this.routes.takeRest()
    }
    return this.companions.add(companion)
  }

  /** @internal Listens as with `reusePort`, whatever its options say. */
  _sharePort(): void {
    this.sharesPort = true
  }

  /** @internal Has somebody told of answers besides the option `onAnswer`, from the next `listen` on. */
  _observe(observer: AnswerHandler): void {
    this.observer = observer
  }

  private async open(place: ListenOptions): Promise<ServerAddress> {
    const ended = this.tls?._begin()
    // Listening again waits for the end of a close that is going on.
    if (this.closing !== null) await this.closing.promise
    const hosts = await hostsOf(place)
    this.lane ??= lane()
    const { core } = this.lane
    const pullAccept = place.accept === 'manual'
    const { tls } = this
    const own = {
      ...(this.companions === null ? {} : { notFoundInCore: false }),
      ...(this.sharesPort ? { reusePort: true } : {}),
      ...(this.observer === null ? {} : { reportAnswers: true }),
      ...tls?._native,
    }
    const options = { ...nativeOptions(this.options, pullAccept), ...own, port: place.port ?? 0, path: place.path }
    const start = (context: NativeTlsContext | null): NativeAddress =>
      bind(hosts, place, (host) => core.listen({ ...options, host } as NativeListenOptions, this.routes.table, context))
    const native = tls === null ? start(null) : await tls._listen(this.lane, ended!, start)
    this.sink.id = native.id
    this.handlerErrors = 0
    this.acceptsByHand = pullAccept
    this.sink.accepting = pullAccept ? this.accepting : null
    this.lane.attach(native.id, this.sink)
    if (this.referenced) this.lane.ref()
    this.where = addressOf(native, tls !== null)
    this.companions?.listening()
    return this.where
  }

  private checkAccepting(): void {
    if (this.where !== null && this.acceptsByHand) return
    const why = this.where === null ? 'does not listen' : 'accepts connections by itself'
    throw coded('ERR_NOT_ACCEPTING', `This server ${why}: acceptRequest() wants listen({ accept: 'manual' }).`)
  }

  private isHere(wanted: ListenOptions): boolean {
    const { where } = this
    if (where === null) return false
    if (wanted.path !== undefined) return wanted.path === where.path
    return (wanted.host === undefined || wanted.host === where.address) && wanted.port === where.port
  }

  private setReferenced(referenced: boolean): void {
    if (this.referenced === referenced) return
    this.referenced = referenced
    if (this.where === null && this.closing === null) return
    if (referenced) this.lane!.ref()
    else this.lane!.unref()
  }

  private closed(): void {
    this.lastStats = this.stats()
    this.lane!.core.forget(this.sink.id)
    this.tls?._detach()
    this.sink.id = -1
    if (this.referenced) this.lane!.unref()
    // `where` and `opening` belong to a `listen` that waits for this end, if there is one; `close` has cleared its own.
    this.closing?.resolve()
    this.closing = null
  }

  private answered(text: string): void {
    const { onAnswer, onError } = this.options
    const answer = answerInfo(text)
    this.observer?.(answer)
    if (onAnswer === undefined) return
    const failed = (error: unknown): void => report(onError, error, { server: this })
    try {
      const result = onAnswer(answer)
      if (typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function') {
        ;(result as PromiseLike<unknown>).then(undefined, failed)
      }
    } catch (error) {
      failed(error)
    }
  }

  private connectionFailed(text: string): void {
    const { onError } = this.options
    const error = connectionError(text)
    // What a client does wrong is nobody's news unless asked for; what goes wrong here always is.
    if (onError === undefined && /^ERR_(?:HTTP_|TLS_HANDSHAKE)/.test(error.code)) return
    report(onError, error, { server: this })
  }
}

const CLOSE_RULES = { timeout: { kind: 'other', initial: undefined } } as const satisfies Rules

/** The answer when no route takes a request and there is no handler. */
const NO_HANDLER = chainOf('handler', (_request: Request, response: Response) => fail(response, 404))
