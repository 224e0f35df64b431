import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import ava from 'ava'
import { fileRange, type Handler } from '#dist/index'
import type { Sent } from './_helpers/fake-lane'
import { serve } from './_helpers/serve'

const test = process.platform === 'win32' ? ava.serial.skip : ava.serial
let connection = 6000

const folder = mkdtempSync(path.join(tmpdir(), 'millrace-ranges-'))
const file = path.join(folder, 'letters')
writeFileSync(file, 'abcdefghij')
ava.after.always(() => rmSync(folder, { recursive: true }))

async function answer(handler: Handler, request = {}): Promise<{ sent: Sent[]; reported: unknown[] }> {
  const reported: unknown[] = []
  const { ask } = await serve({ handler, onError: (error) => reported.push((error as { code?: string }).code) })
  return { sent: await ask({ connection: ++connection, ...request }), reported }
}

const bodyOf = (sent: readonly Sent[]): string => sent.map(({ body = '' }) => body).join('')

test('ranges and buffers end an answer whose length is known, in one group', async (t) => {
  const handle = await open(file)
  const { sent } = await answer((_request, response) => {
    response.end(['<', fileRange(handle, { start: 2, end: 5 }), Buffer.from('>'), fileRange(handle)], () => {})
  })
  await handle.close()
  t.like(sent[0], { kind: 'HEAD', declared: 15 })
  t.is(bodyOf(sent), '<cde>abcdefghij')
  t.deepEqual(
    sent.map(({ kind, flags }) => [kind, ...flags]),
    [['HEAD', 'LENGTH'], ['CHUNK'], ['CHUNK', 'LARGE'], ['CHUNK'], ['CHUNK', 'LARGE'], ['END', 'NOTIFY']],
  )
})

test('a range alone ends an answer, and is sent for a descriptor too', async (t) => {
  const descriptor = openSync(file, 'r')
  const { sent } = await answer((_request, response) => void response.end(fileRange(descriptor, { start: 8 })))
  closeSync(descriptor)
  t.like(sent[0], { kind: 'HEAD', declared: 2 })
  t.is(bodyOf(sent), 'ij')
})

test('a range is written between other pieces and told of once', async (t) => {
  const handle = await open(file)
  const { sent } = await answer((_request, response) => {
    response.write(['1', fileRange(handle, { end: 1 })], () => {})
    response.write(fileRange(handle, { start: 9, end: 9 }))
    response.end('2')
  })
  await handle.close()
  t.is(bodyOf(sent), '1a2')
  t.is(sent.filter(({ flags }) => flags.includes('NOTIFY')).length, 1)
  t.deepEqual(sent[0]!.flags, [], 'of unknown length')
})

test('a range counts as what was declared', async (t) => {
  const handle = await open(file)
  const { sent, reported } = await answer((_request, response) => {
    response.setHeader('content-length', 9)
    response.write(fileRange(handle))
  })
  await handle.close()
  t.deepEqual(reported, ['ERR_BODY_LENGTH_MISMATCH'])
  t.is(sent.at(-1)!.kind, 'RESET')
})

test('a HEAD request gets the length of a range and no bytes', async (t) => {
  const handle = await open(file)
  const { sent } = await answer((_request, response) => void response.end(fileRange(handle)), { method: 'HEAD' })
  await handle.close()
  t.like(sent, { length: 2, 0: { kind: 'HEAD', declared: 10 }, 1: { kind: 'END' } })
})

test('a range that cannot be had throws before anything is sent', async (t) => {
  const handle = await open(file)
  const directory = openSync(folder, 'r')
  const closed = await open(file)
  await closed.close()
  for (const [range, code] of [
    [fileRange(handle, { end: 11 }), 'ERR_FILE_RANGE'],
    [fileRange(handle, { start: 11 }), 'ERR_FILE_RANGE'],
    [fileRange(directory), 'ERR_NOT_A_FILE'],
    [fileRange(closed), 'ERR_FILE_CLOSED'],
    [fileRange(987_654), 'ERR_FILE_CLOSED'],
  ] as const) {
    for (const send of ['write', 'end'] as const) {
      const { sent } = await answer((_request, response) => {
        t.throws(() => response[send](['x', range]), { code })
        response.end('still usable')
      })
      t.like(sent, { length: 1, 0: { body: 'still usable' } })
    }
  }
  closeSync(directory)
  await handle.close()
})

test('what is no file and no range is refused at once', (t) => {
  for (const value of ['path', -1, 1.5, null, {}]) {
    t.throws(() => fileRange(value as never), { code: 'ERR_INVALID_ARGUMENT' })
  }
  for (const range of [{ start: -1 }, { end: 1.5 }, { start: 3, end: 2 }, { start: '1' as never }]) {
    t.throws(() => fileRange(3, range), { code: 'ERR_INVALID_ARGUMENT' })
  }
  t.throws(() => fileRange(3, { from: 1 } as never), { code: 'ERR_INVALID_OPTION', message: /Known are: start, end/ })
})

test('a file that the system gives no descriptor of cuts the connection and is reported with its code', async (t) => {
  const handle = await open(file)
  const reported: unknown[] = []
  const { ask, lane } = await serve({
    onError: (error) => reported.push((error as { code?: string }).code),
    handler: (_request, response) => {
      response.write('x')
      response.end(fileRange(handle))
    },
  })
  lane.putFileError = new Error('EMFILE: too many open files')
  const sent = await ask({ connection: ++connection })
  lane.putFileError = undefined
  await handle.close()
  t.is(sent.at(-1)!.kind, 'RESET')
  t.deepEqual(reported, ['EMFILE'])
})
