import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import ava from 'ava'
import { Wire } from '../_helpers/wire'

const test = process.platform === 'win32' ? ava.skip : ava

test('a server without descriptors for its clients says so and goes on when some leave', async (t) => {
  const program = path.join(__dirname, 'descriptors-program.js')
  const child = spawn('sh', ['-c', 'ulimit -n 64 && exec "$0" "$1"', process.execPath, program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  const errors: unknown[] = []
  child.on('message', (error) => errors.push(error))

  const told = once(child, 'message')
  // The system completes connections that the server cannot accept yet.
  const clients = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }),
  )
  await told
  const late = await Wire.open(port)
  late.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  for (const client of clients) client.destroy()
  t.is((await late.answer()).body.toString(), 'served')
  t.deepEqual([...new Set(errors)], ['ERR_ACCEPT'])
})
