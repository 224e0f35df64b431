import ava from 'ava'
import { useBinding } from '#dist/binding'
import { createServer, fixed, staticFiles, type RouteOptions, type RouteTarget } from '#dist/index'
import { fakeBinding } from './_helpers/fake-lane'
import { serve, settle } from './_helpers/serve'

useBinding(fakeBinding)
const test = ava.serial
let connection = 900

const nothing = (): void => {}

/** Registers routes and listens, so that what the core was told can be looked at. */
async function routed(...routes: Array<Parameters<ReturnType<typeof createServer>['route']>>) {
  const server = createServer()
  for (const route of routes) server.route(...route)
  return serve(server)
}

test('a route is told to the core, its requests go to its handler, and all others to the server’s', async (t) => {
  const server = createServer((request, response) => response.end(`none ${request.route} ${request.path}`))
  t.is(
    server.route('GET', '/users/:id', (request, response) => response.end(`${request.route} ${request.params.id}`)),
    server,
  )
  const { ask, table } = await serve(server)
  t.deepEqual(table.routes, [{ methods: ['GET'], pattern: '/users/:id', kind: 0 }])
  const known = await ask({ connection: ++connection, target: '/users/7?x', route: 1, parameters: [[7, 8]] })
  t.is(known[0]!.body, '/users/:id 7')
  t.is((await ask({ connection: ++connection, target: '/users' }))[0]!.body, 'none null /users')
})

test('each method has a short way, and several can share a route', async (t) => {
  const server = createServer()
  const { get, post, put, patch, delete: remove, all } = server
  for (const method of [get, post, put, patch, remove, all]) t.is(method.call(server, '/x', nothing), server)
  server.route(['PURGE', 'get', 'GET', 'm-search'], '/y', nothing)
  const { table } = await serve(server)
  t.deepEqual(
    table.routes.map(({ methods }) => methods.join()),
    ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', '*', 'PURGE,GET,m-search'],
  )
})

test('routes can be given as an option, with options of their own', async (t) => {
  const { table, ask, server } = await serve({
    routes: {
      'GET /users/:id': (request, response) => response.end(request.params.id),
      '* /any': nothing,
      '/handled': [nothing, nothing],
      '/health': fixed({ body: 'ok' }),
      '/assets/*path': staticFiles(__dirname),
      'POST /notes': { target: nothing, limits: { bodyBytes: 5 } },
    },
  })
  t.deepEqual(
    table.routes.map(({ methods, pattern, kind, bodyBytes }) => [methods.join(), pattern, kind, bodyBytes]),
    [
      ['GET', '/users/:id', 0, undefined],
      ['*', '/any', 0, undefined],
      ['*', '/handled', 0, undefined],
      ['GET', '/health', 1, undefined],
      ['GET', '/assets/*path', 2, undefined],
      ['POST', '/notes', 0, 5],
    ],
  )
  t.is(table.routes[4]!.files!.parameter, 0)
  const sent = await ask({ connection: ++connection, target: '/users/ann', route: 1, parameters: [[7, 10]] })
  t.is(sent[0]!.body, 'ann')
  t.deepEqual(Object.keys(server.options.routes!).length, 6)
})

test('a route can be added while the server listens', async (t) => {
  const { server, table, ask } = await routed(['GET', '/a', nothing])
  server.get('/b/:name', (request, response) => response.end(request.params.name))
  t.is(table.routes.length, 2)
  t.is((await ask({ connection: ++connection, target: '/b/x', route: 2, parameters: [[3, 4]] }))[0]!.body, 'x')
})

test('routes added in one go are published once', async (t) => {
  const { server, table } = await routed(['GET', '/a', nothing])
  const before = table.publishings
  for (let route = 0; route < 1000; route++) server.get(`/many/${route}`, nothing)
  t.is(table.publishings, before)
  await Promise.resolve()
  await new Promise((resolve) => process.nextTick(resolve))
  t.is(table.publishings, before + 1)
})

