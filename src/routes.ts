import { binding, type NativeRoute, type NativeRouteTable } from './binding'
import type { Compression } from './compression'
import { codedType, fromCore, show, type CodedError } from './errors'
import { FixedAnswer } from './fixed'
import { chainOf, type Handler } from './handler'
import { shapeOf, type ParamsShape } from './params'
import { invalid } from './rules'
import { resolveRouteOptions, type RouteLimits } from './route-options'
import type { ResolvedOptions, RouteOptions } from './options'
import { StaticFiles } from './static-files'
import { WebSocketRoute } from './websocket-route'

/** A method, or `'*'` for all for which the same pattern has no route of its own. Case matters (RFC 9110 9.1). */
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS' | 'QUERY' | '*' | (string & {})

/**
 * What answers the requests of a route: a handler, a list of handlers that are asked in turn (see `DECLINED`), or what
 * the core gives by itself: `fixed(…)` or `staticFiles(…)`. Or WebSockets: `webSocket(…)`.
 */
export type RouteTarget<Pattern extends string = string> =
  Handler<Pattern> | ReadonlyArray<Handler<Pattern>> | FixedAnswer | StaticFiles | WebSocketRoute<Pattern>

/** A target together with the options of its route, as a value of the option `routes`. */
export interface RouteDefinition<Pattern extends string = string> extends RouteOptions {
  /** What the route leads to. */
  target: RouteTarget<Pattern>
}

/** Routes by method and pattern, as `'GET /users/:id'`, or by pattern alone. */
export type RouteMap<Keys extends string = string> = {
  readonly [Key in Keys]: RouteTarget<PatternOf<Key>> | RouteDefinition<PatternOf<Key>>
}

/** The pattern of a key of {@link RouteMap}. */
export type PatternOf<Key extends string> = string extends Key ? string : Key extends `${string} ${infer P}` ? P : Key

/** What the facade knows of a route: the records of its requests have its number. */
export interface Route {
  readonly pattern: string | null
  /** The handlers to be asked in turn; at least one. */
  chain: readonly Handler[]
  readonly shape: ParamsShape
  /** Whether its answers are compressed when they say nothing themselves. */
  readonly compress: boolean
  /** The limit of its requests' bodies. */
  readonly bodyBytes: number
  /** Whether it is one for WebSockets. */
  readonly opensWebSockets: boolean
}

/** The routes of one server, here and in the core. */
export class Routes {
  /** By the number in a request's record: the first is that of all requests that no route takes. */
  readonly list: Route[]
  private readonly compression: Compression | null
  private readonly ignoreTrailingSlash: boolean
  private native: NativeRouteTable | null = null
  private publishing = false
  private first: Handler | null = null

  constructor(unrouted: readonly Handler[], { compression, trailingSlash, limits: { bodyBytes } }: ResolvedOptions) {
    const compress = compression?.automatic === true
    this.list = [{ pattern: null, chain: unrouted, shape: NO_PARAMS, compress, bodyBytes, opensWebSockets: false }]
    this.compression = compression
    this.ignoreTrailingSlash = trailingSlash === 'ignore'
  }

  /** The core's half, made when it is first needed, as it loads the addon. */
  get table(): NativeRouteTable {
    return (this.native ??= new (binding().RouteTable)({ ignoreTrailingSlash: this.ignoreTrailingSlash }))
  }

