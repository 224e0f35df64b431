import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import ava, { type ExecutionContext } from 'ava'
import { accessLog, type AccessLogOptions, type AnswerInfo, type ServerOptions } from '#dist/index'
import { serve, settle } from './_helpers/serve'

const test = ava.serial

const REQUEST = ['1.1', 'GET', '/a?b', 'host:1', 'http://from/', 'agent']

/** What `onAnswer` is told when the core says so. */
async function told(lines: readonly string[], more: ServerOptions = {}): Promise<AnswerInfo[]> {
  const answers: AnswerInfo[] = []
  const { tell, id } = await serve({ onAnswer: (answer) => void answers.push(answer), ...more })
  await tell((batch) => batch.answered(lines, id))
  return answers
}

test('onAnswer is told what has become of a request', async (t) => {
  const before = Date.now()
  const [answer, ...others] = await told(['206', '5000000000', '1500', '0', '', '10.0.0.1:80', ...REQUEST])
  t.deepEqual(others, [])
  const { start, ...rest } = answer!
  t.true(start >= before - 2 && start <= Date.now())
  t.deepEqual(rest, {
    status: 206,
    bytes: 5_000_000_000,
    duration: 1.5,
    isCut: false,
    code: null,
    remoteAddress: '10.0.0.1',
    remotePort: 80,
    request: {
      httpVersion: '1.1',
      method: 'GET',
      url: '/a?b',
      host: 'host:1',
      referer: 'http://from/',
      userAgent: 'agent',
    },
  })
})

test('addresses are those of the network, or none', async (t) => {
  const [six] = await told(['0', '0', '0', '1', '', '[fd00::7]:8080', '1.0', 'GET', '/', '', '', ''])
  t.like(six, { remoteAddress: 'fd00::7', remotePort: 8080, isCut: true, status: 0 })
  t.is(six!.request!.httpVersion, '1.0')
  const [unix] = await told(['400', '9', '0', '0', 'ERR_HTTP_MISSING_HOST', 'unix'])
  t.like(unix, { code: 'ERR_HTTP_MISSING_HOST', remoteAddress: undefined, remotePort: undefined, request: null })
})

test('the core is asked to tell of answers only when somebody wants to know', async (t) => {
  const silent = await serve({})
  t.is(silent.lane.listened.at(-1)!['reportAnswers'], false)
  const curious = await serve({ onAnswer: () => undefined })
  t.is(curious.lane.listened.at(-1)!['reportAnswers'], true)
})

test('what onAnswer throws, or rejects with, goes to onError', async (t) => {
  for (const onAnswer of [
    () => {
      throw new Error('no luck')
    },
    () => Promise.reject(new Error('no luck')),
  ]) {
    const errors: unknown[] = []
    await told(['200', '1', '1', '0', '', '10.0.0.1:80', ...REQUEST], {
      onAnswer,
      onError: (error) => errors.push(error),
    })
    await settle()
    t.deepEqual(
      errors.map((error) => (error as Error).message),
      ['no luck'],
    )
  }
})

const ANSWER: AnswerInfo = {
  status: 200,
  bytes: 1500,
  duration: 12.3456,
  isCut: false,
  code: null,
  start: new Date(2026, 10, 21, 3, 4, 5, 678).getTime(),
  remoteAddress: '10.0.0.1',
  remotePort: 80,
  request: { httpVersion: '1.1', method: 'GET', url: '/a', host: 'host', referer: '', userAgent: '' },
}

function lineOf(answer: Partial<AnswerInfo>, format: AccessLogOptions['format']): string {
  let lines = ''
  const log = accessLog({ format, stream: { write: (text) => void (lines += text) } })
  log({ ...ANSWER, ...answer })
  log.close()
  return lines.replace(/\[21\/Nov\/2026:03:04:05 [+-]\d{4}\]/, '[time]')
}

for (const [what, answer, format, line] of [
  ['common', {}, 'common', '10.0.0.1 - - [time] "GET /a HTTP/1.1" 200 1500\n'],
  ['common, of nothing', { bytes: 0, status: 304 }, 'common', '10.0.0.1 - - [time] "GET /a HTTP/1.1" 304 -\n'],
  ['combined', {}, 'combined', '10.0.0.1 - - [time] "GET /a HTTP/1.1" 200 1500 "-" "-"\n'],
  [
    'combined, on a socket',
    { remoteAddress: undefined, request: null },
    undefined,
    '- - - [time] "-" 200 1500 "-" "-"\n',
  ],
  ['dev', {}, 'dev', '03:04:05 10.0.0.1 GET /a 200 OK 1.5 kB 12 ms\n'],
  ['dev, cut', { isCut: true, bytes: 7 }, 'dev', '03:04:05 10.0.0.1 GET /a 200 OK 7 B 12 ms (cut)\n'],
  [
    'dev, without an answer',
    { isCut: true, bytes: 0, status: 0 },
    'dev',
    '03:04:05 10.0.0.1 GET /a no answer 0 B 12 ms\n',
  ],
  [
    'dev, refused',
    { status: 400, code: 'ERR_HTTP_MISSING_HOST', request: null },
    'dev',
    '03:04:05 10.0.0.1 (not readable) 400 Bad Request 1.5 kB 12 ms ERR_HTTP_MISSING_HOST\n',
  ],
  [
    'dev, large and slow',
    { bytes: 12_345_678, duration: 4321 },
    'dev',
    '03:04:05 10.0.0.1 GET /a 200 OK 12.3 MB 4.3 s\n',
  ],
  ['a function', {}, ({ status }: AnswerInfo) => `${status}!`, '200!\n'],
  ['a function that gives none', {}, () => null, ''],
] as Array<[string, Partial<AnswerInfo>, AccessLogOptions['format'], string]>) {
  test(`the line of ${what}`, (t) => {
    t.is(lineOf(answer, format), line)
  })
}

