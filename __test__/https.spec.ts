import ava from 'ava'
import {
  createServer,
  DECLINED,
  hsts,
  redirectToHttps,
  type CodedError,
  type Handler,
  type HstsOptions,
  type RedirectToHttpsOptions,
} from '#dist/index'
import type { Sent } from './_helpers/fake-lane'
import { serve } from './_helpers/serve'

const test = ava.serial
let connection = 6600

const hello: Handler = (_request, response) => response.end('hello')

test('a secure answer tells browsers to come by HTTPS only, and a plain one does not', async (t) => {
  const { ask } = await serve([hsts(), hello])
  const secure = await ask({ connection: ++connection, secure: true })
  t.like(secure, { 0: { kind: 'RESPOND', body: 'hello' }, length: 1 })
  t.is(secure[0]!.fields, 'strict-transport-security: max-age=31536000\r\n')
  t.is((await ask({ connection: ++connection }))[0]!.fields, '')
})

test('maxAge, includeSubDomains and preload are written as RFC 6797 has them', (t) => {
  t.is(hsts({ maxAge: 0 }).value, 'max-age=0')
  t.is(hsts({ maxAge: 60, includeSubDomains: true }).value, 'max-age=60; includeSubDomains')
  const preload = hsts({ maxAge: 63_072_000, includeSubDomains: true, preload: true })
  t.is(preload.value, 'max-age=63072000; includeSubDomains; preload')
})

test('options of hsts that browsers would pass over are refused', (t) => {
  const refused = (options: HstsOptions, message: RegExp): void => {
    t.throws(() => hsts(options), { code: 'ERR_INVALID_OPTION', message })
  }
  refused({ preload: true }, /includeSubDomains is not true/)
  refused({ preload: true, includeSubDomains: true, maxAge: 86_400 }, /but maxAge is 86400/)
  refused({ maxAge: -1 }, /maxAge/)
  refused({ maxAge: 1.5 }, /maxAge/)
  refused({ maxAge: '1y' } as unknown as HstsOptions, /maxAge/)
  refused({ includeSubdomains: true } as unknown as HstsOptions, /Did you mean includeSubDomains\?/)
})

test('the header stays when later handlers decline, and what they have set does not', async (t) => {
  const { ask } = await serve([
    hsts(),
    (_request, response) => {
      response.status = 418
      response.setHeader('x-first', '1')
      return DECLINED
    },
    async (_request, response) => {
      response.setHeader('content-length', '7')
      return DECLINED
    },
    (_request, response) => {
      t.is(response.status, 200)
      response.setHeader('x-last', '1').end('hello')
    },
  ])
  for (let round = 0; round < 4; round++) {
    const [sent] = await ask({ connection: ++connection, secure: true })
    t.is(sent!.fields, 'strict-transport-security: max-age=31536000\r\nx-last: 1\r\n')
  }
})

test('the header goes with the answers to failures, and when nobody answers', async (t) => {
  const { ask } = await serve({
    onError: () => undefined,
    handler: [
      hsts(),
      (request) => {
        if (request.path === '/fails') throw new Error('failed')
        return DECLINED
      },
    ],
  })
  const fields = 'strict-transport-security: max-age=31536000\r\ncontent-type: text/plain; charset=utf-8\r\n'
  t.like(await ask({ connection: ++connection, secure: true, target: '/fails' }), { 0: { status: 500, fields } })
  t.like(await ask({ connection: ++connection, secure: true }), { 0: { status: 501, fields } })
})

test('a handler can replace the header, and take it away', async (t) => {
  const { ask } = await serve([
    hsts(),
    (request, response) => {
      if (request.path === '/other') response.setHeader('Strict-Transport-Security', 'max-age=1')
      else response.removeHeader('strict-transport-security')
      if (request.query === 'declined') return DECLINED
      return response.end()
    },
    hello,
  ])
  const fieldsOf = async (target: string): Promise<unknown> =>
    (await ask({ connection: ++connection, secure: true, target }))[0]!.fields
  t.is(await fieldsOf('/other'), 'Strict-Transport-Security: max-age=1\r\n')
  t.is(await fieldsOf('/'), '')
  t.is(await fieldsOf('/other?declined'), '')
})

test('headers set before, large ones and streamed answers keep theirs', async (t) => {
  const before: Handler = (_request, response) => {
    response.setHeader('x-before', '1')
    return hsts()(_request, response) === DECLINED ? hello(_request, response) : undefined
  }
  const { ask } = await serve(before)
  const [sent] = await ask({ connection: ++connection, secure: true })
  t.is(sent!.fields, 'x-before: 1\r\nstrict-transport-security: max-age=31536000\r\n')

  const streamed = await serve([
    hsts(),
    (_request, response) => {
      response.setHeader('content-length', '2')
      response.write('a')
      response.end('b')
    },
  ])
  const [head] = await streamed.ask({ connection: ++connection, secure: true })
  t.like(head, { kind: 'HEAD', declared: 2, fields: 'strict-transport-security: max-age=31536000\r\n' })
})

