/**
 * Every error this package makes has a `code` of the table below, and its message ends with it: ` (ERR_…)`.
 * `docs/errors.md` has a heading for each that says what happened and what to do, and a test holds the two together.
 * Errors of the operating system keep the code Node users know (`EADDRINUSE`, `ENOTFOUND`, …).
 */
export const ERROR_CODES = {
  ERR_ADDON_UNAVAILABLE: 'The native addon could not be loaded',
  ERR_ALREADY_LISTENING: 'The server listens already, on another address',
  ERR_ANSWERED: 'The request has been answered already',
  ERR_BODY_ABORTED: 'The client went away before the whole request body had arrived',
  ERR_BODY_DISCARDED: 'The rest of the request body was dropped because the answer had ended',
  ERR_BODY_JSON: 'The request body is not valid JSON',
  ERR_BODY_LENGTH_MISMATCH: 'The response body is shorter or longer than its declared content-length',
  ERR_BODY_MALFORMED: 'The request body broke the rules of HTTP/1.1',
  ERR_BODY_TIMEOUT: 'The request body came too slowly',
  ERR_BODY_TOO_LARGE: 'The request body is larger than limits.bodyBytes',
  ERR_BODY_USED: 'The request body has been read already',
  ERR_CLIENT_GONE: 'The client closed the connection before the answer was complete',
  ERR_DECLINED_LATE: 'A handler declined after it had begun its answer',
  ERR_DESCRIPTORS_LOW: 'Connections are not accepted, for want of file descriptors',
  ERR_FILE_CLOSED: 'The file has been closed before it was written',
  ERR_FILE_RANGE: 'The file ends before the range does',
  ERR_FILE_UNSUPPORTED: 'This system cannot send from open files of JavaScript',
  ERR_HANDLER_TIMEOUT: 'The handler took longer than timeouts.handler',
  ERR_HEADERS_SENT: 'The response headers have been sent already',
  ERR_HEADERS_TOO_LARGE: 'The response headers are too large',
  ERR_INVALID_ARGUMENT: 'An argument has the wrong type',
  ERR_INVALID_CHUNK: 'A body chunk has to be a string, an ArrayBuffer, a view of one, or a list of these',
  ERR_INVALID_HEADER_NAME: 'A header name has to be a token',
  ERR_INVALID_HEADER_VALUE: 'A header value contains a character that is not allowed',
  ERR_INVALID_OPTION: 'An option is unknown or has a value that is not allowed',
  ERR_INVALID_REASON: 'A reason phrase contains a character that is not allowed',
  ERR_INVALID_STATUS: 'A status is a whole number with three digits',
  ERR_NOT_ACCEPTING: 'The server does not accept connections by hand',
  ERR_NOT_A_FILE: 'What is to be sent is not a regular file',
  ERR_NO_UPGRADE: 'The client has not asked for another protocol, or its request has a body',
  ERR_READ_PENDING: 'A read of this body is still waiting for its chunk',
  ERR_RESPONSE_RESET: 'The response was given up and its connection closed',
  ERR_ROUTE_CONFLICT: 'A route takes the same paths as another one',
  ERR_ROUTE_INVALID: 'A route has a method or a pattern that is none',
  ERR_SERVER_CLOSED: 'The server was closed before the answer was complete',
  ERR_UNSUPPORTED_ENCODING: 'The request body has a content-encoding that cannot be decoded',
  ERR_SOURCE_CLOSED: 'The source of a body was closed before its end',
  ERR_TLS_CERTIFICATE: 'A certificate cannot be read, or is none for a server',
  ERR_TLS_CLIENT_CA: 'The certificates or revocation lists that clients are judged by cannot be used',
  ERR_TLS_FILE: 'A file of certificates or keys cannot be read, or the key log not be written',
  ERR_TLS_HANDSHAKE: 'A client and the server could not agree on a connection of TLS',
  ERR_TLS_KEY: 'A private key cannot be read, or is of a kind that cannot be used',
  ERR_TLS_MISMATCH: 'A private key is not that of its certificate',
  ERR_TLS_OPTION: 'An option of TLS is not possible with the others',
  ERR_TLS_PASSPHRASE: 'A private key is encrypted, and its passphrase is missing or wrong',
  ERR_TLS_RELOAD: 'Certificates that have changed could not be loaded, and those from before stay in use',
  ERR_TLS_RESOLVE: 'tls.resolve has failed to give the certificate of a server name',
  ERR_WEBSOCKET_CLOSED: 'The WebSocket is closed, or closes',
  ERR_WEBSOCKET_DROPPED: 'The client is too slow, and the message was dropped',
  ERR_WRITE_AFTER_END: 'The response has ended already',
  ERR_WRITE_FAILED: 'The operating system refused the write',
  ERR_WRITE_NOT_EXECUTED: 'The connection failed before this write began',
  ERR_WRITE_TIMEOUT: 'The client did not take the answer in time',
} as const

/** A code of an error made by this package. */
export type ErrorCode = keyof typeof ERROR_CODES

