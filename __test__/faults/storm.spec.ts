import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { Handler } from '#dist/index'
import { Wire } from '../_helpers/wire'
import { codeOf, serve } from './served'

// Clients and handlers that do anything at any time. What must hold: each client's answers come in the order of its
// requests, nobody gets another's, and nothing is left in the end.

const CHUNK = Buffer.alloc(30_000, 'x')

/** Small enough that all of them are run into. */
const options = {
  ioThreads: 2,
  limits: { bodyWindow: 8192, pipelinedRequests: 4, queuedBytes: 65_536, drainBytes: 1000, requestsPerConnection: 20 },
  timeouts: { headers: 200, body: 200, handler: 200, write: 300, idle: 100, linger: 50 },
}

/** What a client can leave open or cut by going. */
const EXPECTED = new Set(['ERR_CLIENT_GONE', 'ERR_BODY_ABORTED', 'ERR_BODY_DISCARDED', 'MISTAKE'])

const ways: Handler[] = [
  (_request, response) => response.end('at once'),
  async (_request, response) => {
    await sleep(dice(10))
    response.end('later')
  },
  async (request, response) => response.end(String((await request.bytes()).length)),
  async (request, response) => {
    let bytes = 0
    for await (const chunk of request) {
      bytes += chunk.length
      if (dice(4) === 0) await sleep(1)
    }
    response.end(String(bytes))
  },
  async (_request, response) => {
    for (let i = dice(20); i > 0; i--) if (!response.write(CHUNK)) await response.drain()
    response.end()
  },
  () => {
    throw Object.assign(new Error('a mistake'), { code: 'MISTAKE' })
  },
  () => undefined,
  async (request, response) => {
    // Leaves the loop early.
    for await (const _ of request) break
    response.end('enough')
  },
  async (_request, response) => {
    response.informational(103, { link: '</style>' })
    response.write('a')
    await sleep(2)
    response.end('b')
  },
  (request, response) => {
    const body = request.bytes()
    response.end('early')
    return body
  },
]

test('nothing is mixed up or left behind by a storm', async (t) => {
  const handler: Handler = (request, response) => {
    response.setHeader('x-target', request.url)
    return ways[dice(ways.length)](request, response)
  }
  const served = await serve(t, handler, options)
  let answers = 0
  const clients = Array.from({ length: 60 }, async (_, client) => {
    // On a slow machine most answers come after their clients have gone: then it takes more rounds until there are some.
    for (let round = 0; round < 10 || answers <= 100; round++) {
      const name = `${client}.${round}`
      const targets = await converse(served.port, name)
      answers += targets.length
      const numbers = targets.map((target) => Number(/^\/(\S+)\/(\d+)$/.exec(target)?.[2]))
      t.true(
        targets.every((target) => target.startsWith(`/${name}/`)),
        'all answers are this client’s',
      )
      t.true(
        numbers.every((number, index) => index === 0 || number > numbers[index - 1]),
        `in order: ${numbers.join()}`,
      )
    }
  })
  await Promise.all(clients)
  t.log(`${answers} answers`)
  t.true(answers > 100)
  await served.quiet()
  t.deepEqual(
    [...new Set(served.errors.map(codeOf))].filter((code) => !EXPECTED.has(code)),
    [],
  )
  await served.answersNext()
})

/** Has one connection do anything, and gives back the targets of the requests that were answered. */
async function converse(port: number, name: string): Promise<string[]> {
  const wire = await Wire.open(port)
  if (dice(4) === 0) {
    wire.pause()
    setTimeout(() => wire.resume(), dice(50))
  }
  for (let number = 0, count = dice(6); number <= count; number++) {
    const line = `/${name}/${number} HTTP/1.1\r\nHost: a\r\n`
    const length = dice(3) === 0 ? dice(40_000) : dice(100)
    switch (dice(6)) {
      case 0:
        wire.send(`POST ${line}Content-Length: ${length}\r\n\r\n${'x'.repeat(dice(4) ? length : dice(length + 1))}`)
        break
      case 1:
        wire.send(`POST ${line}Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`)
        await sleep(dice(5))
        wire.send('x'.repeat(length))
        break
      case 2:
        wire.send(`POST ${line}Transfer-Encoding: chunked\r\n\r\n`)
        for (let i = dice(8); i > 0; i--) wire.send(`3e8\r\n${'y'.repeat(1000)}\r\n`)
        if (dice(4) !== 0) wire.send('0\r\n\r\n')
        break
      case 3:
        wire.send(dice(4) === 0 ? 'nonsense\r\n\r\n' : `GET ${line}\r\n`)
        break
      default:
        wire.send(`GET ${line}\r\n`)
    }
    if (dice(3) === 0) await sleep(dice(10))
  }
  await sleep(dice(60))
  const going = dice(4)
  if (going === 0) {
    wire.reset()
  } else if (going === 1) {
    wire.endSending()
    await sleep(dice(300))
  } else {
    await sleep(dice(300))
  }
  wire.destroy()
  const received = (await wire.rest()).toString('latin1')
  return [...received.matchAll(/\r\nx-target: (\S+)\r\n/g)].map(([, target]) => target)
}

/** A number below `sides`. */
function dice(sides: number): number {
  return Math.floor(Math.random() * sides)
}
