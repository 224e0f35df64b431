import path from 'node:path'
import type { FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { getSystemErrorMap } from 'node:util'
import { FileOption, Flag, RECORD_OVERHEAD } from './outbound'
import { coded, codedType, show, type CodedError } from './errors'
import { fieldOf, type Field, type HeaderValue } from './fields'
import { cut } from './exchange'
import { descriptorOf, isFileHandle, regularFile, sendsFiles } from './file-range'
import { passOn } from './outcome'
import type { Response } from './response'
import { checkedBytes, fieldBytes, headFlags, listFields } from './response-head'
import { State } from './state'
import { checkNames, invalid } from './rules'
import { deferred, type Deferred } from './stream'

/** Options of `response.sendFile`. */
export interface SendFileOptions {
  /**
   * The directory that a path is relative to and must not leave: neither by `..` or an absolute path nor by a symbolic
   * link. Names that begin with a dot are refused there. Default: none, the path is taken as it is, relative to the
   * working directory; then it must not come from a client.
   */
  root?: string | URL | undefined
  /** Headers to be set, as by `setHeader`. */
  headers?: Readonly<Record<string, HeaderValue>> | undefined
  /** The `content-type`. Default: what was set before, or follows from the file's name. */
  contentType?: string | undefined
  /**
   * The `etag`, made of length and time of modification: `'strong'`, `'weak'` for content that may change within one
   * tick of the file system's clock, or false for none. Default: `'strong'`.
   */
  etag?: 'strong' | 'weak' | false | undefined
  /** Whether `last-modified` is sent. Default: true. */
  lastModified?: boolean | undefined
  /** Whether parts may be asked for. Default: true; never with a status other than 200. */
  ranges?: boolean | undefined
  /** Send `file.br`, `file.zst` or `file.gz` beside the file to clients that accept it. Default: false. */
  precompressed?: boolean | undefined
  /** Whether names that begin with a dot may be sent from below `root`. Default: false. */
  dotFiles?: boolean | undefined
  /**
   * Leave the response as it was when the file cannot be had, and reject with the system's error, instead of answering
   * 404 or 403. Default: false.
   */
  leaveOpen?: boolean | undefined
}

/** What was set before the file was. */
interface Headers {
  head: Response['_head']
  rest: Response['_rest']
  special: number
}

/** What of a request decides which answer a file is. */
const CONDITIONS = [
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
  'accept-encoding',
] as const

/** What fails when the connection does, not the file. */
const OF_THE_CONNECTION = new Set(['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ENOTCONN', 'ETIMEDOUT', 'EHOSTUNREACH'])

/** Answers with a file of the core's to open, or an open one. */
export function sendFile(
  response: Response,
  file: string | URL | FileHandle,
  options: SendFileOptions = {},
): Promise<void> {
  // Above all a root that is given as a text: without it any path would do.
  if (typeof options !== 'object' || options === null) throw invalid('options', options, 'an object, such as { root }')
  checkNames('', options, OPTIONS)
  const bits = optionBits(options)
  const root = options.root === undefined ? '' : path.resolve(checkText('root', textOf(options.root)))
  const place = placeOf(file, root)
  const before = headersOf(response)
  setHeaders(response, options)
  const { promise, resolve, reject } = deferred<void>()
  const told = (error: CodedError | null): void => {
    if (options.leaveOpen === true) return settle(response, error, place, before, { promise, resolve, reject })
    if (error === null) resolve()
    else reject(passOn(error))
  }
  if (response._error !== null) response._end('', told)
  else write(response, place, root, bits, options.leaveOpen === true, told)
  return promise
}

const OPTIONS = [
  'root',
  'headers',
  'contentType',
  'etag',
  'lastModified',
  'ranges',
  'precompressed',
  'dotFiles',
  'leaveOpen',
] as const satisfies ReadonlyArray<keyof SendFileOptions>

function write(
  response: Response,
  place: string | FileHandle,
  root: string,
  options: number,
  leavesOpen: boolean,
  told: (error: CodedError | null) => void,
): void {
  const lane = response._lane
  const fields = listFields(response)
  const conditions = conditionsOf(response)
  const size = checkedBytes(fields)
  const text = typeof place === 'string' ? Buffer.byteLength(place) : 0
  const outbox = lane.reserve(
    RECORD_OVERHEAD + response._reason.length + size + text + Buffer.byteLength(root) + fieldBytes(conditions),
  )
  // Only good for the records of this submission, for which there is room now.
  const target = typeof place === 'string' ? place : lane.putFile(descriptorOf(place), 0, -1)
  outbox.file(
    response._connection,
    response._generation,
    response._sequence,
    response._status === 200 ? 0 : response._status,
    response._reason,
    fields,
    target,
    root,
    conditions,
    options,
    headFlags(response._special) | Flag.notify,
    response._expect(response._finishing(told)),
  )
  if (leavesOpen) {
    response._state |= State.headSent | State.lookedFor
    lane.written()
  } else {
    response._close()
  }
}

/** The outcome of a file that was to leave the response open. */
function settle(
  response: Response,
  error: CodedError | null,
  place: string | FileHandle,
  before: Headers,
  { resolve, reject }: Deferred<void>,
): void {
  if (error === null) {
    if ((response._state & State.gone) === 0) response._close()
    resolve()
    return
  }
  // As it was also for a client that has gone: what is set and written for it now is no mistake.
  response._state &= ~(State.headSent | State.lookedFor)
  response._head = before.head
  response._rest = before.rest
  response._special = before.special
  const failure = fileError(error, place)
  if (failure === null) cut(response, error)
  reject(failure ?? passOn(error))
}

function headersOf({ _head, _rest, _special }: Response): Headers {
  return { head: _head, rest: _rest === null ? null : [..._rest], special: _special }
}

/** Why the file could not be had; null when it was the connection that failed. */
function fileError(error: CodedError & { errno?: number }, place: string | FileHandle): Error | null {
  const known = error.errno === undefined ? undefined : getSystemErrorMap().get(error.errno)
  if (known === undefined || OF_THE_CONNECTION.has(known[0])) return null
  const [code, description] = known
  const where = typeof place === 'string' ? ` '${place}'` : ''
  const failure = new Error(`${code}: ${description}, open${where}`)
  return Object.assign(failure, {
    code,
    errno: error.errno,
    syscall: 'open',
    ...(typeof place === 'string' ? { path: place } : {}),
  })
}

function placeOf(file: unknown, root: string): string | FileHandle {
  if (isFileHandle(file)) {
    if (!sendsFiles) {
      throw coded('ERR_FILE_UNSUPPORTED', 'An open file cannot be sent as a file on Windows: give its path.')
    }
    regularFile(descriptorOf(file))
    return file
  }
  // Below a root it may be what a client asks for, which is the core's to refuse, with a 404.
  if (root !== '' && typeof file === 'string') return file
  return path.resolve(checkText('file', textOf(file)))
}

/** The path of a `file:` URL; anything else as it is. */
function textOf(place: unknown): unknown {
  return place instanceof URL && place.protocol === 'file:' ? fileURLToPath(place) : place
}

function checkText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value
  throw codedType('ERR_INVALID_ARGUMENT', `${name} has to be a path or a file: URL, but it is ${show(value)}.`)
}