/**
 * An error made by this package: an `Error`, `TypeError`, `RangeError` or `SyntaxError` with a code that does not change
 * between releases. The message ends with the code in parentheses, so that a line of a log is enough to look it up:
 * `docs/errors.md#err_body_used` for ERR_BODY_USED.
 */
export interface CodedError extends Error {
  /** One of {@link ERROR_CODES}; never changes its meaning, unlike the message. */
  code: ErrorCode
}

/** Makes an error with a code. */
export function coded(code: ErrorCode, detail?: string, cause?: unknown): CodedError {
  const error = new Error(message(code, detail), cause === undefined ? undefined : { cause })
  finish(error, code, coded)
  return error
}

export function codedType(code: ErrorCode, detail?: string): CodedError {
  const error = new TypeError(message(code, detail))
  finish(error, code, codedType)
  return error
}

/** What parsing a client's text has found, with the place where that was done. */
export function codedSyntax(code: ErrorCode, detail?: string): CodedError {
  const error = new SyntaxError(message(code, detail))
  finish(error, code, codedSyntax)
  return error
}

export function codedRange(code: ErrorCode, detail?: string): CodedError {
  const error = new RangeError(message(code, detail))
  finish(error, code, codedRange)
  return error
}

/**
 * An error without the stack of the loop that found it out: the place where a client went away says nothing.
 */
export function codedPlain(code: ErrorCode, detail?: string): CodedError {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    const error = new Error(message(code, detail))
    finish(error, code, codedPlain)
    return error
  } finally {
    Error.stackTraceLimit = limit
  }
}

/** An error of the core, whose message begins with its code, as one of ours, which ends with it; any other as it is. */
export function fromCore(error: unknown, reworded: (text: string) => string = (text) => text): unknown {
  const found = error instanceof Error ? FROM_CORE.exec(error.message) : null
  if (found === null) return error
  const result = new Error(withCode(found[1]!, reworded(found[2]!)))
  finish(result, found[1] as ErrorCode, fromCore)
  return result
}

const FROM_CORE = /^(ERR_[A-Z_]+)(?: -|:) ([^]*)$/

/** How a message carries its code. */
export function withCode(code: string, text: string): string {
  return `${text} (${code})`
}

/**
 * What has been thrown, for a message of ours, which has a code of its own: without the one that it ends with. Anything
 * can be thrown, also what throws itself when it is looked at: this never does.
 */
export function messageOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error)
    const text = String(error.message)
    const { code } = error as Partial<CodedError>
    const end = ` (${code})`
    return typeof code === 'string' && text.endsWith(end) ? text.slice(0, -end.length) : text
  } catch {
    return 'what was thrown cannot be shown'
  }
}

/**
 * What a user gave, for an error message: short, and never a secret of more than a few characters. Never throws.
 */
export function show(value: unknown): string {
  try {
    return shown(value)
  } catch {
    return 'what cannot be shown'
  }
}

/**
 * Whether a text may be a private key, or a piece of one: PEM, DER in base64 (a key is a SEQUENCE, which begins with
 * 0x30, in base64 with M) or as bytes, or so much base64 that no word and hardly a path is like it.
 */
export function looksSecret(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  if (text.includes('-----') || /[\0-\x08\x0E-\x1F]/.test(text)) return true
  return text.split(/\s+/).some((word) => DER.test(word) || (BASE64.test(word) && !isPath(word)))
}

const DER = /^["']?M[A-I][\w+/=-]{46,}["',;]*$/
const BASE64 = /^[A-Za-z0-9+/=]{60,}$/

/** A path from the root on, of names as people give them: base64 has a slash each 64 characters. */
function isPath(word: string): boolean {
  return word.startsWith('/') && word.split('/').every((name) => name.length <= 32)
}

function shown(value: unknown): string {
  if (typeof value === 'string') {
    if (value.length > 40 && looksSecret(value)) return `a text of ${value.length} characters`
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
  }
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return showList(value)
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== 'Object' ? `an instance of ${name}` : 'an object'
}

function showList(list: readonly unknown[]): string {
  const isShort = list.length !== 0 && list.length <= 3 && list.every((item) => typeof item !== 'object')
  return isShort ? `[${list.map(shown).join(', ')}]` : `a list of ${list.length}`
}

function message(code: ErrorCode, detail: string | undefined): string {
  return withCode(code, detail === undefined ? ERROR_CODES[code] : detail)
}

/**
 * Returns nothing, so that nobody calls it in their last expression: JavaScriptCore drops the frame of a function that
 * does, as ECMAScript has it (15.10), and a stack that is to begin below a frame that is not there is empty.
 */
function finish(
  error: Error,
  code: ErrorCode,
  below: (...arguments_: never[]) => unknown,
): asserts error is CodedError {
  const result = error as CodedError
  result.code = code
  // The stack begins where the user called, not here.
  if (Error.stackTraceLimit !== 0) Error.captureStackTrace(result, below)
}
