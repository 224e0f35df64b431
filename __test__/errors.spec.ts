import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { parseJson } from '#dist/body'
import { coded, codedPlain, codedRange, codedSyntax, codedType, fromCore, messageOf, show } from '#dist/errors'
import { statusOfFault } from '#dist/fault'
import { ERROR_CODES } from '#dist/index'
import { writeError } from '#dist/outcome'
import { systemError } from '#dist/system'

const home = path.dirname(require.resolve('millrace/package.json'))
const docs = readFileSync(path.join(home, 'docs', 'errors.md'), 'utf8')

/** What is below each heading, by the heading. */
const sections = new Map(
  [...docs.matchAll(/^##+ (.*)\n([^]*?)(?=^##|(?![^]))/gm)].map(([, heading, text]) => [heading, text.trim()]),
)
const headings = [...docs.matchAll(/^##+ (.*)$/gm)].map(([, heading]) => heading)

/** What the core reports of connections, apart from what it refuses. */
const OF_CONNECTIONS = ['ERR_ACCEPT', 'ERR_INTERNAL']

test('docs/errors.md has a heading for each code, and for no other, with what happened below it', (t) => {
  const own = headings.filter((heading) => heading.startsWith('ERR_') && !heading.startsWith('ERR_HTTP_'))
  t.deepEqual(own.sort(), [...Object.keys(ERROR_CODES), ...OF_CONNECTIONS].sort())
  t.is(new Set(headings).size, headings.length)
  for (const [heading, text] of sections) {
    if (heading.startsWith('ERR_')) t.regex(text, /^\S[^]{20,}[.?]$/, heading)
  }
})

test('docs/errors.md says of each mistake what to do about it', (t) => {
  const group = (title: string): string[] =>
    [
      ...docs
        .slice(docs.indexOf(`\n## ${title}\n`) + 4)
        .split(/^## /m, 1)[0]!
        .matchAll(/^### (.*)$/gm),
    ].map(([, heading]) => heading)
  const mistakes = [...group('Mistakes in the program'), ...group('Certificates and keys'), ...OF_CONNECTIONS]
  t.true(mistakes.length > 35)
  for (const heading of mistakes) t.regex(sections.get(heading)!, /\n\n\*\*What to do:\*\* \S/, heading)
})

test('docs/errors.md has the status that a client gets for a fault of its own', (t) => {
  for (const code of Object.keys(ERROR_CODES)) {
    const status = statusOfFault({ code })
    const [, told] = /\n\n\*\*The client got:\*\* (\d{3})/.exec(sections.get(code)!) ?? []
    t.is(told ?? '0', String(status), code)
  }
})

test('docs/errors.md has each refusal of the core, with its status and what the client is told', (t) => {
  const source = readFileSync(path.join(home, 'crates', 'millrace-http1', 'src', 'error.rs'), 'utf8')
  const refusals = [...source.matchAll(/\w+ = (\d{3}), "(ERR_HTTP_\w+)",\s+"((?:[^"\\]|\\.)*)";/g)]
  t.true(refusals.length > 30)
  t.deepEqual(
    headings.filter((heading) => heading.startsWith('ERR_HTTP_')),
    refusals.map(([, , code]) => code),
  )
  for (const [, status, code, message] of refusals) {
    const [first, ...others] = sections.get(code)!.split('\n\n')
    t.is(first.replaceAll(/\s+/g, ' ').replaceAll('\\*', '*'), `**${status}**: ${JSON.parse(`"${message}"`)}`)
    t.regex(others.join('\n'), /^RFC \d{4} \d/, code)
  }
})

test('what docs/errors.md leads to is there', (t) => {
  for (const [, file, anchor] of docs.matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)) {
    const page = readFileSync(path.join(home, 'docs', file === '' ? 'errors.md' : file), 'utf8')
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading))
    anchors.push(...[...page.matchAll(/<a id="([\w-]+)">/g)].map(([, id]) => id))
    t.true(anchors.includes(anchor), `${file}#${anchor}`)
  }
})

test('a code in small letters is the anchor of its heading', (t) => {
  for (const code of Object.keys(ERROR_CODES)) t.is(anchorOf(code), code.toLowerCase())
})

test('every code the facade uses is in the table', (t) => {
  const files = readdirSync(path.join(home, 'src'), { recursive: true, encoding: 'utf8' })
  const sources = files.filter((name) => name.endsWith('.ts')).map((name) => path.join(home, 'src', name))
  // What is compared with may be Node's.
  const used = new Set(
    sources.flatMap((file) => readFileSync(file, 'utf8').match(/(?<=(?<!=== )')ERR_[A-Z_]+(?=')/g) ?? []),
  )
  t.true(used.size > 30)
  for (const code of used) t.true(code in ERROR_CODES, code)
})

test('a coded error begins its stack where it was made', (t) => {
  for (const [make, type] of [
    [coded, Error],
    [codedType, TypeError],
    [codedRange, RangeError],
    [codedSyntax, SyntaxError],
  ] as const) {
    const error = make('ERR_ANSWERED', 'twice')
    t.true(error instanceof type)
    t.is(error.code, 'ERR_ANSWERED')
    t.is(error.message, 'twice (ERR_ANSWERED)')
    t.regex(error.stack!.split('\n')[1], /errors\.spec/)
  }
  t.is(coded('ERR_ANSWERED').message, `${ERROR_CODES.ERR_ANSWERED} (ERR_ANSWERED)`)
  const limit = Error.stackTraceLimit
  t.is(codedPlain('ERR_CLIENT_GONE').stack, `Error: ${ERROR_CODES.ERR_CLIENT_GONE} (ERR_CLIENT_GONE)`)
  t.is(Error.stackTraceLimit, limit)
})

test('an error of the core begins with its code, and ends with it here', (t) => {
  for (const [text, code, message] of [
    ['ERR_TLS_KEY - k.pem: no key', 'ERR_TLS_KEY', 'k.pem: no key (ERR_TLS_KEY)'],
    ['ERR_BODY_MALFORMED: line 1\nline 2', 'ERR_BODY_MALFORMED', 'line 1\nline 2 (ERR_BODY_MALFORMED)'],
    ['ERR_INTERNAL - the core failed', 'ERR_INTERNAL', 'the core failed (ERR_INTERNAL)'],
  ]) {
    t.like(fromCore(new Error(text)), { code, message })
  }
  for (const other of [new Error('EIO: ERR_TLS_KEY - no'), 'ERR_TLS_KEY - thrown as a text', null]) {
    t.is(fromCore(other), other)
  }
})

test('a message within another has no code of its own', (t) => {
  t.is(messageOf(coded('ERR_TLS_KEY', 'no key')), 'no key')
  t.is(messageOf(new Error('no key (ERR_TLS_KEY)')), 'no key (ERR_TLS_KEY)')
  t.is(messageOf(new Error('it was (undefined)')), 'it was (undefined)')
  t.is(messageOf(Object.assign(new Error('no file'), { code: 'ENOENT' })), 'no file')
  t.is(messageOf('a text'), 'a text')
  const { proxy, revoke } = Proxy.revocable(new Error('x'), {})
  revoke()
  t.is(messageOf(proxy), 'what was thrown cannot be shown')
})

test('what is no JSON is a SyntaxError that says where', (t) => {
  const error = t.throws(() => parseJson('{"a":'), { instanceOf: SyntaxError, code: 'ERR_BODY_JSON' })
  t.regex(error!.message, /JSON.* \(ERR_BODY_JSON\)$/)
  t.true(error!.stack!.startsWith(`SyntaxError: ${error!.message}\n`))
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

/** As GitHub makes them, and the site. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}
