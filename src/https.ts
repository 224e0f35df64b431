import { isIPv6 } from 'node:net'
import { codedType, show } from './errors'
import { Field, Special } from './fields'
import { DECLINED, type Handler } from './handler'
import { Head, NO_FIELDS } from './head'
import { isSecure } from './inbound'
import type { Request } from './request'
import type { Response } from './response'
import { replaceFields } from './response-head'
import { group, invalid, type Rules } from './rules'

/** How {@link hsts} asks for HTTPS. */
export interface HstsOptions {
  /**
   * Seconds for which a browser uses HTTPS only, from each answer on. 0 takes it back. Default: 31536000, a year.
   */
  maxAge?: number | undefined
  /** The same for all subdomains, also those of other servers. Default: false. */
  includeSubDomains?: boolean | undefined
  /**
   * Consent to be built into browsers (hstspreload.org), which is hard to undo. Wants a `maxAge` of a year or more, and
   * `includeSubDomains`. Default: false.
   */
  preload?: boolean | undefined
  /**
   * Whether a request came over TLS, where a proxy has ended it and says so in a header. Default: `request.secure`.
   * Danger: a header that clients can send themselves.
   */
  isSecure?: ((request: Request) => boolean) | undefined
}

/** What {@link hsts} gives: a handler that always declines. */
export interface Hsts extends Handler {
  /** The value of `strict-transport-security`, for answers that the core gives: see `headers` of `fixed`, `staticFiles`. */
  readonly value: string
}

/** Where {@link redirectToHttps} leads. */
export interface RedirectToHttpsOptions {
  /** Name or address, without a port, that all requests are led to. Default: what the client has asked for. */
  host?: string | undefined
  /** Port of the HTTPS server. Default: 443, which URLs leave out. */
  port?: number | undefined
  /** 308 and 307 keep method and body, 301 and 302 need not. Default: 308, which browsers remember. */
  status?: 301 | 302 | 307 | 308 | undefined
  /** As that of {@link HstsOptions}: such requests are declined. */
  isSecure?: ((request: Request) => boolean) | undefined
}

/**
 * A handler that tells browsers to come by HTTPS only (RFC 6797), to be put before others in a list. It declines every
 * request, and the header stays for whoever answers. Requests that did not come over TLS get none (RFC 6797 7.2).
 *
 * Answers of the core do not come by here; one answer with the header is enough for a browser.
 *
 * @throws ERR_INVALID_OPTION, also for `preload` without what the lists ask for
 */
export function hsts(options: HstsOptions = {}): Hsts {
  const given = group('', options, HSTS_RULES) as Given<HstsOptions, 'isSecure'>
  const value = hstsValue(given)
  const field = new Field('strict-transport-security', 'strict-transport-security', value, Special.kept)
  const head = new Head([field])
  const { isSecure: secure = isSecure } = given
  const handler = (request: Request, response: Response): typeof DECLINED => {
    if (secure(request)) keep(response, field, head)
    return DECLINED
  }
  return Object.assign(handler, { value })
}

/**
 * A handler that leads requests to the same place under `https://`, for the server that listens on port 80. A request
 * that came over TLS is declined. One that does not say which host it is for, or two things of it, is answered 400, and
 * so is one without a path, such as `OPTIONS *`.
 *
 * @throws ERR_INVALID_OPTION
 */
export function redirectToHttps(options: RedirectToHttpsOptions = {}): Handler {
  const given = group('', options, REDIRECT_RULES) as Given<RedirectToHttpsOptions, 'host' | 'isSecure'>
  const { status, port, host, isSecure: secure = isSecure } = given
  if (!REDIRECTS.includes(status)) throw invalid('status', status, '301, 302, 307 or 308')
  const fixedHost = host === undefined ? null : checkHost(host)
  const suffix = port === 443 ? '' : `:${port}`
  return (request, response) => {
    if (secure(request)) return DECLINED
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    const name = hostAskedFor(request)
    const path = pathAskedFor(request)
    if (name === null || path === null || (fixedHost ?? name) === '') {
      response.status = 400
      return response.end('This server speaks HTTPS, and cannot tell where this request would be answered.\n')
    }
    const location = `https://${fixedHost ?? name}${suffix}${path}`
    response.status = status
    response.setHeader('location', location)
    return response.end(`This is answered at ${location}\n`)
  }
}

