import { codedRange, codedType, show } from './errors'

/** One checked header or trailer line of a response. Shared between responses: never changed once made. */
export class Field {
  /** As the user wrote it. */
  readonly name: string
  readonly lower: string
  readonly value: string
  /** Ready for the wire. */
  readonly line: string
  /** Whether the line is sent as it is. Not so for the three names whose effect the core writes itself. */
  readonly written: boolean
  readonly special: number

  constructor(name: string, lower: string, value: string, special: number) {
    this.name = name
    this.lower = lower
    this.value = value
    this.line = `${name}: ${value}\r\n`
    this.written = (special & (Special.length | Special.encoding | Special.connection)) === 0
    this.special = special
  }
}

/**
 * Names that mean something to the framing of the answer, and `kept`: a field that a handler leaves on the response when
 * it declines. Bits, so that a response remembers all of its fields in one number.
 */
export const Special = { none: 0, length: 1, encoding: 2, connection: 4, date: 8, close: 16, kept: 32 } as const

/** What a set of fields means to the framing. */
export function specialOf(fields: readonly Field[]): number {
  let special = 0
  for (const field of fields) special |= field.special
  return special
}

/** What a header may be set to; a list makes a line for each. */
export type HeaderValue = string | number | readonly string[]

const SLOTS = 512
const cache: Field[] = new Array<Field>(SLOTS).fill(new Field('', '', '', Special.none))

/**
 * Checks a name and a value and makes them a line, or finds the line made before: most answers of a program carry the
 * same few headers. A direct-mapped cache, because a `Map` costs more than the check it would save.
 */
export function fieldOf(name: string, value: string): Field {
  const length = value.length
  const slot =
    typeof name === 'string' && length !== 0
      ? (name.length * 37 + length * 11 + value.charCodeAt(length - 1) * 5 + value.charCodeAt(length >> 1)) &
        (SLOTS - 1)
      : 0
  const found = cache[slot]!
  if (found.name === name && found.value === value) return found
  const made = check(name, value)
  // Long values are seldom seen twice and would be kept for nothing.
  if (length <= 256) cache[slot] = made
  return made
}

/** The text of a header value given as a number; anything else is refused. */
export function valueText(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  throw codedType(
    'ERR_INVALID_HEADER_VALUE',
    `The value of the header ${show(name)} has to be a string, a finite number or a list of strings, but it is ${show(value)}.`,
  )
}

/** RFC 9110 5.6.2: a token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110 5.5: visible characters, space, tab and obs-text; never CR, LF or NUL, which would split the response. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

function check(name: string, value: string): Field {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw codedType(
      'ERR_INVALID_HEADER_NAME',
      `${show(name)} cannot be a header name: it has to be a token (letters, digits and !#$%&'*+-.^_\`|~).`,
    )
  }
  if (!VALUE.test(value)) throw invalidValue(name, value)
  const lower = name.toLowerCase()
  return new Field(name, lower, value, special(lower, value))
}

function invalidValue(name: string, value: string): Error {
  const at = [...value].findIndex((character) => !VALUE.test(character))
  const code = value.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')
  return codedType(
    'ERR_INVALID_HEADER_VALUE',
    `The value of the header ${show(name)} has the character U+${code} at position ${at}. Allowed are Latin-1 characters without ` +
      'control characters; encode other text first, for example with encodeURIComponent.',
  )
}

function special(lower: string, value: string): number {
  switch (lower) {
    case 'content-length':
      if (/^[0-9]{1,16}$/.test(value) && Number(value) <= Number.MAX_SAFE_INTEGER) return Special.length
      throw codedRange(
        'ERR_INVALID_HEADER_VALUE',
        `content-length has to be a whole number of bytes up to 2^53-1, but it is ${show(value)}. Leave it out to have it computed.`,
      )
    case 'transfer-encoding':
      if (value.trim().toLowerCase() === 'chunked') return Special.encoding
      throw codedRange(
        'ERR_INVALID_HEADER_VALUE',
        `transfer-encoding can only be set to 'chunked', but it is ${show(value)}. For compressed content use content-encoding.`,
      )
    case 'connection':
      return connectionSpecial(value)
    case 'date':
      return Special.date
    default:
      return Special.none
  }
}

function connectionSpecial(value: string): number {
  switch (value.trim().toLowerCase()) {
    case 'close':
      return Special.connection | Special.close
    case 'keep-alive':
      // What the server does anyway where the client allows it.
      return Special.connection
    default:
      throw codedRange(
        'ERR_INVALID_HEADER_VALUE',
        `connection can only be set to 'close' or 'keep-alive', but it is ${show(value)}: the connection belongs to the server.`,
      )
  }
}

/** RFC 9112 4: a reason phrase has the same characters as a header value. */
export function checkReason(reason: unknown): string {
  if (typeof reason === 'string' && reason.length <= 1024 && VALUE.test(reason)) return reason
  throw codedType(
    'ERR_INVALID_REASON',
    `The reason phrase has to be at most 1024 Latin-1 characters without control characters, but it is ${show(reason)}.`,
  )
}

const NEVER_TRAILERS = new Set([
  'authorization',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A line for the trailer section; RFC 9110 6.5.1 names the fields that must not be there. */
export function trailerField(name: string, value: unknown): Field {
  const text = valueText(name, value)
  if (typeof name === 'string' && NEVER_TRAILERS.has(name.toLowerCase())) {
    throw codedType(
      'ERR_INVALID_HEADER_NAME',
      `${show(name)} cannot be a trailer: it is needed before the body (RFC 9110, 6.5.1).`,
    )
  }
  return fieldOf(name, text)
}