test('nothing that a client sends can end a line, the quotes in it, or reach a terminal', (t) => {
  const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('') + '\u2028€'
  const request = { ...ANSWER.request!, method: all, url: all, referer: all, userAgent: all }
  for (const [format, quotes] of [
    ['common', 2],
    ['combined', 6],
    ['dev', 0],
  ] as const) {
    const line = lineOf({ request }, format)
    t.regex(line, /^[ -~]*\n$/)
    for (const escape of ['\\x00\\x01', '\\x1b', '\\"', '\\\\', '\\xe2\\x82\\xac'])
      t.true(line.includes(escape), escape)
    t.is(line.replace(/\\./g, '').split('"').length - 1, quotes)
  }
  const { url } = JSON.parse(lineOf({ request }, 'json')) as { url: string }
  t.is(url, all)
  t.is(lineOf({ request }, 'json').split('\n').length, 2)
  t.notRegex(lineOf({ request }, 'json').trimEnd(), /[\p{Cc}\u2028\u2029]/u)
})

test('lines of one turn are written at once, at its end', async (t) => {
  const writes: string[] = []
  const log = accessLog({ format: () => 'line', stream: { write: (text) => void writes.push(text) } })
  log(ANSWER)
  log(ANSWER)
  t.deepEqual(writes, [])
  await settle()
  t.deepEqual(writes, ['line\nline\n'])
  log(ANSWER)
  log.flush()
  t.deepEqual(writes, ['line\nline\n', 'line\n'])
  log.close()
  log(ANSWER)
  log.close()
  await settle()
  t.is(writes.length, 2)
})

test('a file is appended to', (t) => {
  const folder = folderOf(t)
  for (const file of [path.join(folder, 'log'), pathToFileURL(path.join(folder, 'log'))]) {
    const log = accessLog({ format: () => 'ä', file })
    log(ANSWER)
    log.close()
  }
  t.is(readFileSync(path.join(folder, 'log'), 'utf8'), 'ä\nä\n')
})

test('what cannot be written is told once and ends nothing', async (t) => {
  const warnings: string[] = []
  const warn = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', warn)
  t.teardown(() => process.off('warning', warn))
  const log = accessLog({
    stream: {
      write() {
        throw new Error('the disk is full')
      },
    },
  })
  for (let i = 0; i < 3; i++) {
    log(ANSWER)
    t.notThrows(() => log.flush())
  }
  log.close()
  await settle()
  t.deepEqual(
    warnings.filter((message) => message.includes('access log')),
    ['The access log cannot be written: the disk is full'],
  )
})

test('what is thrown in place of an error ends nothing either', (t) => {
  const stream = {
    write() {
      throw null
    },
  }
  const log = accessLog({ stream })
  log(ANSWER)
  t.notThrows(() => log.flush())
  log.close()
})

test('a stream that nobody reads holds no more than 16 MiB, and goes on when it is read', (t) => {
  const waiting: Array<() => void> = []
  const stream = new Writable({ decodeStrings: false, write: (_text, _encoding, done) => void waiting.push(done) })
  const log = accessLog({ format: () => 'x'.repeat(1024 * 1024), stream })
  for (let i = 0; i < 40; i++) log(ANSWER)
  t.true(stream.writableLength > 16 * 1024 * 1024)
  t.true(stream.writableLength < 19 * 1024 * 1024)
  const lengthBefore = stream.writableLength
  waiting.shift()!()
  for (let i = 0; i < 40 && stream.writableLength > 0; i++) waiting.shift()?.()
  t.true(stream.writableLength < lengthBefore)
  const left = stream.writableLength
  log(ANSWER)
  t.true(stream.writableLength > left)
  log.close()
})

test('logs to one stream listen for its errors once', (t) => {
  const stream = new Writable({ write: (_text, _encoding, done) => done() })
  for (let i = 0; i < 20; i++) accessLog({ stream }).close()
  t.is(stream.listenerCount('error'), 1)
})

test('many logs leave no listener behind', (t) => {
  const before = process.listenerCount('exit')
  const logs = Array.from({ length: 20 }, () => accessLog({ stream: { write: () => undefined } }))
  t.true(process.listenerCount('exit') <= before + 1)
  for (const log of logs) log.close()
  t.is(process.listenerCount('exit'), before)
})

test('options that are wrong are refused with what is allowed', (t) => {
  for (const [options, message] of [
    [
      { format: 'tiny' },
      /The option format has to be a function, or one of common, combined, json, dev, but it is "tiny"/,
    ],
    [{ stream: 1 }, /The option stream has to be something with a method write, but it is 1/],
    [{ file: '' }, /The option file has to be a path or a file: URL/],
    [{ file: 'a', stream: process.stdout }, /The option stream has to be left out when there is a file/],
    [{ fromat: 'json' }, /There is no option fromat\. Did you mean format\?/],
  ] as Array<[object, RegExp]>) {
    t.throws(() => accessLog(options as AccessLogOptions), { code: 'ERR_INVALID_OPTION', message })
  }
  t.throws(() => accessLog({ file: path.join(folderOf(t), 'none', 'log') }), { code: 'ENOENT' })
})

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-log-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
