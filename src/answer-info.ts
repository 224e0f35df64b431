/** Told of answers: see `ServerOptions.onAnswer`. What it throws goes to `onError`. */
export type AnswerHandler = (answer: AnswerInfo) => unknown

/**
 * What has become of a request, whoever has answered it: told when the system has taken the last byte of the answer, or
 * when none can follow. The texts are as the client has sent them, one character for each byte: other bytes than those of
 * ASCII are possible in headers, control characters are not.
 */
export interface AnswerInfo {
  /** The status; 0 when there was no answer, because the connection had failed or the server was closed. */
  readonly status: number
  /**
   * Bytes of the answer's content, compressed where it is, without the head. Of an answer that was cut, those that the
   * system has taken.
   */
  readonly bytes: number
  /** Milliseconds from the head of the request to the last byte of its answer. */
  readonly duration: number
  /** Whether the exchange was cut before the last byte of its answer. */
  readonly isCut: boolean
  /** The code of the rule that the request has broken, of docs/errors.md; null when the core has not refused it. */
  readonly code: string | null
  /** When its head had come, in milliseconds since 1970. */
  readonly start: number
  /** The other side's IP address; undefined on a Unix domain socket. */
  readonly remoteAddress: string | undefined
  /** The other side's port; undefined on a Unix domain socket. */
  readonly remotePort: number | undefined
  /**
   * What was asked; null when its first line could not be read, and it was refused for that. Of what was refused for
   * another reason there are no headers.
   */
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
  const [status, bytes, micros, cut, code = '', remote = '', version, method = '', url = '', ...headers] =
    text.split('\n')
  const [host = '', referer = '', userAgent = ''] = headers
  const duration = Number(micros) / 1000
  const colon = remote === 'unix' ? -1 : remote.lastIndexOf(':')
  return {
    status: Number(status),
    bytes: Number(bytes),
    duration,
    isCut: cut === '1',
    code: code === '' ? null : code,
    start: Date.now() - duration,
    remoteAddress: colon < 0 ? undefined : remote.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    remotePort: colon < 0 ? undefined : Number(remote.slice(colon + 1)),
    request:
      version === undefined
        ? null
        : { method, url, httpVersion: version === '1.0' ? '1.0' : '1.1', host, referer, userAgent },
  }
}
