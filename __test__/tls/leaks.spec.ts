import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import ava from 'ava'
import { KIB, MIB, connections, returns, start, type Client, type Program } from '../_helpers/leaks'
import { Tap } from '../_helpers/tap'
import { clientHello, record, Type } from './records'

// What a server held for TLS is given back. As in leaks.spec.ts, each test warms the program up with what it measures.

const test = process.platform === 'linux' ? ava.serial : ava.serial.skip

test('3,000 handshakes that end at each of their stages leave nothing behind', async (t) => {
  const program = await start(t, true)
  await abortedHandshakes(program, 600)
  const before = await program.measure()
  await abortedHandshakes(program, 3_000)
  t.is((await program.quiet()).accepted, before.accepted + 3_000)
  // What a handshake holds is 10 KiB and more; 3,000 of them are more than 30 MB.
  await returns(t, program, before, 12 * MIB)
})

test('1,500 connections over TLS leave nothing behind', async (t) => {
  const program = await start(t, true)
  await connections(500, () => openClient(program.port))
  const before = await program.measure()
  await connections(1_500, () => openClient(program.port))
  // Sessions that can be resumed are kept, but not by the server: they are in the tickets.
  await returns(t, program, before, 8 * MIB)
})

test('2,000 connections over TLS that are idle take little each, and leave nothing behind', async (t) => {
  const program = await start(t, true)
  await idle(program, 500)
  const before = await program.measure()
  const rss = await idle(program, 2_000)
  // A buffer for a record would be 16 KiB and more.
  const each = (rss - before.rss) / 2_000
  t.log(`${each.toFixed()} bytes each`)
  t.true(each < 12 * KIB, `${each.toFixed()} bytes each`)
  await returns(t, program, before, 16 * MIB)
})

const STAGES = ['not begun', 'begun', 'cut short', 'answered', 'completed wrongly', 'completed']

/** Handshakes that get so far, of clients that then go, in order or with a reset. */
async function abortedHandshakes(program: Program, count: number): Promise<void> {
  const hello = await clientHello()
  const wrong = Buffer.concat([hello, record(Type.data, Buffer.alloc(64))])
  for (let i = 0; i < count; i += 60) {
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const socket = await open(program.port)
        const stage = STAGES[index % STAGES.length]
        if (stage === 'begun') socket.write(hello.subarray(0, 1))
        if (stage === 'cut short') socket.write(hello.subarray(0, -1))
        if (stage === 'answered') socket.write(hello)
        if (stage === 'completed wrongly') socket.write(wrong)
        if (stage === 'completed') await secure(socket)
        if (stage === 'answered') await once(socket, 'data')
        if (stage === 'completed wrongly') await once(socket.resume(), 'close')
        // Each stage with both.
        if (Math.floor(index / STAGES.length) % 2 === 0) socket.destroy()
        else socket.resetAndDestroy()
      }),
    )
  }
}

async function openClient(port: number): Promise<Client> {
  const tcp = connectTcp(port, '127.0.0.1')
  return { socket: await secure(tcp), reset: () => tcp.resetAndDestroy() }
}

/** Opens connections that have been asked once; measures while they are idle, then has them go. */
async function idle(program: Program, count: number): Promise<number> {
  const sockets: TLSSocket[] = []
  while (sockets.length < count) {
    const some = Array.from({ length: 50 }, async () => {
      const socket = await secure(connectTcp(program.port, '127.0.0.1'))
      socket.write('GET /hello HTTP/1.1\r\nHost: leaks\r\n\r\n')
      await once(socket, 'data')
      return socket
    })
    sockets.push(...(await Promise.all(some)))
  }
  const { rss } = await program.measure()
  for (const socket of sockets) socket.destroy()
  return rss
}

async function secure(socket: Socket): Promise<TLSSocket> {
  const client = connect({ socket: new Tap(socket), servername: 'localhost', rejectUnauthorized: false })
  client.on('error', () => undefined)
  await once(client, 'secureConnect')
  return client
}

async function open(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}
