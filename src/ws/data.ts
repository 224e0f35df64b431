import { show, codedType } from '../errors'

/** What binary messages can be given as. */
export const BINARY_TYPES = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'] as const

/** What binary messages are given as: a Buffer, an ArrayBuffer, a list of Buffers, or a Blob. */
export type BinaryType = (typeof BINARY_TYPES)[number]

/** A received message: a Buffer, unless `binaryType` says otherwise and it is binary. */
export type RawData = Buffer | ArrayBuffer | Buffer[] | Blob

/** A received binary message in another form. The parts it came in are not known: it is one fragment. */
export function receivedAs(type: BinaryType, data: Buffer): RawData {
  switch (type) {
    case 'arraybuffer':
      return Uint8Array.from(data).buffer
    case 'blob':
      return new Blob([data])
    case 'fragments':
      return [data]
    default:
      return data
  }
}

/** What is sent for whatever a program may give. Throws ERR_INVALID_CHUNK for what has no bytes. */
export function payloadOf(data: unknown): string | Uint8Array {
  if (typeof data === 'string' || data instanceof Uint8Array) return data
  if (typeof data === 'number') return String(data)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  // As `ws` does: what is false is an empty message.
  if (!data) return new Uint8Array(0)
  try {
    return Buffer.from(data as readonly number[])
  } catch {
    throw codedType('ERR_INVALID_CHUNK', `A message is a text, or bytes, but it is ${show(data)}.`)
  }
}

/** Bytes of what a program has given. */
export function sizeOf(data: unknown): number {
  if (data instanceof Blob) return data.size
  return Buffer.byteLength(payloadOf(data))
}
