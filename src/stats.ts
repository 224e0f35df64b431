import type { NativeStats } from './binding'

/** What a server has counted since it began to listen. */
export interface ServerStats {
  /** Connections that are open. */
  readonly connections: number
  /** Connections that were accepted so far. */
  readonly accepted: number
  /** Requests received so far, also those that the core has answered alone. */
  readonly requests: number
  /** Requests whose answer is not complete. */
  readonly pending: number
  /** Bytes of requests that wait for this JavaScript thread, of all its servers. */
  readonly queuedBytes: number
  /** Requests that the core has answered with a fixed answer so far. */
  readonly fixedAnswers: number
  /** Requests that were answered with a file so far. */
  readonly fileAnswers: number
  /** Answers that were compressed so far. */
  readonly compressedAnswers: number
  /**
   * Whether no connection is accepted now because the process is about to run out of descriptors
   * (`limits.reservedDescriptors`). What is connected is served, and accepting goes on by itself.
   */
  readonly descriptorsLow: boolean
  /** Bytes read from sockets. */
  readonly bytesRead: number
  /** Bytes written to sockets. */
  readonly bytesWritten: number
  /** What went wrong so far, by kind. */
  readonly errors: {
    /** Handlers, or callbacks of theirs, that threw or rejected. */
    readonly handler: number
    /** Messages refused because they break the rules or a limit. */
    readonly protocol: number
    /** Connections ended by a timeout. */
    readonly timeout: number
    /** Clients that left while an answer was owed to them. */
    readonly aborted: number
    /** Connections answered 503 because there were too many. */
    readonly refused: number
    /** Accepts that failed, for example for want of descriptors. */
    readonly accept: number
  }
}

export function statsOf(native: NativeStats, handler: number): ServerStats {
  return {
    connections: native.connections,
    accepted: native.accepted,
    requests: native.requests,
    pending: native.pending,
    queuedBytes: native.queuedBytes,
    fixedAnswers: native.fixedAnswers,
    fileAnswers: native.fileAnswers,
    compressedAnswers: native.compressed,
    descriptorsLow: native.descriptorsLow,
    bytesRead: native.bytesRead,
    bytesWritten: native.bytesWritten,
    errors: {
      handler,
      protocol: native.protocolErrors,
      timeout: native.timeouts,
      aborted: native.aborted,
      refused: native.refusedConnections,
      accept: native.acceptErrors,
    },
  }
}

/** Of a server that has not listened yet. */
export const NO_STATS: ServerStats = statsOf(
  {
    connections: 0,
    accepted: 0,
    refusedConnections: 0,
    requests: 0,
    pending: 0,
    bytesRead: 0,
    bytesWritten: 0,
    protocolErrors: 0,
    timeouts: 0,
    aborted: 0,
    acceptErrors: 0,
    queuedBytes: 0,
    descriptorsLow: false,
    fixedAnswers: 0,
    fileAnswers: 0,
    compressed: 0,
  },
  0,
)
