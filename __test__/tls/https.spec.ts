import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import ava, { type ExecutionContext } from 'ava'
import {
  createServer,
  hsts,
  redirectToHttps,
  selfSignedCertificate,
  staticFiles,
  type Handler,
  type ServerOptions,
} from '#dist/index'
import { Wire } from '../_helpers/wire'

// The handlers of src/https.ts on servers that listen.

const test = ava.serial
const hello: Handler = (_request, response) => response.end('hello')

test('one port leads plain requests to TLS, and has browsers stay there', async (t) => {
  const pair = selfSignedCertificate()
  const port = await listen(t, {
    tls: { ...pair, allowPlain: true },
    handler: [hsts({ maxAge: 60 }), (request, response) => redirect(request, response), hello],
  })
  const redirect = redirectToHttps({ port })
  const wire = await Wire.open(port)
  const led = await wire.ask(`GET /a?b HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
  t.is(led.status, 308)
  t.is(led.header('location'), `https://localhost:${port}/a?b`)
  t.is(led.header('strict-transport-security'), undefined)

  const sent = request(led.header('location')!, { ca: pair.cert, agent: false }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  t.is(answer.headers['strict-transport-security'], 'max-age=60')
  t.is((await answer.setEncoding('utf8').toArray()).join(''), 'hello')
})

test('a redirect answers every kind of request, and keeps the connection where it can', async (t) => {
  const port = await listen(t, { handler: redirectToHttps() })
  const wire = await Wire.open(port)
  const led = async (text: string): Promise<[number, string | undefined]> => {
    const { status, header } = await wire.ask(text)
    return [status, header('location')]
  }
  t.deepEqual(await led('GET /%C3%A4 HTTP/1.1\r\nHost: a.example:80\r\n\r\n'), [308, 'https://a.example/%C3%A4'])
  t.deepEqual(await led('HEAD / HTTP/1.1\r\nHost: [::1]\r\n\r\n'), [308, 'https://[::1]/'])
  const post = 'POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody'
  t.deepEqual(await led(post), [308, 'https://a.example/form'])
  t.deepEqual(await led('GET http://a.example?q HTTP/1.1\r\nHost: a.example\r\n\r\n'), [308, 'https://a.example/?q'])
  t.deepEqual(await led('GET http://evil.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n'), [400, undefined])
  t.deepEqual(await led('GET //evil.example HTTP/1.1\r\nHost: a.example\r\n\r\n'), [
    308,
    'https://a.example//evil.example',
  ])
  t.deepEqual(await led('OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n'), [400, undefined])
  t.deepEqual(await led('GET / HTTP/1.1\r\nHost: a,b\r\n\r\n'), [400, undefined])
  t.deepEqual(await led('GET / HTTP/1.1\r\nHost:\r\n\r\n'), [400, undefined])
  t.deepEqual(await led('GET / HTTP/1.0\r\n\r\n'), [400, undefined])
  t.is(await wire.closed(), 'ended')
})

test('routes of the server that leads elsewhere go first', async (t) => {
  const server = createServer({ handler: redirectToHttps({ host: 'a.example' }) })
  server.get('/.well-known/acme-challenge/*token', staticFiles(__dirname))
  const port = await start(t, server)
  const file = await fetch(`http://127.0.0.1:${port}/.well-known/acme-challenge/https.spec.js`)
  t.is(file.status, 200)
  t.true((await file.text()).includes('acme-challenge'))
  const led = await fetch(`http://127.0.0.1:${port}/.well-known/other`, { redirect: 'manual' })
  t.is(led.headers.get('location'), 'https://a.example/.well-known/other')
})

function listen(t: ExecutionContext, options: ServerOptions): Promise<number> {
  return start(t, createServer(options))
}

async function start(t: ExecutionContext, server: ReturnType<typeof createServer>): Promise<number> {
  t.teardown(() => server.close({ timeout: 0 }))
  const { port } = await server.listen({ host: '127.0.0.1' })
  return port
}
