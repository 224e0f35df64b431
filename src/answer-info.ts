/** Told of answers: see `ServerOptions.onAnswer`. What it throws goes to `onError`. */
export type AnswerHandler = (answer: AnswerInfo) => unknown

/**
 * What has become of a request, whoever has answered it: told when the whole answer has been handed over for sending. A
 * client may take its time then, or leave, which is not told here; who has to know it has callbacks of
 * {@link Response.end} and {@link Response.write}. The texts are as the client has sent them, one character for
 * each byte: other bytes than those of ASCII are possible in headers, control characters are not.
 */
export interface AnswerInfo {
  /** The status; 0 when there was no answer, because the connection had failed or the server was closed. */
  readonly status: number
  /** Bytes of the answer's content, as handed over: compressed where it is, without the head. */
  readonly bytes: number
  /** Milliseconds from the head of the request until its answer was handed over: of files, mostly next to none. */
  readonly duration: number
  /** Whether the exchange was cut before all of the answer had been handed over. */
  readonly isCut: boolean
  /** When its head had come, in milliseconds since 1970. */
  readonly start: number
  /** The other side's IP address; undefined on a Unix domain socket. */
  readonly remoteAddress: string | undefined
  /** The other side's port; undefined on a Unix domain socket. */
  readonly remotePort: number | undefined
  /** What was asked; null when it could not be read, and was refused for that. */
  readonly request: AnsweredRequest | null
}

/** What is told of a request after its answer. */
export interface AnsweredRequest {
  /** As received: any token is possible. */
  readonly method: string
  /** The target as received: path and query, mostly. */
  readonly url: string
  /** `'1.1'` or `'1.0'`. */
  readonly httpVersion: '1.0' | '1.1'
  /** The header `host`; `''` without one, and cut after 1024 bytes, as are those below. */
  readonly host: string
  /** The header `referer`. */
  readonly referer: string
  /** The header `user-agent`. */
  readonly userAgent: string
}

/** Reads the text of the core. */
export function answerInfo(text: string): AnswerInfo {
  const [status, bytes, micros, cut, remote = '', version, method = '', url = '', ...headers] = text.split('\n')
  const [host = '', referer = '', userAgent = ''] = headers
  const duration = Number(micros) / 1000
  const colon = remote === 'unix' ? -1 : remote.lastIndexOf(':')
  return {
    status: Number(status),
    bytes: Number(bytes),
    duration,
    isCut: cut === '1',
    start: Date.now() - duration,
    remoteAddress: colon < 0 ? undefined : remote.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    remotePort: colon < 0 ? undefined : Number(remote.slice(colon + 1)),
    request:
      version === undefined
        ? null
        : { method, url, httpVersion: version === '1.0' ? '1.0' : '1.1', host, referer, userAgent },
  }
}
