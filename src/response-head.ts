import { Flag } from './outbound'
import { codedType, type CodedError } from './errors'
import { fieldOf, Special, specialOf, trailerField, valueText, type Field, type HeaderValue } from './fields'
import { NO_FIELDS, withFields, type Head } from './head'

/**
 * The headers of one response until they are sent: a known head, shared with other responses, and the fields after it.
 * An interface and functions, not a class to inherit from: an object of a derived class costs V8 20 ns more.
 */
export interface ResponseHead {
  _head: Head
  _rest: Field[] | null
  /** What all of them mean to the framing. */
  _special: number
}

/** Sets a header to one value or a list of them. The way through a known head has been tried before. */
export function setField(head: ResponseHead, name: string, value: HeaderValue): void {
  if (Array.isArray(value)) {
    replaceFields(head, String(name).toLowerCase(), fieldsOf(name, value as readonly string[]))
    return
  }
  const text = valueText(name, value)
  const field = fieldOf(name, text)
  if (head._rest === null) head._head.taken(name, text)
  if ((head._special & ~Special.kept) === 0 && !hasField(head, field.lower)) addField(head, field)
  else replaceFields(head, field.lower, [field])
}

/** Adds a line for each value, or replaces the one there can be only one of. */
export function appendField(head: ResponseHead, name: string, value: HeaderValue): void {
  for (const field of fieldsOf(name, value)) {
    if ((field.special & ~Special.date) === 0) addField(head, field)
    else replaceFields(head, field.lower, [field])
  }
}

/** A line for each value. */
export function fieldsOf(name: string, value: HeaderValue): Field[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.map((one) => fieldOf(name, valueText(name, one)))
}

/** The lines of a set of headers. */
export function fieldsOfAll(headers: Readonly<Record<string, HeaderValue>>): Field[] {
  return checkSize(Object.entries(headers).flatMap(([name, value]) => fieldsOf(name, value)))
}

/** The lines of a set of trailers. */
export function trailersOf(trailers: Readonly<Record<string, HeaderValue>>): Field[] {
  const fields: Field[] = []
  for (const [name, value] of Object.entries(trailers)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value]
    for (const one of values) fields.push(trailerField(name, one))
  }
  return checkSize(fields)
}

/** Puts others where the first line of a name was, or at the end. */
export function replaceFields(head: ResponseHead, lower: string, replacements: readonly Field[]): void {
  const fields = withFields(listFields(head), lower, replacements)
  head._head = NO_FIELDS
  head._rest = fields
  head._special = specialOf(fields)
}

export function listFields(head: ResponseHead): readonly Field[] {
  return head._rest === null ? head._head.fields : [...head._head.fields, ...head._rest]
}

export function hasField(head: ResponseHead, lower: string): boolean {
  return includes(head._head.fields, lower) || (head._rest !== null && includes(head._rest, lower))
}

/** The value of content-length, or -1. */
export function declaredLength(head: ResponseHead): number {
  return Number(listFields(head).find((field) => (field.special & Special.length) !== 0)?.value ?? -1)
}

/** The flags of the record that sends a head. */
export function headFlags(special: number): number {
  if (special === 0) return 0
  return ((special & Special.close) === 0 ? 0 : Flag.close) | ((special & Special.date) === 0 ? 0 : Flag.hasDate)
}

/** Bytes that fields take at most. */
export function fieldBytes(fields: readonly Field[]): number {
  let bytes = 0
  for (let i = 0; i < fields.length; i++) bytes += fields[i]!.line.length
  return bytes
}

/** {@link fieldBytes} of fields that are about to be sent. Throws ERR_HEADERS_TOO_LARGE. */
export function checkedBytes(fields: readonly Field[]): number {
  const size = fieldBytes(fields)
  if (size > MAX_FIELD_BYTES) throw tooLarge(size)
  return size
}

/** More header text than this in one response is a mistake: no client takes it. */
export const MAX_FIELD_BYTES = 64 * 1024

export function tooLarge(size: number): CodedError {
  return codedType('ERR_HEADERS_TOO_LARGE', `The headers take ${size} bytes; at most ${MAX_FIELD_BYTES} are sent.`)
}

function checkSize(fields: Field[]): Field[] {
  checkedBytes(fields)
  return fields
}

function addField(head: ResponseHead, field: Field): void {
  if (head._rest === null) head._rest = [field]
  else head._rest.push(field)
  head._special |= field.special
}

function includes(fields: readonly Field[], lower: string): boolean {
  for (let i = 0; i < fields.length; i++) if (fields[i]!.lower === lower) return true
  return false
}
