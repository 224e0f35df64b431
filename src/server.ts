import { lookup } from 'node:dns/promises'
import { isIP, isIPv6 } from 'node:net'
import type { NativeAddress, NativeListenOptions } from './binding'
import { lane, type Lane, type ServerSink } from './dispatch'
import { coded, codedRange, show } from './errors'
import { NO_STATS, statsOf, type ServerStats } from './stats'
import { systemCode, systemError } from './system'
import type { ListenOptions, ResolvedOptions, ServerOptions } from './options'
import { nativeOptions, resolveOptions, resolvePlace } from './resolve'
import type { Request } from './request'
import type { Response } from './response'

/**
 * Answers a request, at once or later: `response` can be used after the handler has returned. Throwing, or rejecting,
 * answers 500 when nothing was sent and closes the connection otherwise; either way the error goes to `onError` once
 * and the client learns nothing of it. Letting an error pass that tells of the client's fault, as ERR_BODY_JSON does,
 * answers its status instead of 500 and is not reported: see docs/errors.md.
 */
export type Handler = (request: Request, response: Response) => unknown

/** Told of errors: see `ServerOptions.onError`. What it throws itself is printed and has no other effect. */
export type ErrorHandler = (error: unknown, context: ErrorContext) => unknown

/** Where an error came from. */
export interface ErrorContext {
  /** The server it happened on. */
  readonly server: Server
  /** The request that was being handled; undefined for an error of a connection. */
  readonly request?: Request
  /** Its response. */
  readonly response?: Response
}

/** Where a server listens. */
export interface ServerAddress {
  /** The IP address; for a Unix domain socket its path. */
  readonly address: string
  /** The port; 0 for a Unix domain socket. */
  readonly port: number
  readonly family: 'IPv4' | 'IPv6' | 'unix'
  /** What a client on this machine can open; undefined for a Unix domain socket. */
  readonly url?: string
  /** The path of a Unix domain socket. */
  readonly path?: string
}

/**
 * Makes a server; it does nothing before `listen`.
 *
 * @param options options, or just the handler
 * @throws ERR_INVALID_OPTION naming the option, its value and what is allowed
 */
export function createServer(options?: ServerOptions | Handler): Server {
  return new Server(resolveOptions(options, notFound))
}

/** An HTTP server. A listening server keeps the process alive; after `close` it exits by itself. */
export class Server implements AsyncDisposable {
  /** The options in force: what was given, with every default filled in. Frozen. */
  readonly options: ResolvedOptions
  private readonly sink: ServerSink
  private lane: Lane | null = null
  private id = -1
  private where: ServerAddress | null = null
  private opening: { promise: Promise<ServerAddress>; place: string } | null = null
  private closing: { promise: Promise<void>; resolve: () => void } | null = null
  private referenced = true
  private handlerErrors = 0
  private lastStats = NO_STATS

