import ava from 'ava'
import { statusOfFault } from '#dist/fault'
import { serve, settle } from './_helpers/serve'

const test = ava.serial
let connection = 800

test('a handler that lets pass that a body is no JSON has answered 400, and nobody is told', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push(error),
    handler: async (request, response) => {
      response.setHeader('x-half', 'done')
      response.end(String((await request.json()).name))
    },
  })
  t.like(await ask({ connection: ++connection, method: 'POST', inline: '{"name":1}' }), { 0: { body: '1' } })
  const sent = await ask({ connection: ++connection, method: 'POST', inline: '{"name"' })
  t.like(sent, { 0: { kind: 'RESPOND', status: 400, body: 'Bad Request\n' }, length: 1 })
  t.false(sent[0]!.fields!.includes('x-half'))
  t.like(await ask({ connection: ++connection, method: 'POST' }), { 0: { status: 400 } })
  t.deepEqual(reported, [])
})

test('a read callback that throws a fault of the client answers it', async (t) => {
  const { ask } = await serve((request) => {
    request.read(() => {
      throw Object.assign(new Error('too much for me'), { code: 'ERR_BODY_TOO_LARGE' })
    })
  })
  t.like(await ask({ connection: ++connection, method: 'POST', inline: 'x' }), { 0: { status: 413 } })
  await settle()
})

test('a fault of the client in the middle of an answer closes the connection', async (t) => {
  const { ask } = await serve(async (request, response) => {
    response.write('half')
    await request.json()
  })
  const sent = await ask({ connection: ++connection, method: 'POST', inline: '{' })
  t.is(sent.at(-1)!.kind, 'RESET')
})

test('whatever can be thrown has a status or none', (t) => {
  const hostile = {
    get code() {
      throw new Error('no code')
    },
  }
  for (const thrown of [null, undefined, 'ERR_BODY_JSON', 7, {}, { code: {} }, { code: 'ENOENT' }, hostile]) {
    t.is(statusOfFault(thrown), 0)
  }
  t.is(statusOfFault({ code: 'ERR_BODY_MALFORMED' }), 400)
  t.is(statusOfFault({ code: 'ERR_BODY_TIMEOUT' }), 408)
})
