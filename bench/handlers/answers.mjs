// What every JavaScript peer answers, so that two servers differ in nothing but the server.

export const HELLO = 'Hello, World!'
export const TEXT = 'text/plain'
export const JSON_TYPE = 'application/json'
export const BINARY = 'application/octet-stream'

/** One piece of the download, and how often it is sent: 16 × 64 KiB are the mebibyte. */
export const PIECE = Uint8Array.from({ length: 64 * 1024 }, (_, at) => (at * 31) % 251)
export const DOWNLOAD_PIECES = 16
export const DOWNLOAD_BYTES = PIECE.length * DOWNLOAD_PIECES

/** The stream scenario: 100 MiB, each piece in memory of its own, as a source of data would hand them out. */
export const STREAM_PIECES = 1600
export const STREAM_BYTES = PIECE.length * STREAM_PIECES
export async function* streamed() {
  for (let left = STREAM_PIECES; left > 0; left--) yield Buffer.from(PIECE)
}

/** The json scenario: the path and two headers of the request. */
export function describe(path, agent, id) {
  return JSON.stringify({ path, agent, id })
}

/** The post scenario: an order of about 1 KiB, already parsed. */
export function receipt(order) {
  let total = 0
  for (const item of order.items) total += item.quantity * item.price
  return JSON.stringify({ id: order.id, items: order.items.length, total })
}

/**
 * Keeps the thread busy for as much work as takes it 20 µs when nothing else runs.
 *
 * Work, not a wait for the clock: with a server of several threads on one core, time taken by its other threads would
 * count as time worked, and the server would look faster than it is.
 */
export function busy() {
  work(rounds)
}

/** Call once before listening in the busy scenario: finds how much work 20 µs are in this runtime on this machine. */
export function calibrate() {
  const probe = 1000
  // The least of many: an interruption makes a probe longer, nothing makes it shorter.
  let least = Infinity
  for (let attempt = 0; attempt < 400; attempt++) {
    const started = performance.now()
    work(probe)
    least = Math.min(least, performance.now() - started)
  }
  rounds = Math.round((probe * 0.02) / least)
}

let rounds = 0
let sink = 1

/**
 * Written out sixteen times, which makes it too long to be inlined: inlined into one server's code it took 20 µs, into
 * another's 27.
 */
function work(times) {
  let value = sink
  for (let at = 0; at < times; at++) {
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
  }
  sink = value | 1
}
