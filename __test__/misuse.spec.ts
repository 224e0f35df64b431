import { spawnSync } from 'node:child_process'
import { inspect } from 'node:util'
import path from 'node:path'
import ava from 'ava'
import type { Response } from '#dist/index'
import { Batch } from './_helpers/fake-lane'
import { serve, settle } from './_helpers/serve'

// What once stopped every server of a thread, or could have.

const test = ava.serial
const LONG = 'y'.repeat(300_000)

for (const [what, code, misuse] of [
  ['trailers', 'ERR_HEADERS_TOO_LARGE', (response: Response) => response.trailers({ x: LONG })],
  [
    'an informational answer',
    'ERR_HEADERS_TOO_LARGE',
    (response: Response) => response.informational(103, { x: LONG }),
  ],
  ['a header', 'ERR_HEADERS_TOO_LARGE', (response: Response) => response.setHeader('x', LONG).end()],
  ['a reason phrase', 'ERR_INVALID_REASON', (response: Response) => (response.reason = 'y'.repeat(70_000))],
] as const) {
  test(`${what} too large for any buffer is refused, and the other answers arrive`, async (t) => {
    const { tell, id } = await serve({
      onError: (error) => t.is((error as { code: string }).code, code),
      handler(request, response) {
        if (request.path === '/long') misuse(response)
        response.end('fine')
      },
    })
    t.plan(2)
    const sent = await tell((batch) => {
      for (const target of ['/', '/long', '/']) batch.request({ server: id, connection: 1, target })
    })
    t.deepEqual(
      sent.map(({ kind, status }) => [kind, status]),
      [
        ['RESPOND', 200],
        ['RESPOND', 500],
        ['RESPOND', 200],
      ],
    )
  })
}

test('something thrown that cannot be shown is printed as that', async (t) => {
  const printed: unknown[] = []
  const { error: original } = console
  console.error = (thrown: unknown) => {
    inspect(thrown)
    printed.push(thrown)
  }
  try {
    const { ask } = await serve(() => {
      throw {
        [inspect.custom]() {
          throw new Error('not even this')
        },
      }
    })
    t.like(await ask({ connection: 2 }), { 0: { status: 500 } })
  } finally {
    console.error = original
  }
  t.deepEqual(printed, ['An error that cannot be shown was thrown by a handler.'])
})

test('what escapes the loop reaches uncaughtException, and the loop goes on', (t) => {
  const program = `
    const { serve } = require('./serve.js')
    process.on('uncaughtException', (error) => console.log('uncaught', error.message))
    ;(async () => {
      const { lane, ask } = await serve((request, response) => void response.end(request.path))
      const { turn } = lane
      lane.turn = () => {
        lane.turn = turn
        throw new Error('from the core')
      }
      const [sent] = await ask({ target: '/answered' })
      console.log(sent.body)
    })()`
  const cwd = path.join(__dirname, '_helpers')
  const { stdout } = spawnSync(process.execPath, ['-e', program], { cwd, encoding: 'utf8' })
  t.is(stdout, 'uncaught from the core\n/answered\n')
})

test('listening again while closing makes one listener, which close closes', async (t) => {
  const { server, id, lane, tell } = await serve((_request, response) => void response.end())
  const first = server.close()
  const again = server.listen(50)
  await settle()
  await tell((batch) => batch.serverClosed(id))
  await first
  const address = await again
  const listened = lane.listened.length
  t.is(await server.listen(), address)
  t.is(server.address, address)
  t.is(lane.listened.length, listened)
  const second = server.close()
  await settle()
  t.is(lane.closed.at(-1)!.server, listened)
  await lane.deliver(new Batch().serverClosed(listened))
  await second
  t.is(server.address, null)
})

test('a thenable that settles more than once, and throws, is reported once', async (t) => {
  const reported: unknown[] = []
  const { ask } = await serve({
    onError: (error) => reported.push((error as Error).message),
    handler: () => ({
      // oxlint-disable-next-line unicorn/no-thenable
      then(_resolve: unknown, reject: (error: Error) => void) {
        reject(new Error('first'))
        reject(new Error('second'))
        throw new Error('third')
      },
    }),
  })
  t.like(await ask({ connection: 3 }), { 0: { status: 500 }, length: 1 })
  t.deepEqual(reported, ['first'])
})
