import { invalid } from './rules'
import type { Field, HeaderValue } from './fields'
import { fieldsOf } from './response-head'

/** Headers that the core writes itself into the answers it gives alone. */
const CORES = new Set(['connection', 'content-length', 'date', 'transfer-encoding'])

/** Headers checked as those of a response are, for answers that the core gives alone. */
export function readyFields(headers: unknown): Field[] {
  if (headers === undefined) return []
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw invalid('headers', headers, 'an object with header names and values')
  }
  const fields = Object.entries(headers as Record<string, HeaderValue>).flatMap(([name, value]) =>
    fieldsOf(name, value),
  )
  const own = fields.find(({ lower }) => CORES.has(lower))
  if (own !== undefined) throw invalid('headers', headers, `without ${own.lower}, which the core writes itself`)
  return fields
}

/** Ready for the wire. */
export function linesOf(fields: readonly Field[]): string {
  return fields.map(({ line }) => line).join('')
}