  /** Adds all of the option `routes`. */
  addAll(given: unknown): void {
    if (given === undefined) return
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw invalid('routes', given, "an object with routes by name, such as 'GET /users/:id'")
    }
    for (const [key, value] of Object.entries(given)) {
      if (isDefinition(value) && !Object.hasOwn(value, 'target')) {
        throw invalid(`routes[${show(key)}]`, value, 'a target, or an object with a target and options of the route')
      }
      const { target, ...options } = isDefinition(value) ? value : { target: value as RouteTarget }
      const [method, pattern] = key.startsWith('/') ? [undefined, key] : methodAndPattern(key)
      // Whoever names no method means all that the target can answer.
      this.add(
        method ?? (typeof target === 'function' || Array.isArray(target) ? '*' : 'GET'),
        pattern,
        target,
        options,
      )
    }
  }

  add(methods: unknown, pattern: unknown, target: unknown, given: unknown): void {
    if (typeof given === 'function') {
      throw invalid('options', given, 'an object; several handlers are one list, as in [first, second]')
    }
    const options = resolveRouteOptions(given, this.compression)
    const compress = options.compress
    const route: NativeRoute = { methods: methodsOf(methods), pattern: textOf(pattern), kind: 0, ...options.native }
    const shape = shapeOf(route.pattern)
    let { chain } = this.list[0]!
    if (target instanceof FixedAnswer) {
      refuseLimits(options.native, 'fixed()')
      route.kind = 1
      route.fixed = target._native(this.compression, compress)
    } else if (target instanceof StaticFiles) {
      refuseLimits(options.native, 'staticFiles()')
      if (!route.methods.every((method) => method === 'GET' || method === 'HEAD')) {
        throw invalidRoute(`${name(route)}: files are there for GET and HEAD only.`)
      }
      const isWild = /\*\w+$/.test(route.pattern)
      if (!isWild && shape.names.length !== 0) {
        throw invalidRoute(`${name(route)}: the name of a file is a wildcard at the end, as in '/assets/*path'.`)
      }
      route.kind = 2
      route.files = target._native(isWild ? shape.names.length - 1 : -1)
    } else if (target instanceof WebSocketRoute) {
      if (Object.keys(options.native).length !== 0) {
        throw invalidRoute(`${name(route)}: limits and timeouts of WebSockets are in their definition.`)
      }
      if (!route.methods.every((method) => method === 'GET')) {
        throw invalidRoute(`${name(route)}: WebSockets begin with GET.`)
      }
      route.kind = 3
      route.handlerTimeout = target._options.handshake
      chain = [target._handler]
    } else {
      chain = chainOf('target', target, 'a function, a list of functions, fixed(…), staticFiles(…) or webSocket(…)')
      if (this.first !== null) chain = Object.freeze([this.first, ...chain])
    }
    const number = this.register(route)
    const { bodyBytes = this.list[0]!.bodyBytes } = route
    const opensWebSockets = target instanceof WebSocketRoute
    this.list[number + 1] = { pattern: route.pattern, chain, shape, compress, bodyBytes, opensWebSockets }
    if (target instanceof FixedAnswer) {
      target._placed({ table: this.table, number, compression: this.compression, automatic: compress })
    }
  }

  /**
   * Has a handler asked before those of all routes, also of those to come, but not before WebSocket routes: it declines
   * what is not its own. For `millrace/ws`.
   */
  askFirst(handler: Handler): void {
    this.first = handler
    for (const route of this.list) if (!route.opensWebSockets) route.chain = Object.freeze([handler, ...route.chain])
  }

  /** Has the core hand over what it would answer with 404, of a server that listens already. */
  takeRest(): void {
    try {
      this.add('GET', '/*path', this.list[0]!.chain.at(-1), undefined)
    } catch {
      // There is such a route, so nothing is left.
    }
  }

  private register(route: NativeRoute): number {
    let number: number
    try {
      number = this.table.add(route)
    } catch (error) {
      throw routeError(error, route)
    }
    if (!this.publishing) {
      // Once for all that are added in one go, and before anything that waits for an answer can go on.
      this.publishing = true
      process.nextTick(() => {
        this.publishing = false
        this.table.publish()
      })
    }
    return number
  }
}

const NO_PARAMS = shapeOf('')

function isDefinition(value: unknown): value is RouteDefinition {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof FixedAnswer) &&
    !(value instanceof StaticFiles) &&
    !(value instanceof WebSocketRoute)
  )
}

function methodAndPattern(key: string): [string, string] {
  const parts = /^(\S+) +(\/.*)$/s.exec(key)
  if (parts === null) throw invalidRoute(`${show(key)} is no route: write a method and a path, as 'GET /users/:id'.`)
  return [parts[1]!, parts[2]!]
}

function methodsOf(given: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  const methods = new Set<string>()
  for (const method of list) {
    if (typeof method !== 'string' || !(method === '*' || TOKEN.test(method))) {
      throw invalidRoute(`A route's method is a text such as 'GET', or '*' for all, but it is ${show(method)}.`)
    }
    // No client sends a registered method in lower case, so it is a slip.
    methods.add(REGISTERED.has(method.toUpperCase()) ? method.toUpperCase() : method)
  }
  if (methods.has('CONNECT')) {
    throw invalidRoute('CONNECT has no path, so no route can take it: it goes to the handler of the server.')
  }
  if (methods.size === 0) throw invalidRoute('A route has at least one method.')
  return [...methods]
}

function textOf(pattern: unknown): string {
  if (typeof pattern === 'string') return pattern
  throw invalidRoute(`A route's pattern is a text such as '/users/:id', but it is ${show(pattern)}.`)
}

function refuseLimits(limits: RouteLimits, target: string): void {
  const [first] = Object.keys(limits)
  if (first !== undefined) {
    throw invalidRoute(
      `A route to ${target} has no limits or timeouts of its own: no handler runs and no body is read.`,
    )
  }
}

/** The core's refusal repeats the pattern, in quotation marks of its own. */
function routeError(error: unknown, route: NativeRoute): unknown {
  return fromCore(error, (text) => `${name(route)}: ${text.replace(/^"(?:[^"\\]|\\.)*": /s, '')}`)
}

function invalidRoute(detail: string): CodedError {
  return codedType('ERR_ROUTE_INVALID', detail)
}

function name({ methods, pattern }: NativeRoute): string {
  return `The route ${methods.join(', ')} ${show(pattern)}`
}

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const REGISTERED = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY'])
