// Never run: `npm run check` compiles it. Each `@ts-expect-error` is a mistake that the compiler has to find.

import {
  createServer,
  DECLINED,
  fixed,
  staticFiles,
  Status,
  type Handler,
  type Params,
  type Request,
} from '#dist/index'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => undefined

same<Params<'/'>, {}>(true)
same<Params<'/users'>, {}>(true)
same<Params<'/users/:id'>, { readonly id: string }>(true)
same<Params<'/:a/:b_2/*rest'>, { readonly a: string; readonly b_2: string; readonly rest: string }>(true)
same<Params<'/v:major/:name.json'>, { readonly major: string; readonly name: string }>(true)
same<Params<'/:file-:80/a:443'>, { readonly file: string }>(true)
same<Params, Readonly<Record<string, string | undefined>>>(true)
same<Params<string>, Params>(true)

const server = createServer()

server.get('/users/:id/posts/:post', (request, response) => {
  const { id, post } = request.params
  same<typeof id, string>(true)
  // @ts-expect-error the pattern has no such name
  void request.params.ID
  // @ts-expect-error parameters are what the client has asked for
  request.params.id = 'other'
  response.end(id + post)
})

server.route(['GET', 'PURGE'], '/files/*path', [
  (request) => (request.params.path === '' ? DECLINED : undefined),
  async (request, response) => {
    // @ts-expect-error the pattern has no such name
    void request.params.file
    response.end(request.params.path)
  },
])

server.get('/plain', (request) => {
  // @ts-expect-error the pattern has no names
  void request.params.id
})

// A handler for any route has to look whether a name is there.
const anywhere: Handler = (request, response) => {
  const { id } = request.params
  same<typeof id, string | undefined>(true)
  // @ts-expect-error it may be missing
  void id.length
  response.end(id)
}
server.get('/any/:id', anywhere)
server.get(`/any/${process.pid}/:id`, anywhere)

// One for a route of its own fits no other.
const user: Handler<'/users/:id'> = (request, response) => response.end(request.params.id)
server.put('/users/:id', user)
// @ts-expect-error `/users/:name` has no `id`
server.put('/users/:name', user)

createServer({
  handler: [anywhere, (request: Request) => void request.params['id']],
  routes: {
    'GET /users/:id': (request, response) => {
      response.end(request.params.id)
      // @ts-expect-error the pattern has no such name
      void request.params.user
    },
    '/all/:id': [(request) => void request.params.id, anywhere],
    '/limited/:size': { target: (request) => void request.params.size, limits: { bodyBytes: 1 } },
    '/health': fixed({ status: Status.OK, body: { ok: true } }),
    '/assets/*path': staticFiles('.'),
  },
})

// @ts-expect-error there is no such option
server.get('/', anywhere, { limits: { headerBytes: 1 } })
// @ts-expect-error a target answers
server.get('/', 'hello')

same<typeof Status.NOT_FOUND, 404>(true)
// @ts-expect-error there is no such status
void Status.NOT_THERE