test('behind a proxy a header can say what came over TLS', async (t) => {
  const isSecure: HstsOptions['isSecure'] = (request) => request.headers.get('x-forwarded-proto') === 'https'
  const { ask } = await serve([redirectToHttps({ isSecure }), hsts({ isSecure }), hello])
  const headers = (proto: string): Array<[string, string]> => [
    ['host', 'example.com'],
    ['x-forwarded-proto', proto],
  ]
  const secure = await ask({ connection: ++connection, headers: headers('https') })
  t.like(secure[0], { status: 200, fields: 'strict-transport-security: max-age=31536000\r\n' })
  t.like(await ask({ connection: ++connection, headers: headers('http') }), { 0: { status: 308 } })
})

test('plain requests are led to the same place under https, with method and body', async (t) => {
  const led = leader(redirectToHttps())
  t.deepEqual(await led('/a/b?c=d&e=%20', 'example.com'), [308, 'https://example.com/a/b?c=d&e=%20'])
  t.deepEqual(await led('/', 'Example.COM:80'), [308, 'https://example.com/'])
  t.deepEqual(await led('/', '127.0.0.1:8080'), [308, 'https://127.0.0.1/'])
  t.deepEqual(await led('/', '[::1]:80'), [308, 'https://[::1]/'])
  t.deepEqual(await led('/', 'a_b.example.'), [308, 'https://a_b.example./'])
})

test('options choose host, port and status', async (t) => {
  const led = leader(redirectToHttps({ host: 'Main.example', port: 8443, status: 301 }))
  t.deepEqual(await led('/x', 'other.example:8080'), [301, 'https://main.example:8443/x'])
  t.deepEqual(await led('/x', null), [301, 'https://main.example:8443/x'])
})

test('a redirect cannot be led elsewhere by what a client asks for', async (t) => {
  const led = leader(redirectToHttps())
  t.deepEqual(await led('//evil.example/x', 'example.com'), [308, 'https://example.com//evil.example/x'])
  t.deepEqual(await led('/\\evil.example', 'example.com'), [308, 'https://example.com/\\evil.example'])
  t.deepEqual(await led('/@evil.example', 'example.com'), [308, 'https://example.com/@evil.example'])
  // The absolute form: the same host as Host, or none.
  t.deepEqual(await led('http://example.com/x?y', 'EXAMPLE.com'), [308, 'https://example.com/x?y'])
  t.deepEqual(await led('http://example.com?y', 'example.com'), [308, 'https://example.com/?y'])
  t.deepEqual(await led('http://evil.example/x', 'example.com'), [400, undefined])
  t.deepEqual(await led('http://example.com:81/x', 'example.com'), [400, undefined])
})

test('a request without a host, with one that is none, or without a path is answered 400', async (t) => {
  const led = leader(redirectToHttps())
  for (const host of [
    null,
    '',
    'a,b',
    'a%2eb',
    '[v1.a]',
    '[1.2.3.4]',
    'a@b',
    'a/b',
    'a:b',
    'x'.repeat(256),
    'a:123456',
  ]) {
    t.deepEqual(await led('/', host), [400, undefined], String(host))
  }
  t.deepEqual(await led('*', 'example.com', 'OPTIONS'), [400, undefined])
  t.deepEqual(await led('example.com:443', 'example.com:443', 'CONNECT'), [400, undefined])
})

test('a secure request goes on to the next handler', async (t) => {
  const { ask } = await serve([redirectToHttps(), hello])
  t.like(await ask({ connection: ++connection, secure: true }), { 0: { status: 200, body: 'hello' }, length: 1 })
})

test('options of redirectToHttps that lead nowhere are refused', (t) => {
  const wrong: RedirectToHttpsOptions[] = [{ host: 'example.com:443' }, { host: '' }, { host: '::1' }, { host: 'a/b' }]
  wrong.push({ port: 0 }, { port: 65_536 }, { status: 303 as 308 }, { isSecure: true as never })
  for (const options of wrong) {
    t.throws(() => redirectToHttps(options), { code: 'ERR_INVALID_OPTION' }, JSON.stringify(options))
  }
  const error = t.throws(() => redirectToHttps({ host: 'https://example.com' })) as CodedError
  t.regex(error.message, /without a port, as 'example\.com'/)
})

test('both are taken where a handler is', (t) => {
  t.notThrows(() => createServer({ handler: redirectToHttps() }).get('/', [hsts(), hello]))
})

/** Asks a server that leads elsewhere: status and location. */
function leader(
  handler: Handler,
): (target: string, host: string | null, method?: string) => Promise<[number | undefined, string | undefined]> {
  const served = serve(handler)
  return async (target, host, method = 'GET') => {
    const headers: Array<[string, string]> = host === null ? [] : [['host', host]]
    const [sent] = (await (await served).ask({ connection: ++connection, method, target, headers })) as [Sent]
    return [sent.status, /location: (.*)\r\n/.exec(sent.fields ?? '')?.[1]]
  }
}