function setHeaders(response: Response, { headers, contentType }: SendFileOptions): void {
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value)
  if (contentType !== undefined) response.setHeader('content-type', contentType)
}

function conditionsOf(response: Response): Field[] {
  const request = response._lane.requestOf(response)
  const fields: Field[] = []
  // Other methods have conditions of their own meaning, which a file cannot judge (RFC 9110 13.1).
  if (request === null || (request.method !== 'GET' && request.method !== 'HEAD')) return fields
  const { headers } = request
  for (const name of CONDITIONS) {
    const value = headers.get(name)
    if (value !== null) fields.push(fieldOf(name, value))
  }
  return fields
}

function optionBits(options: SendFileOptions): number {
  const { root, etag = 'strong', dotFiles = root === undefined } = options
  if (etag !== 'strong' && etag !== 'weak' && etag !== false) {
    throw codedType('ERR_INVALID_ARGUMENT', `etag has to be 'strong', 'weak' or false, but it is ${show(etag)}.`)
  }
  return (
    bit(root !== undefined, FileOption.hasRoot) |
    bit(etag === false, FileOption.noEtag) |
    bit(etag === 'weak', FileOption.weakEtag) |
    bit(!flagOf(options, 'lastModified', true), FileOption.noLastModified) |
    bit(!flagOf(options, 'ranges', true), FileOption.noRanges) |
    bit(flagOf(options, 'precompressed', false), FileOption.precompressed) |
    bit(flagOf({ dotFiles }, 'dotFiles', false), FileOption.dotFiles) |
    bit(flagOf(options, 'leaveOpen', false), FileOption.leaveOpen)
  )
}

function bit(isSet: boolean, value: number): number {
  return isSet ? value : 0
}

function flagOf(
  options: SendFileOptions,
  name: 'lastModified' | 'ranges' | 'precompressed' | 'dotFiles' | 'leaveOpen',
  initial: boolean,
): boolean {
  const value: unknown = options[name] ?? initial
  if (typeof value === 'boolean') return value
  throw codedType('ERR_INVALID_ARGUMENT', `${name} has to be true or false, but it is ${show(value)}.`)
}
