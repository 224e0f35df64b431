import { AsyncLocalStorage } from 'node:async_hooks'
import ava from 'ava'
import type { Request, Response } from '#dist/index'
import { Batch } from './_helpers/fake-lane'
import { serve, settle } from './_helpers/serve'

const test = ava.serial
let connection = 300

test('a handler that throws answers 500 without a word of why, is reported once, and harms no other', async (t) => {
  const reported: unknown[] = []
  const { tell, id } = await serve({
    onError: (error, { request, server }) => reported.push((error as Error).message, request?.path, server.listening),
    handler(request, response) {
      response.setHeader('x-half', 'done')
      if (request.path === '/bad') throw new Error('secret')
      response.end('fine')
    },
  })
  const sent = await tell((batch) => {
    for (const target of ['/1', '/bad', '/2']) batch.request({ server: id, connection: ++connection, target })
  })
  t.deepEqual(
    sent.map(({ status, body }) => [status, body]),
    [
      [200, 'fine'],
      [500, 'Internal Server Error\n'],
      [200, 'fine'],
    ],
  )
  t.false(sent[1]!.fields!.includes('x-half'))
  t.deepEqual(reported, ['secret', '/bad', true])
})

test('a handler that rejects answers 500, at once or later', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push(error),
    handler: async (request) => {
      if (request.path === '/later') await settle()
      // Anything can be thrown.
      throw request.path
    },
  })
  t.like(await ask({ connection: ++connection, target: '/now' }), { 0: { status: 500 }, length: 1 })
  await ask({ connection: ++connection, target: '/later' })
  await settle()
  t.deepEqual(reported, ['/now', '/later'])
})

test('a handler that fails in the middle of its answer closes the connection', async (t) => {
  const { ask } = await serve({
    onError: () => {},
    handler(_request, response) {
      response.write('half')
      throw new Error('in the middle')
    },
  })
  const sent = await ask({ connection: ++connection })
  t.deepEqual(
    sent.map(({ kind }) => kind),
    ['HEAD', 'CHUNK', 'RESET'],
  )
})

test('a handler that fails after its answer is reported and changes nothing', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push(error),
    async handler(_request, response) {
      response.end('fine')
      throw new Error('afterwards')
    },
  })
  t.like(await ask({ connection: ++connection }), { 0: { status: 200 }, length: 1 })
  t.is(reported.length, 1)
})

test('an onError that throws or rejects breaks nothing', async (t) => {
  const printed: unknown[] = []
  const { error: original } = console
  console.error = (error: unknown) => void printed.push((error as Error).message)
  try {
    for (const onError of [
      () => {
        throw new Error('from onError')
      },
      async () => {
        throw new Error('from onError')
      },
    ]) {
      const { ask } = await serve({
        onError,
        handler() {
          throw new Error('from the handler')
        },
      })
      t.like(await ask({ connection: ++connection }), { 0: { status: 500 } })
    }
  } finally {
    console.error = original
  }
  t.deepEqual(printed, ['from the handler', 'from onError', 'from the handler', 'from onError'])
})

test('without onError an error is printed with its stack', async (t) => {
  const printed: unknown[] = []
  const { error: original } = console
  console.error = (error: unknown) => void printed.push(error)
  try {
    const { ask } = await serve(() => {
      throw new Error('printed')
    })
    await ask({ connection: ++connection })
  } finally {
    console.error = original
  }
  t.is(printed.length, 1)
  t.regex((printed[0] as Error).stack!, /dispatch\.spec/)
})

test('what a handler returns does not matter when it is no promise', async (t) => {
  for (const result of [1, null, 'x', {}, { then: 1 }]) {
    const { ask } = await serve((_request, response) => {
      response.end('fine')
      return result
    })
    t.like(await ask({ connection: ++connection }), { 0: { body: 'fine' }, length: 1 })
  }
})

test('a thenable whose then throws is a handler that fails', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push((error as Error).message),
    handler: () => ({
      get then() {
        throw new Error('no then')
      },
    }),
  })
  t.like(await ask({ connection: ++connection }), { 0: { status: 500 } })
  t.deepEqual(reported, ['no then'])
})