  /** @internal */
  constructor(options: ResolvedOptions) {
    this.options = options
    this.sink = {
      handler: options.handler,
      writeBuffer: options.limits.writeBuffer,
      handlerFailed: (error, response) => {
        this.handlerErrors++
        this.report(error, {
          server: this,
          response,
          ...(response._request === null ? {} : { request: response._request }),
        })
      },
      connectionFailed: (text) => this.connectionFailed(text),
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
   * Begins to listen, and resolves once connections are accepted. Calling it again while listening gives the same
   * address; after `close` the server can listen again.
   *
   * @param place a port, or host and port, or the path of a Unix domain socket; the rest comes from the options
   * @throws (rejects with) the system's code: EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND, …; ERR_ALREADY_LISTENING
   * when it listens elsewhere
   */
  async listen(place?: ListenOptions | number): Promise<ServerAddress> {
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
   * @param timeout milliseconds after which requests still going on are cut. Default: none, all may end.
   */
  async close({ timeout }: { timeout?: number | undefined } = {}): Promise<void> {
    if (timeout !== undefined && (typeof timeout !== 'number' || !(timeout >= 0))) {
      throw codedRange(
        'ERR_INVALID_OPTION',
        `The option timeout has to be a number of milliseconds, 0 or more, but it is ${show(timeout)}.`,
      )
    }
    // A server about to listen is closed once it does.
    if (this.where === null && this.opening !== null) {
      await this.opening.promise.catch(() => undefined)
    }
    if (this.closing === null) {
      if (this.where === null) return
      this.where = null
      this.opening = null
      let resolve!: () => void
      const promise = new Promise<void>((resolvePromise) => {
        resolve = resolvePromise
      })
      this.closing = { promise, resolve }
    }
    const { promise } = this.closing
    const limit = timeout === undefined || timeout === Infinity ? -1 : Math.min(Math.ceil(timeout), 2 ** 31 - 1)
    this.lane!.core.close(this.id, limit)
    await promise
  }

  /** For `await using`: {@link close} without a timeout. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
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
    const native = this.id < 0 ? null : this.lane!.core.stats(this.id)
    return native === null ? this.lastStats : statsOf(native, this.handlerErrors)
  }

  private async open(place: ListenOptions): Promise<ServerAddress> {
    // Listening again waits for the end of a close that is going on.
    if (this.closing !== null) await this.closing.promise
    const hosts = place.path === undefined ? await resolveHost(place) : [undefined]
    this.lane ??= lane()
    const native = bind(this.lane, hosts, place, nativeOptions(this.options))
    this.id = native.id
    this.handlerErrors = 0
    this.lane.attach(native.id, this.sink)
    if (this.referenced) this.lane.ref()
    this.where = addressOf(native)
    return this.where
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
    this.lane!.core.forget(this.id)
    this.id = -1
    if (this.referenced) this.lane!.unref()
    // `where` and `opening` belong to a `listen` that waits for this end, if there is one; `close` has cleared its own.
    this.closing?.resolve()
    this.closing = null
  }

  private connectionFailed(text: string): void {
    const [code = '', remote = '', ...message] = text.split(' ')
    // What a client does wrong is nobody's news unless asked for; what goes wrong here always is.
    if (this.options.onError === undefined && code.startsWith('ERR_HTTP_')) return
    const remoteAddress = remote === '-' ? undefined : remote
    const error = new Error(message.join(' ') + (remoteAddress === undefined ? '' : ` (from ${remoteAddress})`))
    // The stack of this loop says nothing.
    error.stack = `${error.name} [${code}]: ${error.message}`
    this.report(Object.assign(error, { code, remoteAddress }), { server: this })
  }

  private report(error: unknown, context: ErrorContext): void {
    const { onError } = this.options
    if (onError === undefined) return print(error)
    try {
      const result = onError(error, context)
      if (typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function') {
        ;(result as PromiseLike<unknown>).then(undefined, (second: unknown) => printBoth(error, second))
      }
    } catch (second) {
      printBoth(error, second)
    }
  }
}

function notFound(_request: Request, response: Response): void {
  response.status = 404
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end('Not Found\n')
}

/** The addresses to try in turn. */
async function resolveHost({ host, port }: ListenOptions): Promise<Array<string | undefined>> {
  if (host === undefined) return ['::', '0.0.0.0']
  if (isIP(host) !== 0) return [host]
  try {
    return [(await lookup(host)).address]
  } catch (error) {
    throw systemError(error, host, port)
  }
}

function bind(
  { core }: Lane,
  hosts: ReadonlyArray<string | undefined>,
  place: ListenOptions,
  options: NativeListenOptions,
): NativeAddress {
  for (const [index, host] of hosts.entries()) {
    try {
      return core.listen({ ...options, host, port: place.port ?? 0, path: place.path })
    } catch (error) {
      const code = systemCode(error)
      const isNoIPv6 = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL'
      if (index === hosts.length - 1 || !isNoIPv6) throw systemError(error, place.path ?? host, place.port)
    }
  }
  throw new Error('unreachable: there is always an address to try')
}

function addressOf({ host, port, path }: NativeAddress): ServerAddress {
  if (path !== undefined) return Object.freeze({ address: path, port: 0, family: 'unix', path })
  const family = isIPv6(host) ? 'IPv6' : 'IPv4'
  return Object.freeze({ address: host, port, family, url: urlOf(host, port) })
}

/** All addresses of a machine are reached at its loopback address. */
function urlOf(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `http://${isIPv6(name) ? `[${name}]` : name}:${port}`
}

function describe({ address, port, path }: ServerAddress): string {
  return path ?? `${address} port ${port}`
}

function printBoth(error: unknown, second: unknown): void {
  print(error)
  print(second)
}

function print(error: unknown): void {
  // The default place for errors nobody else wants, as for an uncaught exception.
  try {
    // oxlint-disable-next-line no-console
    console.error(error)
  } catch {
    // What is thrown can be anything, also something that throws when it is looked at.
    // oxlint-disable-next-line no-console
    console.error('An error that cannot be shown was thrown by a handler.')
  }
}
