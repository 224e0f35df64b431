import { codedType, show } from './errors'
import { FilePiece, FileRange } from './file-range'

/** A piece of a body: text (sent as UTF-8), an ArrayBuffer, any view of one, or a range of a file. */
export type Chunk = string | ArrayBuffer | SharedArrayBuffer | NodeJS.ArrayBufferView | FileRange

/** A piece as it is written: its length is counted in bytes, or in characters of a text. */
export type Piece = string | Uint8Array | FilePiece

/** One piece, or the pieces of a list. */
export function listOf(chunk: Chunk | readonly Chunk[]): readonly Piece[] {
  return Array.isArray(chunk) ? (chunk as readonly Chunk[]).map(pieceOf) : [pieceOf(chunk as Chunk)]
}

/** All of a body as one text or one run of bytes; as a list of pieces when some of it is in a file. */
export function joinPieces(body: Chunk | readonly Chunk[]): Piece | readonly Piece[] {
  if (!Array.isArray(body)) return pieceOf(body as Chunk)
  const pieces = listOf(body as readonly Chunk[])
  if (pieces.length === 1) return pieces[0]!
  if (pieces.every((piece) => typeof piece === 'string')) return pieces.join('')
  if (pieces.some((piece) => piece instanceof FilePiece)) return pieces
  return Buffer.concat((pieces as ReadonlyArray<string | Uint8Array>).map(bytesOf))
}

/** Bytes that a piece takes on the wire. */
export function byteLength(piece: Piece): number {
  return typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
}

export function checkCallback(callback: unknown): void {
  if (callback !== undefined && typeof callback !== 'function') {
    throw codedType('ERR_INVALID_ARGUMENT', `The callback has to be a function, but it is ${show(callback)}.`)
  }
}

/** A piece of a body that somebody gave. */
export function pieceOf(chunk: Chunk): Piece {
  if (typeof chunk === 'string') return chunk
  if (chunk instanceof Uint8Array && isHonest(chunk)) return chunk
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (chunk instanceof ArrayBuffer || chunk instanceof SharedArrayBuffer) return new Uint8Array(chunk)
  if (chunk instanceof FileRange) return chunk._measure()
  throw codedType(
    'ERR_INVALID_CHUNK',
    `A body chunk has to be a string, an ArrayBuffer, a view of one, a range of a file, or a list of these, but it is ${show(chunk)}.`,
  )
}

/** Whether something can be a piece of a body. */
export function isChunk(value: unknown): value is Chunk {
  return (
    typeof value === 'string' ||
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer ||
    value instanceof SharedArrayBuffer ||
    value instanceof FileRange
  )
}

function bytesOf(piece: string | Uint8Array): Uint8Array {
  return typeof piece === 'string' ? Buffer.from(piece) : piece
}

/** A subclass, or a property of the object itself, could say another length than there is, and send others' bytes. */
function isHonest(bytes: Uint8Array): boolean {
  return trueLength(bytes) === bytes.length
}

// Asking for the prototype and the object's own properties takes three times as long.
const trueLength: (bytes: Uint8Array) => number = Function.prototype.call.bind(
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')!.get!,
)
