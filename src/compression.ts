import { group, invalid, type Rules } from './rules'

/** A content coding that answers are compressed with. */
export type CompressionCoding = 'gzip' | 'br' | 'zstd'

/** How a server compresses. */
export interface Compression {
  /** Best first, for clients that like several alike. */
  readonly codings: readonly CompressionCoding[]
  /** Bytes below which an answer of known length is sent as it is. */
  readonly threshold: number
  /** Whether answers are compressed without being asked for one by one. */
  readonly automatic: boolean
  readonly levels: { readonly gzip: number; readonly br: number; readonly zstd: number }
  /** Whether content of a type, as in `content-type`, is worth compressing. */
  isCompressible(contentType: string): boolean
}

const CODINGS: readonly CompressionCoding[] = ['zstd', 'br', 'gzip']

/** What compresses well; everything else (images, videos, archives) is compressed already. */
const TYPES: readonly string[] = [
  'text/*',
  '*+json',
  '*+xml',
  '*+text',
  'application/json',
  'application/x-ndjson',
  'application/javascript',
  'application/xml',
  'application/yaml',
  'application/wasm',
  'application/vnd.ms-fontobject',
  'font/ttf',
  'font/otf',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
]

/** The rules of its options; docs/defaults.md has a row for each. */
export const COMPRESSION_RULES = {
  codings: { kind: 'other', initial: CODINGS },
  threshold: { kind: 'integer', initial: 1024, min: 0, max: 2 ** 31 - 1 },
  automatic: { kind: 'boolean', initial: true },
  types: { kind: 'other', initial: TYPES },
  levels: { kind: 'other', initial: undefined },
} as const satisfies Rules

export const LEVEL_RULES = {
  gzip: { kind: 'integer', initial: 3, min: 1, max: 9 },
  br: { kind: 'integer', initial: 2, min: 0, max: 11 },
  zstd: { kind: 'integer', initial: 3, min: 1, max: 19 },
} as const satisfies Rules

/** The option `compression` with its defaults; null when the server does not compress. */
export function resolveCompression(given: unknown): Compression | null {
  if (given === undefined || given === false) return null
  if (given !== true && (typeof given !== 'object' || given === null)) {
    throw invalid('compression', given, 'true, false, or an object with codings, threshold, types and levels')
  }
  const values = group('compression.', given === true ? {} : given, COMPRESSION_RULES)
  const levels = group('compression.levels.', values['levels'] ?? {}, LEVEL_RULES)
  return Object.freeze({
    codings: codingsOf(values['codings']),
    threshold: values['threshold'] as number,
    automatic: values['automatic'] as boolean,
    levels: Object.freeze(levels) as Compression['levels'],
    isCompressible: predicateOf(values['types']),
  })
}

function codingsOf(given: unknown): readonly CompressionCoding[] {
  const list = given as readonly CompressionCoding[]
  if (!Array.isArray(given) || list.length === 0 || !list.every((coding) => CODINGS.includes(coding))) {
    throw invalid('compression.codings', given, `a list of some of ${CODINGS.join(', ')}`)
  }
  return Object.freeze([...new Set(list)])
}

function predicateOf(types: unknown): (contentType: string) => boolean {
  if (typeof types === 'function') return (contentType) => Boolean(types(contentType))
  if (!Array.isArray(types) || !types.every((type) => typeof type === 'string' && TYPE.test(type))) {
    throw invalid('compression.types', types, "a function, or a list such as ['text/*', '*+json', 'application/wasm']")
  }
  const wanted = new Set(types.map((type: string) => type.toLowerCase()))
  const known = new Map<string, boolean>()
  return (contentType) => {
    let result = known.get(contentType)
    if (result === undefined) {
      result = matches(wanted, contentType)
      // A program sends few types; one that makes them up must not grow the table for ever.
      if (known.size >= MOST_KNOWN) known.clear()
      known.set(contentType, result)
    }
    return result
  }
}

function matches(wanted: ReadonlySet<string>, contentType: string): boolean {
  const [essence = ''] = contentType.split(';', 1)
  const type = essence.trim().toLowerCase()
  const slash = type.indexOf('/')
  if (slash < 0) return false
  const plus = type.lastIndexOf('+')
  return (
    wanted.has(type) || wanted.has(`${type.slice(0, slash)}/*`) || (plus > slash && wanted.has(`*${type.slice(plus)}`))
  )
}

/** `text/html`, `text/*` or `*+json`. */
const TYPE = /^(?:[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+)|\*\+[\w!#$&^.-]+)$/
const MOST_KNOWN = 256