test('an answer may come after the handler has returned, in any order', async (t) => {
  const responses: Response[] = []
  const { ask, lane } = await serve((_request, response) => void responses.push(response))
  await ask({ connection: 7, sequence: 0 })
  await ask({ connection: 7, sequence: 1 })
  await ask({ connection: 7, sequence: 2, generation: 1 })
  const before = lane.sent.length
  responses[1]!.end('b')
  responses[2]!.end('c')
  responses[0]!.end('a')
  await settle()
  t.deepEqual(
    lane.sent.slice(before).map(({ body, sequence, generation }) => [body, sequence, generation]),
    [
      ['b', 1, 0],
      ['c', 2, 1],
      ['a', 0, 0],
    ],
  )
})

test('records for an exchange that is over, or never was, are dropped', async (t) => {
  const { ask, tell } = await serve((_request, response) => void response.end('x'))
  await ask({ connection: 5 })
  const sent = await tell((batch) => {
    batch.abort(2, { connection: 5 }).drain(0, { connection: 5 }).body('x', { connection: 5 })
    batch.bodyEnd([], { connection: 70_000 }).abort(2, { connection: (3 << 24) | 9, generation: 4 })
  })
  t.deepEqual(sent, [])
})

test('a record for an earlier user of a slot does not reach the present one', async (t) => {
  let signal!: AbortSignal
  const { ask, tell } = await serve((request) => void (signal = request.signal))
  await ask({ connection: 11, generation: 2, sequence: 0 })
  await tell((batch) => batch.abort(2, { connection: 11, generation: 1, sequence: 0 }))
  t.false(signal.aborted)
  await tell((batch) => batch.abort(2, { connection: 11, generation: 2, sequence: 0 }))
  t.true(signal.aborted)
})

test('synchronous answers go with the next turn, without a submit of their own', async (t) => {
  const { tell, id, lane } = await serve((_request, response) => void response.end('x'))
  const { turns, submits } = lane
  await tell((batch) => {
    for (let i = 0; i < 10; i++) batch.request({ server: id, connection: ++connection })
  })
  t.is(lane.turns - turns, 2)
  t.is(lane.submits - submits, 0)
})

test('answers of promises that are ready go in one call', async (t) => {
  const { tell, id, lane } = await serve(async (_request, response) => {
    await null
    response.end('x')
  })
  const { turns, submits } = lane
  const sent = await tell((batch) => {
    for (let i = 0; i < 10; i++) batch.request({ server: id, connection: ++connection })
  })
  t.is(sent.length, 10)
  t.is(lane.turns - turns, 2)
  t.is(lane.submits - submits, 0)
})

test('answers given together outside of the loop go in one call, after the promises that are ready', async (t) => {
  const responses: Response[] = []
  const { tell, id, lane } = await serve((_request, response) => void responses.push(response))
  await tell((batch) => {
    for (let i = 0; i < 10; i++) batch.request({ server: id, connection: ++connection })
  })
  const { submits } = lane
  const before = lane.sent.length
  for (const response of responses) void Promise.resolve().then(() => response.end('x'))
  t.is(lane.sent.length, before)
  await settle()
  t.is(lane.sent.length, before + 10)
  t.is(lane.submits, submits + 1)
})

test('flush hands over at once', async (t) => {
  let response!: Response
  const { ask, lane } = await serve((_request, given) => void (response = given))
  await ask({ connection: ++connection })
  const before = lane.sent.length
  response.write('x')
  response.flush(() => {})
  t.is(lane.sent.length, before + 3)
})

test('a long batch gives way to timers and sends what is answered meanwhile', async (t) => {
  const order: string[] = []
  const { id, lane } = await serve((_request, response) => {
    const until = performance.now() + 2
    while (performance.now() < until);
    order.push('handler')
    response.end('x')
  })
  const batch = new Batch()
  for (let i = 0; i < 20; i++) batch.request({ server: id, connection: ++connection })
  const before = lane.sent.length
  setTimeout(() => order.push('timer'), 1)
  lane.wake(batch)
  t.true(order.length < 10, 'the loop came back before the end of the batch')
  t.true(lane.sent.length > before, 'what was answered has been handed over')
  while (order.length < 21) await settle()
  t.true(order.indexOf('timer') < 12)
  await settle()
  t.is(lane.sent.length, before + 20)
})

