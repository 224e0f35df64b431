/** What is only in records for WebSockets. */
export interface SentToSocket {
  /** Of a message, a publication, or a control record. */
  bytes?: Buffer
  text?: string
  flags?: string[]
  token?: number
  fragment?: number
  /** Of a control record. */
  operation?: string
  argument?: number
  topic?: string
  /** Of a publication. */
  server?: number
  except?: [connection: number, generation: number]
  /** Of an acceptance. */
  settings?: number
  fields?: string
  key?: string
  offers?: string
}

const FLAGS: Record<number, string> = {
  1: 'BINARY',
  4: 'LARGE',
  8: 'NOTIFY',
  16: 'COMPRESS',
  32: 'WANT_DRAIN',
  64: 'MORE',
  128: 'PART',
  256: 'EXCEPT',
}
const OPERATIONS = ['', 'ping', 'pong', 'close', 'terminate', 'pause', 'resume', 'overflow']

/** Reads a record for WebSockets, by the layout of `crates/millrace-batch` and not by the facade's code. */
export function readSocketRecord(kind: string, record: Buffer, put: readonly Buffer[]): SentToSocket {
  const word = (index: number): number => record.readUInt32LE(index * 4)
  const flags = Object.entries(FLAGS)
    .filter(([flag]) => ((word(0) >>> 8) & Number(flag)) !== 0)
    .map(([, name]) => name)
  const data = (start: number, length: number): { bytes: Buffer; text: string } => {
    const bytes = flags.includes('LARGE') ? put[length] : Buffer.from(record.subarray(start, start + length))
    return { bytes, text: bytes.toString() }
  }
  switch (kind) {
    case 'ACCEPT': {
      const key = 36 + word(6)
      const offers = key + word(7)
      return {
        settings: word(5),
        fields: record.subarray(36, key).toString('latin1'),
        key: record.subarray(key, offers).toString('latin1'),
        offers: record.subarray(offers, offers + word(8)).toString('latin1'),
      }
    }
    case 'SEND':
      return { flags, token: word(4), fragment: word(6), ...data(28, word(5)) }
    case 'CONTROL': {
      const operation = OPERATIONS[word(4)]
      if (operation === 'overflow') return { operation, argument: word(5), token: word(6) }
      return { operation, argument: word(5), ...data(28, word(6)) }
    }
    case 'TOPIC':
      return { operation: word(4) === 1 ? 'subscribe' : 'unsubscribe', topic: data(24, word(5)).text }
    default: {
      const topic = record.subarray(32, 32 + word(6)).toString()
      return { flags, server: word(3), except: [word(4), word(5)], topic, ...data(32 + word(6), word(7)) }
    }
  }
}