test('limits, timeouts and the trailing slash are told to the core in its names', async (t) => {
  const server = createServer({ trailingSlash: 'ignore' })
  const timeouts = { handler: 1, body: 2, minBodyRate: 3, write: 4 }
  server.post('/x', nothing, { limits: { bodyBytes: Infinity }, timeouts })
  const { table } = await serve(server)
  t.deepEqual(table.options, { ignoreTrailingSlash: true })
  t.like(table.routes[0], {
    bodyBytes: Infinity,
    handlerTimeout: 1,
    bodyTimeout: 2,
    minBodyRate: 3,
    writeTimeout: 4,
  })
})

test('a conflict is an error that names both, before and while listening', async (t) => {
  const { server, table } = await routed(['GET', '/users/:id', nothing])
  const error = t.throws(() => server.get('/users/:id', nothing), { code: 'ERR_ROUTE_CONFLICT' })
  t.regex(error!.message, /GET "\/users\/:id": it takes the same paths as \/users\/:id/)
  t.is(table.routes.length, 1)
  server.get('/later', nothing)
  t.is(table.routes.length, 2)
  t.throws(() => createServer({ routes: { 'GET /a': nothing, '  GET /a': nothing } }), { code: 'ERR_ROUTE_INVALID' })
  t.throws(() => createServer({ routes: { 'GET /a': nothing, 'GET  /a': nothing } }), { code: 'ERR_ROUTE_CONFLICT' })
})

for (const [what, methods, pattern, target, options, code, message] of [
  ['a pattern without a slash', 'GET', 'users', nothing, {}, 'ERR_ROUTE_INVALID', /GET "users": users: no slash/],
  ['a pattern that is no text', 'GET', 7, nothing, {}, 'ERR_ROUTE_INVALID', /pattern .* 7/],
  ['a method that is no token', 'GE T', '/', nothing, {}, 'ERR_ROUTE_INVALID', /method .* "GE T"/],
  ['a method that is no text', [1], '/', nothing, {}, 'ERR_ROUTE_INVALID', /method .* 1/],
  ['a list of no methods', [], '/', nothing, {}, 'ERR_ROUTE_INVALID', /at least one method/],
  ['a target that is no handler', 'GET', '/', {}, {}, 'ERR_INVALID_OPTION', /option target .* an object/],
  ['a list of no handlers', 'GET', '/', [], {}, 'ERR_INVALID_OPTION', /option target .* an empty list/],
  ['CONNECT', ['GET', 'connect'], '/', nothing, {}, 'ERR_ROUTE_INVALID', /no path/],
  ['files without a wildcard', 'GET', '/:p', staticFiles(__dirname), {}, 'ERR_ROUTE_INVALID', /wildcard at the end/],
  ['files for POST', 'POST', '/*p', staticFiles(__dirname), {}, 'ERR_ROUTE_INVALID', /GET and HEAD only/],
  ['a limit of a fixed answer', 'GET', '/', fixed({}), { limits: { bodyBytes: 1 } }, 'ERR_ROUTE_INVALID', /no limits/],
  ['a limit of all servers', 'GET', '/', nothing, { limits: { headerBytes: 1 } }, 'ERR_INVALID_OPTION', /headerBytes/],
  ['a second handler beside the first', 'GET', '/', nothing, nothing, 'ERR_INVALID_OPTION', /\[first, second\]/],
  [
    'an unknown option',
    'GET',
    '/',
    nothing,
    { limit: {} },
    'ERR_INVALID_OPTION',
    /no option limit. Did you mean limits/,
  ],
  ['a negative timeout', 'GET', '/', nothing, { timeouts: { body: -1 } }, 'ERR_INVALID_OPTION', /timeouts\.body/],
  ['compression nobody has', 'GET', '/', nothing, { compression: true }, 'ERR_INVALID_OPTION', /option compression/],
] as const) {
  test(`refuses ${what}, and keeps serving`, async (t) => {
    const { server, ask, table } = await routed(['GET', '/a', (_request, response) => response.end('fine')])
    const add = (): unknown =>
      server.route(methods as string, pattern as string, target as RouteTarget, options as RouteOptions)
    t.throws(add, { code, message })
    t.is(table.routes.length, 1)
    t.is((await ask({ connection: ++connection, target: '/a', route: 1 }))[0]!.body, 'fine')
  })
}