test('promises run between the batches of a flood', async (t) => {
  const order: string[] = []
  const { id, lane } = await serve(async (request, response) => {
    await null
    order.push(request.path)
    response.end()
  })
  await lane.deliver(
    ...['/1', '/2', '/3'].map((target) => new Batch().request({ server: id, connection: ++connection, target })),
  )
  t.deepEqual(order, ['/1', '/2', '/3'])
  t.deepEqual(
    lane.sent.slice(-3).map(({ kind }) => kind),
    ['RESPOND', 'RESPOND', 'RESPOND'],
  )
})

test('a store entered by one handler is not seen by the next, nor after the loop', async (t) => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const { tell, id } = await serve(async (request, response) => {
    seen.push(storage.getStore())
    storage.enterWith(request.path)
    seen.push(storage.getStore())
    await null
    seen.push(`later ${storage.getStore()}`)
    response.end()
  })
  await storage.run('of the test', () =>
    tell((batch) => {
      for (const target of ['/1', '/2', '/3']) batch.request({ server: id, connection: ++connection, target })
    }),
  )
  t.deepEqual(seen, [undefined, '/1', undefined, '/2', undefined, '/3', 'later /1', 'later /2', 'later /3'])
  t.is(storage.getStore(), undefined)
})

test('a store a handler runs in stays its own through promises and callbacks', async (t) => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const { tell, id } = await serve((request, response) => {
    seen.push(storage.getStore())
    storage.run(request.path, () => {
      request.read(() => seen.push(`read ${storage.getStore()}`))
      response.write('x', () => seen.push(`write ${storage.getStore()}`))
      void request.bytes().catch(() => seen.push(`promise ${storage.getStore()}`))
    })
  })
  const [one, two] = [++connection, ++connection]
  const sent = await tell((batch) => {
    batch.request({ server: id, connection: one, target: '/1', hasBody: true })
    batch.request({ server: id, connection: two, target: '/2', hasBody: true })
  })
  const tokens = sent.filter(({ token }) => token).map(({ token }) => token!)
  await tell((batch) => {
    for (const token of tokens) batch.written(token, 0)
    batch.body('x', { connection: one }).body('x', { connection: two })
  })
  t.deepEqual(seen.filter((store) => store === undefined).length, 2)
  t.deepEqual(seen.filter((store) => store !== undefined).sort(), [
    'promise /1',
    'promise /2',
    'read /1',
    'read /2',
    'write /1',
    'write /2',
  ])
})

test('exchanges that are over are not kept', async (t) => {
  const responses: Response[] = []
  const { tell, id } = await serve((_request, response) => void responses.push(response))
  const lane = (response: Response): { pendingCount: number } =>
    (response as unknown as { _lane: { pendingCount: number } })._lane
  const names = Array.from({ length: 50 }, (_, i) => ({ connection: 5000 + (i % 7), sequence: i }))
  await tell((batch) => {
    for (const name of names) batch.request({ server: id, hasBody: true, ...name })
  })
  const before = lane(responses[0]!).pendingCount - 50
  // One by one from the middle, the end and the start of the lists.
  for (const i of [20, 49, 0, 21, 48, 1]) responses[i]!.end()
  t.is(lane(responses[0]!).pendingCount, before + 44)
  await tell((batch) => {
    for (const name of names) batch.abort(2, name)
  })
  t.is(lane(responses[0]!).pendingCount, before)
})

test('a long-lived exchange lets go of the text of its batch', async (t) => {
  const kept: Array<Request & { _text?: string }> = []
  const { tell, id } = await serve((request) => void kept.push(request))
  await tell((batch) => {
    for (let i = 0; i < 100; i++) batch.request({ server: id, connection: 6000 + i, target: `/${i}` })
  })
  t.true(kept[5]!._text!.length > 100)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await tell((batch) => batch)
  t.is(kept[5]!._text, '/5')
  t.is(kept[99]!.url, '/99')
})
