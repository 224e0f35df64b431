import { closeSync, openSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AnswerHandler, AnswerInfo } from './answer-info'
import { codedType, messageOf, show } from './errors'
import { FORMATS, type AccessLogFormat } from './log-formats'
import { group, invalid, type Rules } from './rules'

/** How answers are logged. */
export interface AccessLogOptions {
  /**
   * `'common'` and `'combined'` are those of Apache, `'json'` has an object in each line, `'dev'` is for a person who
   * looks on; or a function that gives a line without its end, or null for none. Default: `'combined'`.
   */
  format?: AccessLogFormat | ((answer: AnswerInfo) => string | null) | undefined
  /**
   * A file that lines are appended to. When it is made, nobody but its owner and group can read it: addresses and queries
   * are in it. Default: none, they go to `stream`.
   */
  file?: string | URL | undefined
  /** Where lines go, several at once. Default: standard output. */
  stream?: { write(lines: string): unknown } | undefined
}

/** What {@link accessLog} gives: to be the option `onAnswer`. */
export interface AccessLog extends AnswerHandler {
  /** Writes what is still held back. Happens by itself in each turn of the event loop, and when the process ends. */
  flush(): void
  /** Flushes, and closes the file. What is told afterwards is not logged. */
  close(): void
}

/**
 * Logs answers, one line each, as `createServer({ onAnswer: accessLog() })`: also those that the core gives without
 * JavaScript, and requests that are refused because they break the rules. Lines are collected and written once in each
 * turn of the event loop. Nothing that a client sends can end a line or the quotes within it: such characters are
 * written as `\xhh`, and by the JSON as `\u00hh`. When a line cannot be written, or whoever reads the stream is 16 MiB
 * behind, serving goes on without it.
 *
 * @throws ERR_INVALID_OPTION; the system's error when the file cannot be opened
 */
export function accessLog(options: AccessLogOptions = {}): AccessLog {
  const { format, file, stream } = group('', options, RULES) as Required<AccessLogOptions>
  const line = typeof format === 'function' ? format : FORMATS[format!]
  if (line === undefined) throw invalid('format', format, `a function, or one of ${Object.keys(FORMATS).join(', ')}`)
  if (file !== undefined && stream !== undefined) throw invalid('stream', stream, 'left out when there is a file')
  const descriptor = file === undefined ? null : openSync(pathOf(file), 'a', LOG_MODE)
  const sink = new Lines(descriptor === null ? writerOf(stream ?? process.stdout) : fileWriter(descriptor))
  const log = (answer: AnswerInfo): void => {
    const text = line(answer)
    if (text !== null) sink.add(text)
  }
  return Object.assign(log, {
    flush: () => sink.flush(),
    close: () => {
      if (sink.close() && descriptor !== null) closeSync(descriptor)
    },
  })
}

const RULES = {
  format: { kind: 'other', initial: 'combined' },
  file: { kind: 'other', initial: undefined },
  stream: { kind: 'other', initial: undefined },
} as const satisfies Rules

/** Of a file that is made. */
const LOG_MODE = 0o640

/** Characters after which lines do not wait for the end of the turn. */
const MOST_CHARACTERS = 64 * 1024

/** What a stream may hold for a reader that does not read: clients decide how many lines there are, and how long. */
const MOST_WAITING = 16 * 1024 * 1024

/** Lines on their way out. */
class Lines {
  private readonly write: (text: string) => void
  private held = ''
  private waiting = false
  private isClosed = false
  private hasFailed = false

  constructor(write: (text: string) => void) {
    this.write = write
    open.add(this)
    if (open.size === 1) process.on('exit', flushAll)
  }

  add(line: string): void {
    if (this.isClosed) return
    this.held += `${line}\n`
    if (this.held.length > MOST_CHARACTERS) this.flush()
    else if (!this.waiting) {
      this.waiting = true
      setImmediate(this.turn)
    }
  }

  flush(): void {
    const { held } = this
    this.held = ''
    if (held === '') return
    try {
      this.write(held)
    } catch (error) {
      // A full disk is no reason not to serve; it is told once.
      if (!this.hasFailed) process.emitWarning(`The access log cannot be written: ${messageOf(error)}`)
      this.hasFailed = true
    }
  }

  /** False when it was closed before. */
  close(): boolean {
    if (this.isClosed) return false
    this.flush()
    this.isClosed = true
    open.delete(this)
    if (open.size === 0) process.off('exit', flushAll)
    return true
  }

  private readonly turn = (): void => {
    this.waiting = false
    this.flush()
  }
}

/** Those whose last lines are to be written when the process ends. */
const open = new Set<Lines>()

function flushAll(): void {
  for (const lines of open) lines.flush()
}

/** At once: nothing is lost when the process ends, and lines of several threads do not mix. */
function fileWriter(descriptor: number): (text: string) => void {
  return (text) => {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
  }
}

function writerOf(stream: NonNullable<AccessLogOptions['stream']>): (text: string) => void {
  if (typeof stream !== 'object' || typeof stream.write !== 'function') {
    throw invalid('stream', stream, 'something with a method write')
  }
  const { writable, once } = stream as { writable?: boolean; once?: unknown }
  // Whoever reads standard output may go, as `head` does: that ends the log, not the server.
  if (writable !== undefined && typeof once === 'function' && !heard.has(stream)) {
    heard.add(stream)
    ;(stream as NodeJS.WritableStream).on('error', () => undefined)
  }
  return (text) => {
    const { writable, writableLength = 0 } = stream as { writable?: boolean; writableLength?: number }
    if (writable === false) return
    if (writableLength > MOST_WAITING) throw new Error('whoever reads it does not keep up, and lines are left out')
    stream.write(text)
  }
}

/** Streams whose errors are heard already, by whichever log. */
const heard = new WeakSet<object>()

function pathOf(file: unknown): string {
  if (file instanceof URL && file.protocol === 'file:') return fileURLToPath(file)
  if (typeof file === 'string' && file !== '') return file
  throw codedType('ERR_INVALID_OPTION', `The option file has to be a path or a file: URL, but it is ${show(file)}.`)
}
