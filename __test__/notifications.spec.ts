import ava from 'ava'
import type { Handler, Response } from '#dist/index'
import type { FakeLane, Sent } from './_helpers/fake-lane'
import { serve, settle } from './_helpers/serve'

// What becomes of what was written: by callback and by promise, in order, once, and never inside the call.

const test = ava.serial
let connection = 5000

/** A response that is still open, with what tells the facade more about it. */
async function open(handler: Handler = () => undefined): Promise<{
  response: Response
  name: { connection: number }
  sent: Sent[]
  reported: unknown[]
  lane: FakeLane
  tell: Awaited<ReturnType<typeof serve>>['tell']
}> {
  const reported: unknown[] = []
  let response!: Response
  const { ask, tell, lane } = await serve({
    onError: (error) => reported.push((error as Error).message),
    handler(request, given) {
      response = given
      return handler(request, given)
    },
  })
  const name = { connection: ++connection }
  const sent = await ask(name)
  return { response, name, sent, reported, tell, lane }
}

function tokensOf(sent: readonly Sent[]): number[] {
  return sent.filter(({ flags }) => flags.includes('NOTIFY')).map(({ token }) => token!)
}

test('flush is a promise without a callback, and the response with one', async (t) => {
  const { response, name, tell, lane } = await open()
  const promise = response.flush()
  t.true(promise instanceof Promise)
  t.is(
    response.flush(() => {}),
    response,
  )
  const [first, second] = tokensOf(lane.sent).slice(-2)
  t.truthy(second)
  let done = false
  void promise.then(() => (done = true))
  await settle()
  t.false(done)
  await tell((batch) => batch.written(first!, 0, name))
  t.true(done)
})

test('a flush that fails rejects with why, and a handler that passes that on has nothing to report', async (t) => {
  for (const [outcome, code] of [
    [16 + 32, 'ERR_WRITE_FAILED'],
    [1, 'ERR_WRITE_NOT_EXECUTED'],
    [2, 'ERR_SERVER_CLOSED'],
  ] as const) {
    let failure: unknown
    const { name, sent, tell, reported } = await open(async (_request, response) => {
      response.write('x')
      try {
        await response.flush()
      } catch (error) {
        failure = error
        throw error
      }
    })
    await tell((batch) => batch.written(tokensOf(sent)[0]!, outcome, name))
    t.like(failure, { code })
    t.deepEqual(reported, [])
  }
})

test('a flush nobody waits for harms nothing when it fails', async (t) => {
  const { sent, name, tell, reported } = await open((_request, response) => void response.flush())
  await tell((batch) => batch.written(tokensOf(sent)[0]!, 1, name))
  await settle()
  t.deepEqual(reported, [])
})

test('flush of a response that was cut rejects, and throws after the end', async (t) => {
  const { response, name, tell } = await open()
  await tell((batch) => batch.abort(2, name))
  await t.throwsAsync(response.flush(), { code: 'ERR_CLIENT_GONE' })
  response.end()
  t.throws(() => response.flush(), { code: 'ERR_WRITE_AFTER_END' })
})

test('notifications of writes, flushes and the end are told in the order they were asked for', async (t) => {
  const told: string[] = []
  const { sent, name, tell } = await open((_request, response) => {
    response.write('a', () => told.push('write'))
    void response.flush().then(() => told.push('promise'))
    response.flush(() => told.push('flush'))
    response.write(['b', 'c'], () => told.push('list'))
    response.end('d', () => told.push('end'))
    t.deepEqual(told, [])
  })
  t.deepEqual(
    sent.map(({ kind, body = '' }) => `${kind} ${body}`),
    ['HEAD ', 'CHUNK a', 'CHUNK ', 'CHUNK ', 'CHUNK b', 'CHUNK c', 'CHUNK d', 'END '],
  )
  const tokens = tokensOf(sent)
  t.is(tokens.length, 5)
  // All in one batch.
  await tell((batch) => {
    for (const token of tokens) batch.written(token, 0, name)
  })
  t.deepEqual(told, ['write', 'promise', 'flush', 'list', 'end'])
})

