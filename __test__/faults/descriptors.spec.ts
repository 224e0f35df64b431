import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import ava from 'ava'
import type { ServerStats } from '#dist/index'
import { Wire } from '../_helpers/wire'

const test = process.platform === 'win32' ? ava.skip : ava

interface Message {
  port?: number
  error?: string
  stats?: ServerStats
}

const ASK = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

test('a server short of descriptors accepts no more, says so, serves whom it has, and goes on by itself', async (t) => {
  const program = path.join(__dirname, 'descriptors-program.js')
  const child = spawn('sh', ['-c', 'ulimit -n 128 && exec "$0" "$1"', process.execPath, program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [{ port }] = (await once(child, 'message')) as [Required<Message>]
  const errors: unknown[] = []
  child.on('message', ({ error }: Message) => error !== undefined && errors.push(error))

  const first = await Wire.open(port)
  t.is((await first.ask(ASK)).body.toString(), 'served')
  // The system completes connections that the server does not accept.
  const clients = await Promise.all(Array.from({ length: 200 }, () => Wire.open(port)))
  for (let waits = 0; errors.length === 0 && waits < 400; waits++) await sleep(10)
  const short = await statsOf(child)
  t.true(short.descriptorsLow)
  t.true(short.connections > 10 && short.connections < 128 - 32, String(short.connections))
  t.is((await first.ask(ASK)).body.toString(), 'served')

  const late = await Wire.open(port)
  late.send(ASK)
  for (const client of clients) client.destroy()
  t.is((await late.answer()).body.toString(), 'served')
  t.deepEqual([...new Set(errors)], ['ERR_DESCRIPTORS_LOW'])
  for (let waits = 0; (await statsOf(child)).descriptorsLow && waits < 400; waits++) await sleep(10)
  t.false((await statsOf(child)).descriptorsLow)
  for (const wire of [first, late]) wire.destroy()
})

async function statsOf(child: ChildProcess): Promise<ServerStats> {
  for (child.send('stats'); ;) {
    const [{ stats }] = (await once(child, 'message')) as [Message]
    if (stats !== undefined) return stats
  }
}
