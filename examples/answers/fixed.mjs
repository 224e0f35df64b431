// A fixed answer is given by the core: it takes none of the JavaScript thread's time and is given while that is busy.
//
//   curl -i http://127.0.0.1:3000/health
//   curl -i http://127.0.0.1:3000/block &  sleep 1; curl -i http://127.0.0.1:3000/health
//   curl -i http://127.0.0.1:3000/count

import { createServer, fixed } from 'millrace'

const counted = fixed({ body: 'nobody yet\n' })
let count = 0

const server = createServer({
  routes: {
    '/health': fixed({ body: { status: 'ok' }, headers: { 'cache-control': 'no-store' } }),
    'GET /count': counted,
  },
  handler(request, response) {
    if (request.path === '/block') {
      const end = Date.now() + 5000
      while (Date.now() < end);
    }
    // From now on the core gives another answer, on all of its threads.
    counted.replace({ body: `${++count} so far\n` })
    response.end('done\n')
  },
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
