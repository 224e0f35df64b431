import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { Handler, Response } from '#dist/index'
import { codeOf, Deferred, FAULTY, NEXT, post, serve, until } from './served'

// Handlers that go wrong. The client gets an answer or an end, onError gets the error, and the next request its answer.

const mistake = new Error('a mistake')

const failures: Record<string, Handler> = {
  throws: () => {
    throw mistake
  },
  rejects: () => Promise.reject(mistake),
  'rejects later': async () => {
    await sleep(1)
    throw mistake
  },
  'rejects after it has read the body': async (request) => {
    await request.bytes()
    throw mistake
  },
  'throws after it has set headers': (_request, response) => {
    response.status = 201
    response.setHeader('content-type', 'application/json')
    throw mistake
  },
  'gives back a thenable that throws': () => ({
    // A thenable is what is to be tested.
    then() {
      throw mistake
    },
  }),
}

for (const [what, handler] of Object.entries(failures)) {
  test(`a handler that ${what} is answered for with 500, and its connection goes on`, async (t) => {
    const served = await serve(t, handler)
    const wire = await served.open()
    wire.send(FAULTY + NEXT)
    const answer = await wire.answer()
    t.is(answer.status, 500)
    t.false(answer.body.includes('mistake'), 'the client learns nothing of it')
    t.is((await wire.answer()).body.toString(), 'next')
    await served.answersNext()
    t.deepEqual(served.errors, [mistake], 'told once')
    t.is(served.server.stats().errors.handler, 1)
  })
}

test('anything can be thrown', async (t) => {
  const things = [undefined, null, 0, 'text', Symbol('s'), { code: 'X' }]
  let next = 0
  const served = await serve(t, () => {
    throw things[next++]
  })
  const wire = await served.open()
  for (const _ of things) t.is((await wire.ask(FAULTY)).status, 500)
  t.deepEqual(served.errors, things)
  await served.answersNext()
})

test('a handler that fails between two pipelined ones fails alone', async (t) => {
  const served = await serve(t, async () => {
    await sleep(5)
    throw mistake
  })
  const wire = await served.open()
  wire.send(NEXT + FAULTY + NEXT)
  t.is((await wire.answer()).status, 200)
  t.is((await wire.answer()).status, 500)
  t.is((await wire.answer()).status, 200)
})

test('a handler that throws in the middle of its answer cuts the connection', async (t) => {
  const served = await serve(t, async (_request, response) => {
    response.write('half of')
    await sleep(5)
    throw mistake
  })
  const wire = await served.open()
  wire.send(FAULTY)
  await t.throwsAsync(wire.answer(), undefined, 'the client can tell that it is not whole')
  t.deepEqual(served.errors, [mistake])
  await served.quiet()
  await served.answersNext()
})

test('a handler that throws after its answer has changed nothing', async (t) => {
  const served = await serve(t, (_request, response) => {
    response.end('complete')
    throw mistake
  })
  const wire = await served.open()
  wire.send(FAULTY + NEXT)
  t.is((await wire.answer()).body.toString(), 'complete')
  t.is((await wire.answer()).body.toString(), 'next')
  t.deepEqual(served.errors, [mistake])
})

test('a handler that answers twice is told so, and the first answer stands', async (t) => {
  const codes: string[] = []
  const attempt = (act: () => unknown): void => {
    try {
      act()
      codes.push('nothing')
    } catch (error) {
      codes.push(codeOf(error))
    }
  }
  const served = await serve(t, (_request, response) => {
    response.end('first')
    attempt(() => response.end('second'))
    attempt(() => response.write('third'))
    attempt(() => response.setHeader('x-late', '1'))
    response.end('fourth')
  })
  const wire = await served.open()
  wire.send(FAULTY + NEXT)
  t.is((await wire.answer()).body.toString(), 'first')
  t.is((await wire.answer()).body.toString(), 'next', 'nothing got in between')
  t.deepEqual(codes, ['ERR_ANSWERED', 'ERR_WRITE_AFTER_END', 'ERR_HEADERS_SENT'])
  t.deepEqual(served.errors.map(codeOf), ['ERR_ANSWERED'], 'the one that was not caught')
})