/** Options with their defaults filled in; those of `Open` have none. */
type Given<Options, Open extends keyof Options> = Pick<Options, Open> & {
  readonly [Name in Exclude<keyof Options, Open>]-?: Exclude<Options[Name], undefined>
}

const YEAR = 31_536_000
const REDIRECTS: readonly number[] = [301, 302, 307, 308]

const HSTS_RULES = {
  maxAge: { kind: 'integer', initial: YEAR, min: 0, max: 2 ** 31 - 1 },
  includeSubDomains: { kind: 'boolean', initial: false },
  preload: { kind: 'boolean', initial: false },
  isSecure: { kind: 'function', initial: undefined },
} as const satisfies Rules

const REDIRECT_RULES = {
  host: { kind: 'string', initial: undefined },
  port: { kind: 'integer', initial: 443, min: 1, max: 65535 },
  status: { kind: 'other', initial: 308 },
  isSecure: { kind: 'function', initial: undefined },
} as const satisfies Rules

function hstsValue({ maxAge, includeSubDomains, preload }: Given<HstsOptions, 'isSecure'>): string {
  if (preload && (maxAge < YEAR || !includeSubDomains)) {
    const lacks = includeSubDomains ? `maxAge is ${maxAge}` : 'includeSubDomains is not true'
    throw codedType(
      'ERR_INVALID_OPTION',
      `The option preload needs a maxAge of ${YEAR} (a year) or more and includeSubDomains, but ${lacks}: browsers' lists take nothing less.`,
    )
  }
  return `max-age=${maxAge}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

/** Sets a field that stays when a handler declines. */
function keep(response: Response, field: Field, head: Head): void {
  if (response._head === NO_FIELDS && response._rest === null) {
    response._head = head
    response._special = head.special
  } else {
    replaceFields(response, field.lower, [field])
  }
}

function checkHost(host: string): string {
  const name = hostOf(host)
  if (name !== null && name !== '' && name === host.toLowerCase()) return name
  throw codedType(
    'ERR_INVALID_OPTION',
    `The option host has to be a name or an address without a port, as 'example.com' or '[::1]', but it is ${show(host)}.`,
  )
}

/**
 * The host a request is for, without its port; `''` when it does not say, null when what it says is none, or is two
 * things. The core has checked the grammar of RFC 3986, which allows more than a name on the web has.
 */
function hostAskedFor(request: Request): string | null {
  const host = request.headers.get('host') ?? ''
  // RFC 9112 3.2.2 has the target win over Host: then whoever shows a client this answer has asked for something else.
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?]*)/i.exec(request.url)?.[1]
  if (authority !== undefined && authority.toLowerCase() !== host.toLowerCase()) return null
  return host === '' ? '' : hostOf(host)
}

/** The name or address in `host[:port]`, in lower case; null when it is none. */
function hostOf(host: string): string | null {
  const [, name = '', address] = /^((?:\[([0-9a-f:.]+)\])|[a-z0-9_.-]{1,255})(?::\d{0,5})?$/i.exec(host) ?? []
  if (name === '' || (address !== undefined && !isIPv6(address))) return null
  return name.toLowerCase()
}

/** Path and query as the client has sent them. */
function pathAskedFor(request: Request): string | null {
  const { url } = request
  const target = url.startsWith('/') ? url : /^[a-z][a-z0-9+.-]*:\/\/[^/?]*(.*)$/i.exec(url)?.[1]
  if (target === undefined) return null
  return target.startsWith('/') ? target : `/${target}`
}
