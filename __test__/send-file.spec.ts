import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import ava from 'ava'
import type { Response } from '#dist/index'
import type { FakeRequest, Sent } from './_helpers/fake-lane'
import { serve, settle, type Served } from './_helpers/serve'

const test = ava.serial
let connection = 8000

const folder = mkdtempSync(path.join(tmpdir(), 'millrace-send-file-'))
const file = path.join(folder, 'letters')
writeFileSync(file, 'abcdefghij')
ava.after.always(() => rmSync(folder, { recursive: true }))

const OPTION = { handle: 1, leaveOpen: 2, noEtag: 4, weakEtag: 8, noLastModified: 16, noRanges: 32 }
const MORE = { precompressed: 64, dotFiles: 128, hasRoot: 256 }
const ENOENT = 16 + 2

interface Asked extends Served {
  response: Response
  sent: Sent[]
  name: { connection: number }
  reported: unknown[]
  outcome(): unknown
}

async function ask(handler: (response: Response) => unknown, request: FakeRequest = {}): Promise<Asked> {
  const reported: unknown[] = []
  let outcome: unknown = 'open'
  let response!: Response
  const served = await serve({
    onError: (error) => reported.push((error as { code?: string }).code),
    handler: async (_request, given) => {
      response = given
      try {
        await handler(given)
        outcome = 'done'
      } catch (error) {
        outcome = error
        throw error
      }
    },
  })
  const name = { connection: ++connection }
  const sent = await served.ask({ ...name, ...request })
  return { ...served, response, sent, name, reported, outcome: () => outcome }
}

test('file: URLs are paths, as a file and as a root', async (t) => {
  const whole = await ask((response) => response.sendFile(pathToFileURL(file)))
  const below = await ask((response) => response.sendFile('letters', { root: pathToFileURL(folder) }))
  t.like(whole.sent[0], { kind: 'FILE', file, root: '' })
  t.like(below.sent[0], { kind: 'FILE', file: 'letters', root: folder })
})

test('a path becomes one record with what the request says about it', async (t) => {
  const all = await ask((response) => response.setHeader('x-mark', '1').sendFile(file), {
    headers: [
      ['if-none-match', '"a"'],
      ['If-None-Match', '"b"'],
      ['range', 'bytes=0-1'],
      ['accept-encoding', 'br'],
      ['x-other', 'no'],
    ],
  })
  t.like(all.sent, {
    length: 1,
    0: {
      kind: 'FILE',
      status: 0,
      reason: '',
      fields: 'x-mark: 1\r\n',
      file,
      root: '',
      options: MORE.dotFiles,
      conditions: 'if-none-match: "a", "b"\r\nrange: bytes=0-1\r\naccept-encoding: br\r\n',
      flags: ['NOTIFY'],
    },
  })
  t.true(all.response.ended)
  await all.tell((batch) => batch.written(all.sent[0]!.token!, 0, all.name))
  t.is(all.outcome(), 'done')
})

test('conditions are found in a handler that is not asynchronous, and in one that has waited', async (t) => {
  const request = { headers: [['range', 'bytes=1-']] } as const
  const { ask: direct } = await serve((_request, response) => void response.sendFile(file))
  t.like(await direct({ connection: ++connection, ...request }), { 0: { conditions: 'range: bytes=1-\r\n' } })
  const waited = await ask(async (response) => {
    await settle()
    void response.sendFile(file)
  }, request)
  await settle()
  await settle()
  t.like(waited.lane.sent.at(-1), { kind: 'FILE', conditions: 'range: bytes=1-\r\n' })
})

test('a path is relative to the working directory, or to the root that it must not leave', async (t) => {
  const relative = await ask((response) => response.sendFile('package.json'))
  t.like(relative.sent[0], { file: path.resolve('package.json'), root: '' })
  const rooted = await ask((response) => response.sendFile('../letters', { root: folder }))
  t.like(rooted.sent[0], { file: '../letters', root: folder, options: MORE.hasRoot })
})

