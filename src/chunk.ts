import { codedType, show } from './errors'

/** A piece of a body: text (sent as UTF-8), an ArrayBuffer, or any view of one. */
export type Chunk = string | ArrayBuffer | SharedArrayBuffer | NodeJS.ArrayBufferView

/** One piece, or the pieces of a list, each as text or bytes. */
export function listOf(chunk: Chunk | readonly Chunk[]): readonly (string | Uint8Array)[] {
  return Array.isArray(chunk) ? (chunk as readonly Chunk[]).map(pieceOf) : [pieceOf(chunk as Chunk)]
}

/** All of a body as one text or one run of bytes. */
export function joinPieces(body: Chunk | readonly Chunk[]): string | Uint8Array {
  if (!Array.isArray(body)) return pieceOf(body as Chunk)
  const pieces = listOf(body as readonly Chunk[])
  if (pieces.length === 1) return pieces[0]!
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('')
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)))
}

export function checkCallback(callback: unknown): void {
  if (callback !== undefined && typeof callback !== 'function') {
    throw codedType('ERR_INVALID_ARGUMENT', `The callback has to be a function, but it is ${show(callback)}.`)
  }
}

function pieceOf(chunk: Chunk): string | Uint8Array {
  if (typeof chunk === 'string') return chunk
  if (chunk instanceof Uint8Array && isHonest(chunk)) return chunk
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (chunk instanceof ArrayBuffer || chunk instanceof SharedArrayBuffer) return new Uint8Array(chunk)
  throw codedType(
    'ERR_INVALID_CHUNK',
    `A body chunk has to be a string, an ArrayBuffer, a view of one, or a list of these, but it is ${show(chunk)}.`,
  )
}

/** A subclass, or a property of the object itself, could say another length than there is, and send others' bytes. */
function isHonest(bytes: Uint8Array): boolean {
  const prototype: unknown = Object.getPrototypeOf(bytes)
  return (prototype === Buffer.prototype || prototype === Uint8Array.prototype) && !Object.hasOwn(bytes, 'length')
}
