import test, { type ExecutionContext } from 'ava'
import type { AnswerInfo } from '#dist/index'
import type { Wire } from '../_helpers/wire'
import { FAULTY, post, serve, until, type Served } from './served'

// What `onAnswer` is told when clients are slow, go, or break the rules.

// More than the system holds for a client that does not read.
const LARGE = Buffer.alloc(12 * 1024 * 1024, 'x')

test('an answer is told when the last of it has been taken, with all of its bytes', async (t) => {
  const { served, wire, told } = await answerHalf(t)
  await served.answersNext()
  await until(() => told.length > 0, 'the next answer is told')
  t.deepEqual(
    told.map(({ request }) => request?.url),
    ['/next'],
  )
  wire.resume()
  await until(() => told.length === 2, 'the answer is told')
  t.like(told[1], { status: 200, bytes: LARGE.length, isCut: false, code: null })
})

test('an answer that its client does not take to the end is told as cut, with what was taken', async (t) => {
  const { served, wire, told } = await answerHalf(t)
  wire.reset()
  await until(() => told.length === 1, 'the answer is told')
  const [{ status, bytes, isCut }] = told
  t.deepEqual({ status, isCut }, { status: 200, isCut: true })
  t.true(bytes > 0 && bytes < LARGE.length, `${bytes} bytes`)
  await served.answersNext()
})

for (const [head, status, code, request] of [
  ['GET /a HTTP/1.1\r\n\r\n', 400, 'ERR_HTTP_MISSING_HOST', { method: 'GET', url: '/a' }],
  [post(99_999_999), 413, 'ERR_HTTP_BODY_TOO_LARGE', { method: 'POST', url: '/faulty' }],
  ['GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'ERR_HTTP_CONTROL_CHARACTER', null],
] as const) {
  test(`what is refused is told with what it was, and the code of the rule: ${code}`, async (t) => {
    const told: AnswerInfo[] = []
    const served = await serve(t, () => t.fail('no request'), { onAnswer: (one) => told.push(one) })
    const wire = await served.open()
    wire.send(head)
    await until(() => told.length === 1, 'the refusal is told')
    t.like(told[0], { status, code, request })
  })
}

/** A client that has asked for a large answer, and reads none of it. */
async function answerHalf(t: ExecutionContext): Promise<{ served: Served; wire: Wire; told: AnswerInfo[] }> {
  const told: AnswerInfo[] = []
  const served = await serve(t, (_request, response) => response.end(LARGE), {
    sendBufferSize: 64 * 1024,
    onAnswer: (one) => told.push(one),
  })
  const wire = await served.open()
  wire.pause()
  wire.send(FAULTY)
  await until(() => served.server.stats().bytesWritten > 0, 'the answer has begun')
  return { served, wire, told }
}
