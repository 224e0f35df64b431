/**
 * The error that `ws` emits for what a client did wrong, from the code and the sentence with which the core has closed;
 * null when the connection ended otherwise.
 */
export function failureOf(closeCode: number, sentence: string, isCompressed: boolean): Error | null {
  const known = FAILURES[sentence]
  if (known !== undefined) return failure(known === RESERVED ? reservedBit(isCompressed) : known, sentence)
  // What a decompressor has to say depends on where it stopped.
  return closeCode === INVALID_PAYLOAD && isCompressed ? failure('Z_DATA_ERROR', sentence) : null
}

/** The core's sentences, in the order of crates/millrace-ws/src: what a frame, a message, a Close frame can be. */
const RESERVED = 'RESERVED'
const FAILURES: Readonly<Record<string, string>> = {
  'A frame has a reserved bit set that no agreed extension gives a meaning.': RESERVED,
  'A frame other than the first of a message is marked as compressed.': 'WS_ERR_UNEXPECTED_RSV_1',
  'A frame has a reserved opcode.': 'WS_ERR_INVALID_OPCODE',
  'A frame of the client is not masked.': 'WS_ERR_EXPECTED_MASK',
  'The length of a frame is written with more bytes than it needs.': 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'The length of a frame has its highest bit set.': 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'A frame is too long.': 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'A message is too long.': 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'A message has too many fragments.': 'WS_ERR_TOO_MANY_BUFFERED_PARTS',
  'A message begins inside another one.': 'WS_ERR_INVALID_OPCODE',
  'A message is continued that was not begun.': 'WS_ERR_INVALID_OPCODE',
  'A text is not valid UTF-8.': 'WS_ERR_INVALID_UTF8',
  'A control frame is fragmented.': 'WS_ERR_EXPECTED_FIN',
  'A control frame has more than 125 bytes of payload.': 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  'A Close frame has half of a code.': 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH',
  'A Close frame has a code that must not be sent.': 'WS_ERR_INVALID_CLOSE_CODE',
}

/** RFC 6455 7.4.1. */
const INVALID_PAYLOAD = 1007

/** Without compression all three bits are reserved, and the first is the one that clients get wrong. */
function reservedBit(isCompressed: boolean): string {
  return isCompressed ? 'WS_ERR_UNEXPECTED_RSV_2_3' : 'WS_ERR_UNEXPECTED_RSV_1'
}

function failure(code: string, sentence: string): Error {
  return Object.assign(new RangeError(`Invalid WebSocket frame: ${sentence}`), { code })
}