test('options become bits', async (t) => {
  for (const [options, bits] of [
    [{ etag: false }, OPTION.noEtag],
    [{ etag: 'weak' }, OPTION.weakEtag],
    [{ etag: 'strong' }, 0],
    [{ lastModified: false }, OPTION.noLastModified],
    [{ ranges: false }, OPTION.noRanges],
    [{ precompressed: true }, MORE.precompressed],
    [{ leaveOpen: true }, OPTION.leaveOpen],
    [{ root: folder, dotFiles: true }, MORE.hasRoot | MORE.dotFiles],
  ] as const) {
    const { sent } = await ask((response) => response.sendFile(file, options))
    const implied = 'root' in options ? 0 : MORE.dotFiles
    t.is(sent[0]!.options, bits | implied, JSON.stringify(options))
  }
})

test('headers and content type given with the file are set, a status set before is kept', async (t) => {
  const { sent } = await ask((response) => {
    response.status = 404
    response.reason = 'Gone Fishing'
    response.setHeader('connection', 'close')
    return response.sendFile(file, { contentType: 'text/x', headers: { 'cache-control': 'no-store' } })
  })
  t.like(sent[0], {
    status: 404,
    reason: 'Gone Fishing',
    fields: 'cache-control: no-store\r\ncontent-type: text/x\r\n',
    flags: ['CLOSE', 'NOTIFY'],
  })
})

test('an open file is handed over and may be closed at once', async (t) => {
  if (process.platform === 'win32') return void t.pass()
  const handle = await open(file)
  const { sent } = await ask((response) => {
    const promise = response.sendFile(handle, { contentType: 'text/plain' })
    void handle.close()
    return promise
  })
  t.like(sent[0], { kind: 'FILE', file: 0, options: OPTION.handle | MORE.dotFiles })
})

test('a file that cannot be had is answered by the core', async (t) => {
  const all = await ask((response) => response.sendFile(path.join(folder, 'missing')))
  await all.tell((batch) => batch.written(all.sent[0]!.token!, 0, all.name))
  t.is(all.outcome(), 'done')
})

