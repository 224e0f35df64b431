import type { AnswerInfo } from './answer-info'
import { STATUS_CODES } from './status'

/** Lines that {@link accessLog} can make by itself. */
export type AccessLogFormat = 'common' | 'combined' | 'json' | 'dev'

export const FORMATS: Readonly<Record<AccessLogFormat, (answer: AnswerInfo) => string>> = {
  common,
  combined,
  json,
  dev: (answer) => dev(answer, plain),
}

/** What nginx calls a client that has gone before its answer: tools that read logs want a number. */
const CLIENT_GONE = 499

/** `%h %l %u %t "%r" %>s %b` of Apache. */
function common({ start, remoteAddress = '-', request, status, bytes }: AnswerInfo): string {
  const line = request === null ? '-' : `${escaped(request.method)} ${escaped(request.url)} HTTP/${request.httpVersion}`
  return `${remoteAddress} - - [${apacheTime(start)}] "${line}" ${status || CLIENT_GONE} ${bytes || '-'}`
}

/** The same with `"%{Referer}i" "%{User-agent}i"`. */
function combined(answer: AnswerInfo): string {
  const { referer, userAgent } = answer.request ?? { referer: '', userAgent: '' }
  return `${common(answer)} "${escaped(referer) || '-'}" "${escaped(userAgent) || '-'}"`
}

function json({ start, remoteAddress, request, status, bytes, duration, isCut, code }: AnswerInfo): string {
  const text = JSON.stringify({
    time: new Date(start).toISOString(),
    remoteAddress,
    method: request?.method,
    url: request?.url,
    httpVersion: request?.httpVersion,
    status,
    bytes,
    duration: Number(duration.toFixed(3)),
    ...(isCut ? { cut: true } : {}),
    code: code ?? undefined,
    host: request?.host || undefined,
    referer: request?.referer || undefined,
    userAgent: request?.userAgent || undefined,
  })
  // JSON lets these stand: a terminal takes U+009B for ESC [, and some readers U+0085 for the end of a line.
  return text.replace(/[\x7f-\x9f\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A line for a person: `painted` can have parts of it stand out. */
export function dev(
  { start, remoteAddress = 'unix', request, status, bytes, duration, isCut, code }: AnswerInfo,
  painted: (part: 'dim' | 'ok' | 'moved' | 'wrong' | 'failed', text: string) => string,
): string {
  const what = request === null ? '(not readable)' : `${escaped(request.method)} ${escaped(request.url)}`
  const outcome = status === 0 ? 'no answer' : `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()
  const style = status >= 500 || status === 0 ? 'failed' : status >= 400 ? 'wrong' : status >= 300 ? 'moved' : 'ok'
  const rest = `${sizeOf(bytes)} ${timeOf(duration)}${isCut && status !== 0 ? ' (cut)' : ''}${code === null ? '' : ` ${code}`}`
  const clock = new Date(start).toTimeString().slice(0, 8)
  return `${painted('dim', `${clock} ${remoteAddress}`)} ${what} ${painted(style, outcome)} ${painted('dim', rest)}`
}

function plain(_part: unknown, text: string): string {
  return text
}

/**
 * As Apache writes what clients send: nothing in it can end the line, the quotes around it, or make a terminal do
 * something.
 */
export function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(EACH_SPECIAL, escapeOne) : text
}

function escapeOne(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  return [...Buffer.from(character, character > '\xff' ? 'utf8' : 'latin1')]
    .map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
    .join('')
}

const SPECIAL = /[^ !#-[\]-~]/
const EACH_SPECIAL = /[^ !#-[\]-~]/g

function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

function timeOf(duration: number): string {
  return duration < 1000 ? `${duration.toFixed(duration < 10 ? 1 : 0)} ms` : `${(duration / 1000).toFixed(1)} s`
}

let second = -1
let text = ''

/** `21/Nov/2026:23:59:59 +0000`, of the local time. Made once a second. */
function apacheTime(time: number): string {
  const now = Math.floor(time / 1000)
  if (now !== second) {
    second = now
    const date = new Date(now * 1000)
    // `Sat Nov 21 2026 23:59:59 GMT+0000 …` (ECMA-262, Date.prototype.toString).
    const [, month, day, year, clock, zone = ''] = date.toString().split(' ')
    text = `${day}/${month}/${year}:${clock} ${zone.slice(3)}`
  }
  return text
}
