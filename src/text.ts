/*
 * Text in and out of a Buffer, by the methods that `toString` and `write` come to in the end: what those do before, looking
 * at the encoding's name and the range, takes a fifth of the time of a short message. They are not documented, so that
 * a runtime without them gets the others.
 */

interface Methods {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number): number
}

const methods = Buffer.prototype as unknown as Partial<Methods>
const HAS_METHODS = [methods.latin1Slice, methods.utf8Slice, methods.utf8Write].every((it) => typeof it === 'function')

/** The text of bytes below 128, or of Latin-1. */
export function readLatin1(bytes: Buffer, start: number, end: number): string {
  return HAS_METHODS ? (bytes as unknown as Methods).latin1Slice(start, end) : bytes.toString('latin1', start, end)
}

export function readUtf8(bytes: Buffer, start: number, end: number): string {
  return HAS_METHODS ? (bytes as unknown as Methods).utf8Slice(start, end) : bytes.toString('utf8', start, end)
}

/** Returns the bytes written. */
export function writeUtf8(bytes: Buffer, text: string, at: number): number {
  return HAS_METHODS ? (bytes as unknown as Methods).utf8Write(text, at) : bytes.write(text, at, 'utf8')
}

/** The same text, of Latin-1, as a string of its own: V8 keeps alive what a slice was cut out of. Only bytes cut it off. */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