test('leaveOpen rejects with the code of the system and leaves the response as it was', async (t) => {
  let failure: unknown
  const missing = path.join(folder, 'missing')
  const all = await ask(async (response) => {
    response.setHeader('x-mark', '1')
    try {
      const promise = response.sendFile(missing, { leaveOpen: true, headers: { 'x-file': '1' }, contentType: 'a/b' })
      t.true(response.headersSent)
      t.throws(() => response.end('x'), { code: 'ERR_ANSWERED' })
      t.throws(() => response.write('x'), { code: 'ERR_WRITE_AFTER_END' })
      t.throws(() => response.sendFile(missing), { code: 'ERR_ANSWERED' })
      await promise
    } catch (error) {
      failure = error
      response.status = 404
      response.end('none here')
    }
  })
  t.like(all.sent, { length: 1, 0: { kind: 'FILE', options: OPTION.leaveOpen | MORE.dotFiles } })
  t.false(all.response.ended)
  const after = await all.tell((batch) => batch.written(all.sent[0]!.token!, ENOENT, all.name))
  t.like(failure, { code: 'ENOENT', errno: -2, syscall: 'open', path: missing })
  t.regex((failure as Error).message, /^ENOENT: no such file or directory, open '/)
  t.like(after, { length: 1, 0: { kind: 'RESPOND', status: 404, body: 'none here', fields: 'x-mark: 1\r\n' } })
})

test('leaveOpen resolves and ends the response when the file has been sent', async (t) => {
  const all = await ask((response) => response.sendFile(file, { leaveOpen: true }))
  await all.tell((batch) => batch.written(all.sent[0]!.token!, 0, all.name))
  t.is(all.outcome(), 'done')
  t.true(all.response.ended)
  t.is(all.server.stats().pending, 0)
})

test('a connection that fails while a file is sent rejects and is not reported', async (t) => {
  for (const leaveOpen of [true, false]) {
    for (const [outcome, code] of [
      [1, 'ERR_WRITE_NOT_EXECUTED'],
      [16 + 32, 'ERR_WRITE_FAILED'],
    ] as const) {
      const all = await ask((response) => response.sendFile(file, { leaveOpen }))
      const after = await all.tell((batch) => batch.written(all.sent[0]!.token!, outcome, all.name))
      t.is((all.outcome() as { code: string }).code, code)
      t.deepEqual(all.reported, [])
      t.deepEqual(after, [])
    }
  }
})

test('a client that goes while a file is looked for rejects', async (t) => {
  const all = await ask((response) => response.sendFile(file, { leaveOpen: true }))
  await all.tell((batch) => batch.abort(2, all.name))
  await all.tell((batch) => batch.written(all.sent[0]!.token!, 1, all.name))
  t.is((all.outcome() as { code: string }).code, 'ERR_WRITE_NOT_EXECUTED')
  t.is(all.response.error!.code, 'ERR_CLIENT_GONE')
})

test('a handler may answer in place of a file although its client has gone meanwhile', async (t) => {
  for (const outcome of [ENOENT, 1, 16 + 32]) {
    for (const isAborted of [true, false]) {
      const all = await ask(async (response) => {
        try {
          await response.sendFile(file, { leaveOpen: true })
        } catch {
          response.status = 500
          response.setHeader('content-type', 'text/plain')
          response.end('no file')
        }
      })
      if (isAborted) await all.tell((batch) => batch.abort(2, all.name))
      const after = await all.tell((batch) => batch.written(all.sent[0]!.token!, outcome, all.name))
      t.is(all.outcome(), 'done')
      t.deepEqual(all.reported, [])
      t.is(after.length, outcome === ENOENT && !isAborted ? 1 : 0)
      t.is(all.server.stats().pending, 0)
    }
  }
})

test('a file for a client that has gone rejects', async (t) => {
  let response!: Response
  const { ask: request, tell } = await serve((_request, given) => void (response = given))
  const name = { connection: ++connection }
  await request(name)
  await tell((batch) => batch.abort(2, name))
  await t.throwsAsync(response.sendFile(file), { code: 'ERR_CLIENT_GONE' })
})

test('misuse of sendFile throws and leaves the response usable', async (t) => {
  const descriptor = openSync(folder, 'r')
  const closed = await open(file)
  await closed.close()
  const { sent } = await ask((response) => {
    for (const wrong of ['', 'a\0b', 7, null, {}]) {
      t.throws(() => response.sendFile(wrong as never), { code: 'ERR_INVALID_ARGUMENT' })
    }
    for (const options of [
      { root: '' },
      { root: 7 },
      { etag: 'medium' },
      { etag: true },
      { ranges: 1 },
      { leaveOpen: 'yes' },
      { dotFiles: 0 },
    ]) {
      t.throws(() => response.sendFile(file, options as never), { code: 'ERR_INVALID_ARGUMENT' })
    }
    // As other servers take a root: here any path would do without it.
    for (const options of [folder, null, { maxAge: 1 }]) {
      t.throws(() => response.sendFile('letters', options as never), { code: 'ERR_INVALID_OPTION' })
    }
    t.throws(() => response.sendFile(new URL('http://localhost/letters')), { code: 'ERR_INVALID_ARGUMENT' })
    t.throws(() => response.sendFile(closed), { code: 'ERR_FILE_CLOSED' })
    t.throws(() => response.sendFile({ fd: descriptor, stat: () => undefined } as never), { code: 'ERR_NOT_A_FILE' })
    t.throws(() => response.sendFile(file, { headers: { 'a b': 'c' } }), { code: 'ERR_INVALID_HEADER_NAME' })
    response.end('usable')
    t.throws(() => response.sendFile(file), { code: 'ERR_ANSWERED' })
  })
  t.like(sent, { length: 1, 0: { body: 'usable' } })

  await ask((response) => {
    response.write('x')
    t.throws(() => response.sendFile(file), { code: 'ERR_HEADERS_SENT', message: /cannot be sent any more/ })
    response.end()
  })
})
