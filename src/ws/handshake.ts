import { STATUS_CODES } from '../status'
import type { Response } from '../response'
import type { UpgradeRequest } from './request'

/** Why a handshake is refused, with the words of `ws`. */
export interface Refusal {
  readonly status: number
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Looks whether a request is a handshake (RFC 6455 4.2.1), by the rules of `ws`: null when it is one. */
export function refusalOf({ method, headers, httpVersion, request }: UpgradeRequest): Refusal | null {
  const { upgrade, 'sec-websocket-key': key, 'sec-websocket-version': version } = headers
  if (method !== 'GET') return { status: 405, message: 'Invalid HTTP method' }
  if (upgrade?.toLowerCase() !== 'websocket') return { status: 400, message: 'Invalid Upgrade header' }
  if (key === undefined || !KEY.test(key))
    return { status: 400, message: 'Missing or invalid Sec-WebSocket-Key header' }
  if (version !== '13' && version !== '8') {
    return {
      status: 400,
      message: 'Missing or invalid Sec-WebSocket-Version header',
      headers: { 'sec-websocket-version': '13, 8' },
    }
  }
  if (httpVersion !== '1.1') return { status: 400, message: 'Invalid HTTP version' }
  if (request._body !== null) return { status: 400, message: 'A handshake has no body' }
  return null
}

/** The subprotocols that a client offers; null when the header is no list of names. */
export function protocolsOf({ headers }: UpgradeRequest): Set<string> | null {
  const line = headers['sec-websocket-protocol']
  if (line === undefined) return new Set()
  const names = line.split(',').map((name) => name.trim())
  const protocols = new Set(names)
  return names.every((name) => TOKEN.test(name)) && protocols.size === names.length ? protocols : null
}

/** Answers a handshake that is refused, and has the connection closed. */
export function abort(
  response: Response,
  status: number,
  message = STATUS_CODES[status] ?? '',
  headers: Readonly<Record<string, string | number | readonly string[]>> = {},
): void {
  if (response.headersSent || response.ended || response.error !== null) return
  response.status = status
  response.setHeader('connection', 'close')
  response.setHeader('content-type', 'text/html')
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, typeof value === 'object' ? [...value] : value)
  }
  response.end(message)
}

/** The lines of a handshake's answer, for the event `headers`. The core adds the extensions agreed on. */
export function answerLines(accept: string, protocol: string): string[] {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ]
  if (protocol !== '') lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
  return lines
}

/** What a listener of `headers` has added. */
export function addedHeaders(lines: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim()
    if (colon < 1 || OWN.test(name)) continue
    ;(headers[name] ??= []).push(line.slice(colon + 1).trim())
  }
  return headers
}

/** 16 bytes in base64 (RFC 6455 4.1). */
const KEY = /^[+/0-9A-Za-z]{22}==$/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const OWN = /^(?:upgrade|connection|sec-websocket-.*)$/i
