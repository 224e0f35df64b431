import type { Compression } from './compression'
import { fieldOf, type Field } from './fields'
import { NO_FIELDS, withFields, Head } from './head'
import { listFields, type ResponseHead } from './response-head'
import { CODING_SHIFT } from './state'

/** What the decision needs to know of an answer. */
interface Answer extends ResponseHead {
  readonly _status: number
  readonly _state: number
  readonly _server: { readonly compression: Compression | null }
}

/**
 * Decides, once for each answer, whether the core is to compress it, and fits its headers: an answer that depends on
 * what the client accepts says so by `Vary` also when it is sent as it is (RFC 9110 12.5.5), and a strong ETag is the
 * one of the bytes before the coding, so that the compressed answer has a weak one (RFC 9110 8.8.1).
 *
 * @param length the body's length, or -1 when it is not known yet
 * @returns the code of the content coding, 0 for none
 */
export function chooseCoding(answer: Answer, length: number): number {
  const { compression } = answer._server
  const { _status: status } = answer
  if (compression === null || (length >= 0 && length < compression.threshold && status !== 304)) return 0
  // No content, and a part of what the headers describe.
  if (status === 204 || status === 205 || status === 206) return 0
  const coding = (answer._state >>> CODING_SHIFT) & 3
  if (answer._rest === null) {
    const forms = formsOf(answer._head, compression)
    if (forms === null) return 0
    answer._head = coding === 0 ? forms.plain : forms.coded
  } else {
    const fields = listFields(answer)
    if (!isEligible(fields, compression)) return 0
    answer._head = NO_FIELDS
    answer._rest = negotiated(fields, coding !== 0)
  }
  // It has the headers of the 200 it stands for (RFC 9110 15.4.5), or a cache could not tell which answer it confirms.
  return status === 304 ? 0 : coding
}

/** A shared head as it is sent with answers that may be compressed. */
export interface HeadForms {
  readonly judge: Compression
  readonly isEligible: boolean
  readonly plain: Head
  readonly coded: Head
}

/** Kept with the head: most answers of a program share a few of them, and this then costs two comparisons. */
function formsOf(head: Head, compression: Compression): HeadForms | null {
  let { forms } = head
  if (forms === null || forms.judge !== compression) {
    const eligible = isEligible(head.fields, compression)
    const plain = eligible ? new Head(negotiated(head.fields, false)) : head
    const coded = eligible ? new Head(negotiated(head.fields, true)) : head
    forms = head.forms = { judge: compression, isEligible: eligible, plain, coded }
  }
  return forms.isEligible ? forms : null
}

function isEligible(fields: readonly Field[], compression: Compression): boolean {
  let compressible = false
  for (const { lower, value } of fields) {
    switch (lower) {
      case 'content-type':
        compressible = compression.isCompressible(value)
        break
      case 'content-encoding':
      case 'content-range':
        return false
      case 'cache-control':
        if (NO_TRANSFORM.test(value)) return false
    }
  }
  return compressible
}

function negotiated(fields: readonly Field[], isCoded: boolean): Field[] {
  const varying = withVary(fields)
  return isCoded ? varying.map((field) => (field.lower === 'etag' ? weakened(field) : field)) : varying
}

function withVary(fields: readonly Field[]): Field[] {
  const lines = fields.filter(({ lower }) => lower === 'vary')
  if (lines.some(({ value }) => COVERS_CODING.test(value))) return [...fields]
  const [first, ...others] = lines
  if (first === undefined) return [...fields, fieldOf('vary', 'accept-encoding')]
  return withFields(fields, 'vary', [fieldOf(first.name, `${first.value}, accept-encoding`), ...others])
}

function weakened(field: Field): Field {
  return field.value.startsWith('"') ? fieldOf(field.name, `W/${field.value}`) : field
}

/** RFC 9111 5.2.2.6. */
const NO_TRANSFORM = /(?:^|[\s,])no-transform(?:$|[\s,])/i
const COVERS_CODING = /(?:^|[\s,])(?:accept-encoding|\*)(?:$|[\s,])/i
