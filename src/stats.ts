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
  /** Its WebSockets. */
  readonly websockets: {
    /** WebSockets that are open. */
    readonly open: number
    /** WebSockets that were opened so far. */
    readonly opened: number
    /** Handshakes refused so far because they are none, without asking `upgrade`. */
    readonly refused: number
    /** Messages received so far. */
    readonly messagesReceived: number
    /** Messages sent to one socket so far. */
    readonly messagesSent: number
    /** Published messages so far, counted for each socket they went to. */
    readonly published: number
    /** Messages dropped so far because clients were slow, by the rule that did it. */
    readonly dropped: {
      /** There was no room for them. */
      readonly newest: number
      /** They made room for later ones. */
      readonly oldest: number
      /** A later one of their topic took their place. */
      readonly latest: number
    }
    /** WebSockets cut so far because too much waited for their clients. */
    readonly closedSlow: number
  }
  /** Its handshakes of TLS. */
  readonly tls: {
    /** Handshakes that were completed so far. */
    readonly handshakes: number
    /** Handshakes that failed so far, also those that took too long. */
    readonly failed: number
    /** Handshakes under way. */
    readonly open: number
    /** Of those that were completed, how many have resumed an earlier session. */
    readonly resumed: number
    /** How often `tls.resolve` was asked for a name. */
    readonly namesAsked: number
    /** Requests of plain HTTP that were refused or redirected so far. */
    readonly plainRefused: number
  }
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
    websockets: {
      open: native.websockets.open,
      opened: native.websockets.opened,
      refused: native.websockets.refusedHandshakes,
      messagesReceived: native.websockets.messagesReceived,
      messagesSent: native.websockets.messagesSent,
      published: native.websockets.messagesPublished,
      dropped: {
        newest: native.websockets.droppedNewest,
        oldest: native.websockets.droppedOldest,
        latest: native.websockets.droppedLatest,
      },
      closedSlow: native.websockets.closedSlow,
    },
    tls: {
      handshakes: native.tls.handshakes,
      failed: native.tls.handshakesFailed,
      open: native.tls.handshakesOpen,
      resumed: native.tls.resumed,
      namesAsked: native.tls.namesAsked,
      plainRefused: native.tls.plainRefused,
    },
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
    websockets: {
      open: 0,
      opened: 0,
      refusedHandshakes: 0,
      messagesReceived: 0,
      messagesSent: 0,
      messagesPublished: 0,
      droppedNewest: 0,
      droppedOldest: 0,
      droppedLatest: 0,
      closedSlow: 0,
    },
    tls: {
      handshakes: 0,
      handshakesFailed: 0,
      handshakesOpen: 0,
      resumed: 0,
      namesAsked: 0,
      plainRefused: 0,
    },
  },
  0,
)
