import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { coded, codedPlain, codedRange, codedType, show } from '#dist/errors'
import { ERROR_CODES } from '#dist/index'
import { writeError } from '#dist/outcome'
import { systemError } from '#dist/system'

const home = path.dirname(require.resolve('millrace/package.json'))
const docs = readFileSync(path.join(home, 'docs', 'errors.md'), 'utf8')
const rows = [...docs.matchAll(/^\| `(ERR_\w+)` *\| *([^|]*?) *\| *([^|]*?) *\|/gm)].map(([, code, second, third]) => ({
  code,
  second,
  third,
}))

test('docs/errors.md has a row for each code, and for no other', (t) => {
  const own = [...docs.matchAll(/^\| `(ERR_\w+)`/gm)]
    .map(([, code]) => code)
    .filter((code) => !code.startsWith('ERR_HTTP_'))
  t.deepEqual(own.sort(), Object.keys(ERROR_CODES).sort())
})

test('docs/errors.md has a row for each refusal of the core, with its status and what the client is told', (t) => {
  const source = readFileSync(path.join(home, 'crates', 'millrace-http1', 'src', 'error.rs'), 'utf8')
  const refusals = [...source.matchAll(/\w+ = (\d{3}), "(ERR_HTTP_\w+)",\s+"((?:[^"\\]|\\.)*)";/g)]
  t.true(refusals.length > 30)
  t.deepEqual(
    rows.filter(({ code }) => code.startsWith('ERR_HTTP_')),
    refusals.map(([, status, code, message]) => ({
      code,
      second: status,
      third: JSON.parse(`"${message}"`) as string,
    })),
  )
})

test('every code the facade uses is in the table', (t) => {
  for (const name of [
    'accepting',
    'body',
    'body-writer',
    'binding',
    'chain',
    'chunk',
    'dispatch',
    'exchange',
    'fault',
    'fields',
    'file-range',
    'fixed',
    'handler',
    'https',
    'tls/watch',
    'outcome',
    'request',
    'response',
    'response-head',
    'routes',
    'rules',
    'send',
    'send-file',
    'server',
    'sources',
    'streaming',
    'tls/credentials',
    'tls/load',
    'tls/merge',
    'tls/names',
    'tls/node-names',
    'tls/resolve',
    'topics',
    'websocket',
    'websocket-message',
    'websocket-outgoing',
    'websocket-upgrade',
  ]) {
    const source = readFileSync(path.join(home, 'src', `${name}.ts`), 'utf8')
    for (const [code] of source.matchAll(/ERR_[A-Z_]+(?=')/g)) t.true(code === 'ERR_HTTP_' || code in ERROR_CODES, code)
  }
})

test('a coded error begins its stack where it was made', (t) => {
  for (const [make, type] of [
    [coded, Error],
    [codedType, TypeError],
    [codedRange, RangeError],
  ] as const) {
    const error = make('ERR_ANSWERED', 'twice')
    t.true(error instanceof type)
    t.is(error.code, 'ERR_ANSWERED')
    t.is(error.message, 'twice')
    t.regex(error.stack!.split('\n')[1], /errors\.spec/)
  }
  t.is(coded('ERR_ANSWERED').message, ERROR_CODES.ERR_ANSWERED)
  const limit = Error.stackTraceLimit
  t.is(codedPlain('ERR_CLIENT_GONE').stack!.split('\n').length, 1)
  t.is(Error.stackTraceLimit, limit)
})

test('a value is shown shortly', (t) => {
  t.is(show('x y '.repeat(25)).length, 62)
  t.is(show('x'.repeat(100)), 'a text of 100 characters')
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  t.is(show(proxy), 'what cannot be shown')
  t.is(show(Symbol('s')), 'Symbol(s)')
  t.is(show(1n), '1n')
  t.is(show(['gzip', 1]), '["gzip", 1]')
  t.is(show([{}]), 'a list of 1')
  t.is(show([1, 2, 3, 4]), 'a list of 4')
  t.is(show({}), 'an object')
  t.is(show(Object.create(null)), 'an object')
  t.is(show(new Date(0)), 'an instance of Date')
  t.is(
    show(() => 1),
    'a function',
  )
  t.is(show(null), 'null')
})

test('the result of a write names the system’s error', (t) => {
  t.like(writeError(16 + 104), { code: 'ERR_WRITE_FAILED', errno: -104, syscall: 'write' })
  t.regex(writeError(16 + 104).message, /ECONNRESET|errno 104/)
  t.regex(writeError(16 + 9999).message, /errno 9999/)
  t.is(writeError(1).code, 'ERR_WRITE_NOT_EXECUTED')
  t.is(writeError(2).code, 'ERR_SERVER_CLOSED')
})

test('an error of the system keeps what Node users know', (t) => {
  const error = systemError(new Error('EADDRINUSE: Address in use (os error 98)'), '127.0.0.1', 80)
  t.like(error, { code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port: 80 })
  t.true((error as NodeJS.ErrnoException).errno! < 0)
  t.regex(error.message, /^listen EADDRINUSE: 127\.0\.0\.1:80\. Something listens there already/)
  const other = new Error('something else')
  t.is(systemError(other, undefined, 0), other)
  t.is(systemError('text', undefined, 0).message, 'text')
  t.regex(systemError(new Error('EWHATEVER: odd'), '/run/x', 0).message, /^listen EWHATEVER: \/run\/x\. EWHATEVER: odd/)
})