test('a handler that never answers is noticed when its client goes', async (t) => {
  const aborted = new Deferred<unknown>()
  const served = await serve(t, (request) => {
    request.signal.addEventListener('abort', () => aborted.resolve(request.signal.reason))
  })
  const wire = await served.open()
  wire.send(FAULTY)
  await until(() => served.server.stats().pending === 1, 'it waits')
  await served.answersNext()
  wire.reset()
  t.is(codeOf(await aborted.promise), 'ERR_CLIENT_GONE')
  await served.quiet()
})

test('a handler that never answers is answered for when its time is up', async (t) => {
  const aborted = new Deferred<unknown>()
  const late = new Deferred<Response>()
  const served = await serve(t, () => t.fail('it has a route'))
  // The time is the route's alone, as the next request is to be answered however late its handler gets to run.
  const never: Handler = (request, response) => {
    request.signal.addEventListener('abort', () => {
      aborted.resolve(request.signal.reason)
      late.resolve(response)
    })
  }
  served.server.get('/faulty', never, { timeouts: { handler: 50 } })
  const wire = await served.open()
  wire.send(FAULTY)
  t.is((await wire.answer()).status, 503)
  t.is(await wire.closed(), 'ended')
  t.is(codeOf(await aborted.promise), 'ERR_HANDLER_TIMEOUT')
  const response = await late.promise
  t.notThrows(() => response.end('too late'))
  await served.answersNext()
  t.is(served.server.stats().errors.timeout, 1)
})

test('a handler that never answers does not outlast a close with a timeout', async (t) => {
  const aborted = new Deferred<unknown>()
  const served = await serve(t, (request) => {
    request.signal.addEventListener('abort', () => aborted.resolve(request.signal.reason))
  })
  const wire = await served.open()
  wire.send(FAULTY)
  await until(() => served.server.stats().pending === 1, 'it waits')
  await served.server.close({ timeout: 20 })
  t.is(codeOf(await aborted.promise), 'ERR_SERVER_CLOSED')
  await wire.closed()
})

test('a handler that never answers holds up the pipelined ones behind it and nobody else', async (t) => {
  const stuck = new Deferred<Response>()
  const served = await serve(t, (_request, response) => stuck.resolve(response))
  const wire = await served.open()
  wire.send(FAULTY + NEXT)
  const response = await stuck.promise
  await served.answersNext()
  response.end('at last')
  t.is((await wire.answer()).body.toString(), 'at last')
  t.is((await wire.answer()).body.toString(), 'next')
})

test('a handler that blocks for two seconds delays everyone and loses nobody', async (t) => {
  const blocked = new Deferred()
  const served = await serve(t, (_request, response) => {
    blocked.resolve()
    const until = Date.now() + 2_000
    while (Date.now() < until);
    response.end('done')
  })
  const wires = await Promise.all(Array.from({ length: 50 }, () => served.open()))
  const [first, ...others] = wires
  first.send(FAULTY)
  for (const wire of others) wire.send(NEXT.repeat(20))
  const leaver = await served.open()
  leaver.send(NEXT + FAULTY.slice(0, 10))
  leaver.reset()
  t.is((await first.answer()).body.toString(), 'done')
  await blocked.promise
  for (const wire of others) {
    for (let i = 0; i < 20; i++) t.is((await wire.answer()).body.toString(), 'next')
  }
  await served.answersNext()
})

test('callbacks that throw are reported with their exchange', async (t) => {
  const served = await serve(t, (request, response) => {
    request.read(() => {
      throw mistake
    })
    void response
  })
  const wire = await served.open()
  wire.send(post(4) + 'body' + NEXT)
  t.is((await wire.answer()).status, 500)
  t.is((await wire.answer()).body.toString(), 'next')
  t.deepEqual(served.errors, [mistake])
})

test('a write callback that throws is reported and closes its connection', async (t) => {
  const served = await serve(t, (_request, response) => {
    response.end('fine', () => {
      throw mistake
    })
  })
  const wire = await served.open()
  t.is((await wire.ask(FAULTY)).body.toString(), 'fine')
  await until(() => served.errors.length === 1, 'it is reported')
  t.deepEqual(served.errors, [mistake])
  await wire.closed()
  await served.answersNext()
})
