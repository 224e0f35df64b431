import type { ErrorCode } from './errors'

/** Errors that tell of the client's fault, with the status it is answered when a handler lets one pass. */
const FAULTS: ReadonlyMap<unknown, number> = new Map<ErrorCode, number>([
  ['ERR_BODY_JSON', 400],
  ['ERR_BODY_MALFORMED', 400],
  ['ERR_BODY_TIMEOUT', 408],
  ['ERR_BODY_TOO_LARGE', 413],
  ['ERR_UNSUPPORTED_ENCODING', 415],
])

/** The status that tells the client of its fault; 0 when the error is none of those, and so the program's own. */
export function statusOfFault(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 0
  try {
    return FAULTS.get((error as { code?: unknown }).code) ?? 0
  } catch {
    // What is thrown can be anything, also something that throws when it is looked at.
    return 0
  }
}