for (const key of ['users', 'GET', 'GET users', ' /users', '']) {
  test(`refuses ${JSON.stringify(key)} as the name of a route`, (t) => {
    t.throws(() => createServer({ routes: { [key]: nothing } }), { code: 'ERR_ROUTE_INVALID' })
  })
}

test('refuses a definition without a target by the name of its route', (t) => {
  const routes = { 'GET /a': { handler: nothing } } as never
  t.throws(() => createServer({ routes }), { code: 'ERR_INVALID_OPTION', message: /routes\["GET \/a"\] .* a target/ })
})

test('parameters are decoded, and none of their names is special', async (t) => {
  const seen: Array<Record<string, unknown>> = []
  const { ask } = await routed([
    'GET',
    '/:__proto__/:constructor.json/*toString',
    (request, response) => {
      const { params } = request
      t.is(request.params, params)
      t.is(Object.getPrototypeOf(Object.getPrototypeOf(params)), null)
      seen.push(Object.fromEntries(Object.entries(params)))
      response.end()
    },
  ])
  const parameters = [
    [1, 2],
    [3, 4],
    [10, 13],
  ] as const
  await ask({ connection: ++connection, target: '/a/b.json/c/d', route: 1, parameters })
  const encoded = '/%C3%A4%20/b.json/%2e%2e%2Fd%00'
  await ask({
    connection: ++connection,
    target: encoded,
    route: 1,
    parameters: [
      [1, 10],
      [11, 12],
      [18, encoded.length],
    ],
  })
  t.deepEqual(
    seen.map((params) => Object.entries(params)),
    [
      [
        ['__proto__', 'a'],
        ['constructor', 'b'],
        ['toString', 'c/d'],
      ],
      [
        ['__proto__', 'ä '],
        ['constructor', 'b'],
        ['toString', '../d\0'],
      ],
    ],
  )
})

test('parameters can be asked for after the answer and after many other requests', async (t) => {
  const requests: Array<{ params: { id: string } }> = []
  const { ask, tell, id } = await routed(['GET', '/users/:id', (request) => void requests.push(request as never)])
  await ask({ connection: ++connection, target: '/users/first', route: 1, parameters: [[7, 12]] })
  await tell((batch) => {
    for (let i = 0; i < 50; i++) {
      batch.request({ server: id, connection: ++connection, target: '/users/n', route: 1, parameters: [[7, 8]] })
    }
  })
  await settle()
  t.is(requests[0]!.params.id, 'first')
})

for (const malformed of ['%', '%4', '%zz', '%ff', '%C3', '%ED%A0%80']) {
  test(`a parameter ${malformed} is answered 400 before the handler runs, and nobody is told`, async (t) => {
    const ran: unknown[] = []
    const server = createServer({ onError: (error) => ran.push(error) })
    server.get('/users/:id', () => ran.push('handler'))
    const { ask, lane } = await serve(server)
    const target = `/users/a${malformed}`
    const sent = await ask({ connection: ++connection, target, route: 1, parameters: [[7, target.length]] })
    t.like(sent, { 0: { kind: 'RESPOND', status: 400, body: 'Bad Request\n' }, length: 1 })
    t.deepEqual(ran, [])
    const { length } = lane.sent
    await settle()
    t.is(lane.sent.length, length)
  })
}

test('a request without a route, or with one without parameters, has none', async (t) => {
  const server = createServer((request, response) => response.end(Object.keys(request.params).join()))
  server.get('/plain', (request, response) => response.end(`${Object.keys(request.params).length}`))
  const { ask } = await serve(server)
  t.is((await ask({ connection: ++connection, target: '/%zz' }))[0]!.body, '')
  t.is((await ask({ connection: ++connection, target: '/plain?%zz', route: 1 }))[0]!.body, '0')
})

test('the core answers 404 by itself only when there is no handler and connections come by themselves', async (t) => {
  const without = await serve({})
  t.like(without.lane.listened.at(-1), { notFoundInCore: true, pullAccept: false })
  const having = await serve(nothing)
  t.like(having.lane.listened.at(-1), { notFoundInCore: false })
  const manual = createServer({ accept: 'manual', host: '127.0.0.1' })
  await manual.listen()
  t.like(having.lane.listened.at(-1), { notFoundInCore: false, pullAccept: true })
})