test('an exchange whose turn has not come is told when it has, and others do not mix with it', async (t) => {
  const told: string[] = []
  const responses: Response[] = []
  const { tell, id } = await serve((_request, response) => void responses.push(response))
  const name = { connection: ++connection }
  await tell((batch) => {
    for (const sequence of [0, 1]) batch.request({ ...name, server: id, sequence })
  })
  const [first, second] = responses as [Response, Response]
  second.write('2', () => told.push('second write'))
  second.end('', () => told.push('second end'))
  first.write('1', () => told.push('first write'))
  first.end('', () => told.push('first end'))
  const sent = await tell((batch) => batch)
  const tokenOf = (sequence: number): number[] => tokensOf(sent.filter((one) => one.sequence === sequence))
  await tell((batch) => {
    for (const sequence of [0, 1]) {
      for (const token of tokenOf(sequence)) batch.written(token, 0, { ...name, sequence })
    }
  })
  t.deepEqual(told, ['first write', 'first end', 'second write', 'second end'])
})

test('what is written to a client that has gone is told after what was written before, however late that comes', async (t) => {
  const told: string[] = []
  const note =
    (what: string) =>
    (error: { code: string } | null): void =>
      void told.push(`${what} ${error?.code ?? 'done'}`)
  const { response, sent, name, tell } = await open((_request, given) => {
    given.write('a', note('a'))
    given.flush(note('b'))
  })
  await tell((batch) => batch.abort(2, name))
  response.write('c', note('c'))
  response.end('d', note('d'))
  await settle()
  t.deepEqual(told, [])
  const [first, second] = tokensOf(sent)
  await tell((batch) => batch.written(first!, 0, name))
  t.deepEqual(told, ['a done'])
  await tell((batch) => batch.written(second!, 1, name))
  t.deepEqual(told, ['a done', 'b ERR_WRITE_NOT_EXECUTED', 'c ERR_CLIENT_GONE', 'd ERR_CLIENT_GONE'])
})

test('the callback of an end that throws closes the connection although the exchange is over', async (t) => {
  const { sent, name, tell, reported } = await open((_request, response) => {
    response.end('x', () => {
      throw new Error('in the last callback')
    })
  })
  const after = await tell((batch) => batch.written(tokensOf(sent)[0]!, 0, name))
  t.like(after, { length: 1, 0: { kind: 'RESET', why: 1 } })
  t.deepEqual(reported, ['in the last callback'])
})

test('finished resolves when a whole answer is written, beside the callback of end', async (t) => {
  const told: string[] = []
  const { sent, name, tell } = await open((_request, response) => {
    t.is(response.finished, response.finished)
    void response.finished.then(() => told.push('finished'))
    response.end('whole', () => told.push('callback'))
  })
  t.like(sent, { length: 1, 0: { kind: 'RESPOND', flags: ['NOTIFY'] } })
  await tell((batch) => batch.written(tokensOf(sent)[0]!, 0, name))
  t.deepEqual(told, ['callback', 'finished'])
})

test('finished resolves for pieces and for the answer of a handler that failed', async (t) => {
  for (const handler of [
    (response: Response): void => {
      response.write('a')
      response.end()
    },
    (): void => {
      throw new Error('500')
    },
  ]) {
    let done = false
    const { sent, name, tell } = await open((_request, response) => {
      void response.finished.then(() => (done = true))
      handler(response)
    })
    await tell((batch) => batch.written(tokensOf(sent)[0]!, 0, name))
    t.true(done)
  }
})

test('finished rejects when the client goes, when the write fails, and when it is asked for too late', async (t) => {
  const cut = await open((_request, response) => void response.finished)
  await cut.tell((batch) => batch.abort(2, cut.name))
  await t.throwsAsync(cut.response.finished, { code: 'ERR_CLIENT_GONE' })

  const failed = await open((_request, response) => {
    void response.finished
    response.end('x')
  })
  await failed.tell((batch) => batch.written(tokensOf(failed.sent)[0]!, 1, failed.name))
  await t.throwsAsync(failed.response.finished, { code: 'ERR_WRITE_NOT_EXECUTED' })

  const late = await open((_request, response) => void response.end('x'))
  await t.throwsAsync(late.response.finished, { code: 'ERR_ANSWERED' })

  const gone = await open()
  await gone.tell((batch) => batch.abort(2, gone.name))
  await t.throwsAsync(gone.response.finished, { code: 'ERR_CLIENT_GONE' })
})
