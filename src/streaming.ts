import { Flag, LARGE_PAYLOAD, RECORD_OVERHEAD, type Outbox } from './outbound'
import { byteLength, type Piece } from './chunk'
import { chooseCoding } from './coding'
import { coded, codedPlain, messageOf, type CodedError } from './errors'
import { reset } from './exchange'
import { Special } from './fields'
import { FilePiece } from './file-range'
import type { Response } from './response'
import { checkedBytes, declaredLength, fieldBytes, headFlags, listFields } from './response-head'
import { State } from './state'
import { Stream, type Told } from './stream'

/*
 * An answer that goes in pieces: its head, its pieces, its end. Functions beside the class, because a whole answer, which
 * is what most are, never comes here.
 */

export function streamOf(response: Response): Stream {
  return (response._stream ??= new Stream())
}

/**
 * Sends the head, unless it has been sent.
 *
 * @param length the body's length when all of it is known, or -1
 */
export function begin(response: Response, length = -1): Stream {
  const stream = streamOf(response)
  if ((response._state & State.headSent) !== 0) return stream
  // RFC 9112 6.3: with both, transfer-encoding wins.
  const framing = response._special & (Special.length | Special.encoding)
  const declared = framing === Special.length ? declaredLength(response) : framing === 0 ? length : -1
  if (declared >= 0 && stream.trailers.length !== 0) {
    throw coded('ERR_HEADERS_SENT', 'A response with a declared content-length has no place for trailers.')
  }
  if (mayBeCompressed(response)) stream.coding = chooseCoding(response, declared)
  const fields = listFields(response)
  const size = checkedBytes(fields)
  stream.declared = declared
  stream.isLive = stream.coding !== 0 && fields.some(({ lower, value }) => lower === 'content-type' && LIVE.test(value))
  const outbox = response._lane.reserve(RECORD_OVERHEAD + response._reason.length + size)
  outbox.head(
    response._connection,
    response._generation,
    response._sequence,
    response._status,
    response._reason,
    fields,
    declared,
    headFlags(response._special) | (stream.coding * Flag.coding),
  )
  response._state |= State.headSent
  response._lane.written()
  return stream
}

/** Sends pieces as one group, whose outcome is told once. */
export function writeAll(response: Response, stream: Stream, pieces: readonly Piece[], told: Told | null): void {
  const flags = stream.isLive ? Flag.flush : 0
  const last = pieces.length - 1
  for (let i = 0; i < last; i++) writePiece(response, stream, pieces[i]!, 0, null)
  if (last >= 0) writePiece(response, stream, pieces[last]!, flags, told)
  else if (told !== null) writePiece(response, stream, '', 0, told)
  response._lane.written()
}

/** Sends a piece; an empty one only when its flags or its outcome are asked for. */
export function writePiece(response: Response, stream: Stream, piece: Piece, flags: number, told: Told | null): void {
  if (isBodyless(response)) piece = ''
  if (piece.length === 0 && told === null && flags === 0) return
  if (typeof piece === 'string' && piece.length > LARGE_PAYLOAD) piece = Buffer.from(piece)
  if (stream.declared >= 0) {
    stream.sent += byteLength(piece)
    if (stream.sent > stream.declared) throw mismatch(response, stream.declared, stream.sent)
  }
  const lane = response._lane
  const isText = typeof piece === 'string'
  const isLarge = !isText && (piece instanceof FilePiece || piece.length > LARGE_PAYLOAD)
  const outbox = lane.reserve(RECORD_OVERHEAD + (isLarge ? 0 : isText ? piece.length * 3 : piece.length))
  const payload = isLarge ? putAside(response, piece as Uint8Array | FilePiece) : (piece as string | Uint8Array)
  flags |= stream.account(piece.length, response._server.writeBuffer)
  if (isLarge) flags |= Flag.large
  writeChunk(outbox, response, payload, flags, told)
}

/** Ends an answer that went, or has to go, in pieces. */
export function finish(response: Response, pieces: readonly Piece[], told: Told | null): void {
  const hasLength = streamOf(response).trailers.length === 0 && response._status !== 204 && response._status !== 304
  const stream = begin(response, hasLength ? total(pieces) : -1)
  for (const piece of pieces) writePiece(response, stream, piece, 0, null)
  if (stream.declared >= 0 && stream.sent < stream.declared && !isBodyless(response)) {
    throw mismatch(response, stream.declared, stream.sent)
  }
  const trailers = stream.trailers
  const outbox = response._lane.reserve(RECORD_OVERHEAD + fieldBytes(trailers))
  const flags = told === null ? 0 : Flag.notify
  const token = told === null ? 0 : response._expect(told)
  outbox.end(response._connection, response._generation, response._sequence, trailers, flags, token)
  stream.release()
  response._close()
}

/**
 * Whether this answer never has a body, whatever is written (RFC 9110 6.4.1). A tunnel is none: what is written goes
 * through it, whichever status granted it and whichever method asked.
 */
export function isBodyless(response: Response): boolean {
  const { _status: status, _state: state } = response
  return (status === 204 || status === 304 || (state & State.toHead) !== 0) && (state & State.tunnel) === 0
}

/** Whether the server compresses and the handler leaves it to it. */
export function mayBeCompressed(response: Response): boolean {
  return (response._state & (State.varies | State.plain)) === State.varies
}

/** The body is not as long as declared: the connection is closed. */
export function mismatch(response: Response, declared: number, length: number): CodedError {
  const error = coded(
    'ERR_BODY_LENGTH_MISMATCH',
    `content-length declares ${declared} bytes, but the body has ${length < declared ? 'only ' : ''}${length}: the connection is closed.`,
  )
  // The thrown error is the program's to report; what follows is only its consequence.
  streamOf(response).cause = error
  reset(response, codedPlain('ERR_RESPONSE_RESET', messageOf(error)))
  return error
}

/** Hands over what does not go through the outbox; its index is only good for the records of one submission. */
function putAside(response: Response, piece: Uint8Array | FilePiece): number {
  if (!(piece instanceof FilePiece)) return response._lane.put(piece)
  try {
    return response._lane.putFile(piece.descriptor, piece.start, piece.start + piece.length)
  } catch (error) {
    // The pieces before it may be on their way.
    streamOf(response).cause = error
    reset(response, codedPlain('ERR_RESPONSE_RESET', 'A range of a file could not be written.'))
    throw error
  }
}

function writeChunk(
  outbox: Outbox,
  response: Response,
  payload: string | Uint8Array | number,
  flags: number,
  told: Told | null,
): void {
  let token = 0
  if (told !== null) {
    flags |= Flag.notify
    token = response._expect(told)
  }
  outbox.chunk(response._connection, response._generation, response._sequence, payload, flags, token)
}

function total(pieces: readonly Piece[]): number {
  let bytes = 0
  for (const piece of pieces) bytes += byteLength(piece)
  return bytes
}

/** A stream of events is read as it comes. */
const LIVE = /^\s*text\/event-stream\b/i
