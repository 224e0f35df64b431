import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdir, open, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { fileRange, type Response } from '#dist/index'
import { codeOf, deafClient, folderFor, requestText, serveFor, until, untilTold } from './served'

// Files and ranges of files, over real sockets.

const unixTest = process.platform === 'win32' ? test.skip : test
/** What measures the memory of the process runs alone. */
const lonelyTest = process.platform === 'win32' ? test.serial.skip : test.serial
const MIB = 1024 * 1024

test('a file is sent with validators, length and type', async (t) => {
  const folder = await folderFor(t)
  const bytes = randomBytes(100_000)
  await writeFile(path.join(folder, 'data.json'), bytes)
  const { get } = await serveFor(t, (_request, response) =>
    response.setHeader('x-mark', 'here').sendFile(path.join(folder, 'data.json')),
  )
  const answer = await get('/')
  t.is(answer.status, 200)
  t.deepEqual(answer.body, bytes)
  t.regex(answer.header('content-type')!, /^application\/json/)
  t.is(answer.header('x-mark'), 'here')
  t.regex(answer.header('etag')!, /^"/)
  t.is(answer.header('accept-ranges'), 'bytes')
  t.is(answer.header('last-modified'), (await stat(path.join(folder, 'data.json'))).mtime.toUTCString())

  t.is((await get('/', { 'if-none-match': answer.header('etag')! })).status, 304)
  t.is((await get('/', { 'if-modified-since': answer.header('last-modified')! })).status, 304)
  t.is((await get('/', { 'if-match': '"other"' })).status, 412)
  const part = await get('/', { range: 'bytes=10-19' })
  t.is(part.status, 206)
  t.deepEqual(part.body, bytes.subarray(10, 20))
  t.is((await get('/', { range: 'bytes=200000-' })).status, 416)
  const head = await get('/', {}, 'HEAD')
  t.is(head.header('content-length'), '100000')
})

test('the request is judged after waiting too, and a status that is set forbids parts', async (t) => {
  const folder = await folderFor(t)
  await writeFile(path.join(folder, 'file.txt'), 'abcdefghij')
  const { get } = await serveFor(t, async (request, response) => {
    await sleep(1)
    if (request.path === '/404') response.status = 404
    await response.sendFile('file.txt', { root: folder, contentType: 'text/x', headers: { 'x-more': '1' } })
  })
  const part = await get('/', { range: 'bytes=2-4' })
  t.is(part.body.toString(), 'cde')
  t.is(part.header('content-type'), 'text/x')
  t.is(part.header('x-more'), '1')
  const missing = await get('/404', { range: 'bytes=2-4' })
  t.is(missing.status, 404)
  t.is(missing.body.toString(), 'abcdefghij')
})

test('a path cannot leave its root, nor name what begins with a dot', async (t) => {
  const folder = await folderFor(t)
  await mkdir(path.join(folder, 'root'))
  await writeFile(path.join(folder, 'secret'), 'secret')
  await writeFile(path.join(folder, 'root', '.hidden'), 'hidden')
  await writeFile(path.join(folder, 'root', 'open'), 'open')
  if (process.platform !== 'win32') await symlink('../secret', path.join(folder, 'root', 'link'))
  const { get, reported } = await serveFor(t, (request, response) =>
    response.sendFile(request.searchParams.get('path') ?? '', { root: path.join(folder, 'root') }),
  )
  t.is((await get('/?path=open')).body.toString(), 'open')
  for (const asked of [
    '../secret',
    'x/../../secret',
    path.join(folder, 'secret'),
    'link',
    '.hidden',
    'open%00',
    '..%5csecret',
    '',
    '.',
    'missing',
  ]) {
    const answer = await get(`/?path=${asked}`)
    t.true([403, 404].includes(answer.status), `${asked} ${answer.status}`)
    t.false(answer.body.includes('secret'))
  }
  t.deepEqual(reported, [])
})

test('leaveOpen hands a missing file to the handler, which answers on', async (t) => {
  const folder = await folderFor(t)
  await writeFile(path.join(folder, 'there'), 'there')
  const { get, wire } = await serveFor(t, async (request, response) => {
    try {
      await response.sendFile(request.path.slice(1), {
        root: folder,
        leaveOpen: true,
        headers: { 'cache-control': 'max-age=1' },
      })
    } catch (error) {
      response.status = 410
      response.end(String(codeOf(error)))
    }
  })
  t.is((await get('/there')).body.toString(), 'there')
  const gone = await get('/missing')
  t.is(gone.status, 410)
  t.is(gone.body.toString(), 'ENOENT')
  t.is(gone.header('cache-control'), undefined)
  const connection = await wire()
  connection.send(requestText('/missing') + requestText('/there') + requestText('/missing'))
  t.is((await connection.answer()).status, 410)
  t.is((await connection.answer()).body.toString(), 'there')
  t.is((await connection.answer()).status, 410)
})

unixTest('an open file is sent from its handle, which is closed at once, and no descriptor is left', async (t) => {
  const folder = await folderFor(t)
  const bytes = randomBytes(2 * MIB)
  await writeFile(path.join(folder, 'file'), bytes)
  const { get, stillServes } = await serveFor(t, async (request, response) => {
    const handle = await open(path.join(folder, 'file'))
    const sent =
      request.path === '/range'
        ? response.send(['<', fileRange(handle, { start: 1, end: MIB }), '>'])
        : response.sendFile(handle)
    await handle.close()
    await sent
  })
  for (let round = 0; round < 5; round++) {
    t.true((await get('/')).body.equals(bytes))
    const mixed = await get('/range')
    t.is(mixed.framing, 'length')
    t.true(mixed.body.equals(Buffer.concat([Buffer.from('<'), bytes.subarray(1, MIB), Buffer.from('>')])))
  }
  await stillServes()
  await until(() => openIn(folder) === 0)
  t.is(openIn(folder), 0)
})

unixTest('ranges of files go chunked among other writes, each told once and in order', async (t) => {
  const folder = await folderFor(t)
  const bytes = randomBytes(MIB)
  await writeFile(path.join(folder, 'file'), bytes)
  const told: unknown[] = []
  const { get } = await serveFor(t, async (_request, response) => {
    const handle = await open(path.join(folder, 'file'))
    response.write('a', (error) => told.push(['a', error]))
    response.write([fileRange(handle), 'b'], (error) => told.push(['range', error]))
    void response.flush().then(() => told.push(['flush', null]))
    response.end(fileRange(handle, { start: MIB - 3 }), (error) => told.push(['end', error]))
    await handle.close()
  })
  const { body, framing } = await get('/')
  t.is(framing, 'chunked')
  t.true(body.equals(Buffer.concat([Buffer.from('a'), bytes, Buffer.from('b'), bytes.subarray(MIB - 3)])))
  await untilTold(told, 4)
  t.deepEqual(told, [
    ['a', null],
    ['range', null],
    ['flush', null],
    ['end', null],
  ])
})

lonelyTest(
  'a large file for a client that reads nothing takes no memory, and is told of when the client goes',
  async (t) => {
    const file = path.join(await folderFor(t), 'large')
    await writeFile(file, '')
    await truncate(file, 1024 * MIB)
    let outcome: unknown = 'open'
    const send = async (response: Response): Promise<void> => {
      try {
        await response.sendFile(file)
      } catch (error) {
        outcome = codeOf(error)
        throw error
      }
    }
    const { port, get, stillServes, reported } = await serveFor(t, (_request, response) => send(response))
    const before = process.memoryUsage().rss
    const client = await deafClient(t, port, '/')
    await sleep(300)
    t.true(process.memoryUsage().rss - before < 64 * MIB)
    t.is((await get('/alive')).body.toString(), 'alive')
    client.close()
    await until(() => outcome !== 'open')
    t.true(
      ['ERR_WRITE_FAILED', 'ERR_WRITE_NOT_EXECUTED', 'ERR_CLIENT_GONE'].includes(outcome as string),
      String(outcome),
    )
    await stillServes()
    t.deepEqual(reported, [])
  },
)

unixTest('a file that shrinks while it is sent cuts that connection and no other', async (t) => {
  const file = path.join(await folderFor(t), 'shrinking')
  await writeFile(file, randomBytes(32 * MIB))
  let outcome: unknown = 'open'
  const { server, wire, stillServes } = await serveFor(t, async (_request, response) => {
    await response.sendFile(file).catch((error: unknown) => (outcome = codeOf(error)))
  })
  const connection = await wire()
  connection.pause()
  connection.send(requestText('/'))
  await until(() => server.stats().bytesWritten > 0)
  // By now it is under way, and held up by the client's window.
  await truncate(file, MIB)
  connection.resume()
  const length = await connection.rest().then(
    (rest) => rest.length,
    () => -1,
  )
  t.true(length > 0 && length < 32 * MIB)
  await until(() => outcome !== 'open')
  t.not(outcome, 'open')
  await stillServes()
})

/** How many descriptors lead to files of a folder: other tests of this process have theirs. */
function openIn(folder: string): number {
  if (!existsSync('/proc/self/fd')) return 0
  const targets = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      // Closed meanwhile.
      return ''
    }
  })
  return targets.filter((target) => target.startsWith(`${folder}/`)).length
}
