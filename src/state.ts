/**
 * What has happened to an exchange so far, and what is known about it from the start: the bits of one number, so that a
 * plain answer is recognised by a single comparison.
 */
export const State = {
  headSent: 1,
  ended: 2,
  gone: 4,
  /** Known to the lane's table of exchanges that go on after their handler has returned. */
  pending: 8,
  /** The request is a HEAD request, whose answer has no body. */
  toHead: 16,
  /** Somebody waits to be told about a write. */
  notifies: 32,
  /** A file is being looked for; without it the exchange goes on unanswered. */
  lookedFor: 64,
  /** The answer may be compressed, and so depends on what the client accepts. */
  varies: 128,
  /** It is not to be compressed all the same. */
  plain: 256,
  /** It was not to be until the handler said so. */
  plainAtFirst: 512,
  /** The connection has left HTTP: what follows the head goes both ways. */
  tunnel: 4096,
  /** The exchange becomes a WebSocket: nothing else can answer it. */
  accepted: 8192,
} as const

/** Where the code of the content coding is that the client likes best. */
export const CODING_SHIFT = 10

/** The state in which an exchange begins on a server that does not compress. */
export function plainState(isHead: boolean): number {
  return isHead ? State.toHead : 0
}

/**
 * The state in which an exchange begins on a server that compresses.
 *
 * @param automatic whether it does so unless the handler says otherwise
 * @param coding the code of the content coding that the client likes best
 */
export function initialState(isHead: boolean, automatic: boolean, coding: number): number {
  const plain = automatic ? 0 : State.plain | State.plainAtFirst
  return plainState(isHead) | State.varies | plain | (coding << CODING_SHIFT)
}
