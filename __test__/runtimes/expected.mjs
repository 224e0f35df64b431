// What does not pass in another runtime, and why: held by `npm run test:runtimes`. Everything that is not here passes.

/** Specs that are not run there, by how their path begins. */
export const left = {
  'binding.spec.js': 'how the addon is found is tested where the package is installed: `npm run test:install`',
  'package.spec.js': 'it packs and installs by npm',
  cli: 'the command is started by Node.js, whatever it serves',
  'example.spec.js': 'it is started by npm',
  'docs/': 'they run the programs of the documentation by Node.js, and check its code',
  'coming-from.spec.js': 'it checks the code of a page of the documentation',
  'site/': 'it is about the site of the documentation',
  'tls/': 'its clients ask for what OpenSSL has; Bun has BoringSSL and Deno has rustls. The suites over TLS are run.',
}

/** Those that are left out in one runtime only. */
export const leftIn = {
  deno: {
    'over-tls/answers/sources.spec.js':
      'Deno’s TLS client reads on when it is told to pause, and one of the tests then waits for ever',
  },
}

/**
 * A row for each test, which is also for the same over TLS: its title with its spec, the runtimes it fails in, and the reason. With `sometimes` it may pass
 * as well, because it depends on time.
 */
export const expected = [
  ...because(
    ['bun'],
    'The client: Bun has an undici of its own, on its `fetch`, without pipelining, trailers, Client and TLS options.',
    [
      'clients › undici pipelines requests on one connection and gets each its own answer',
      'clients › undici.request gets trailers and informational answers',
      'clients › undici sends an upload after 100 Continue',
      'connection › a connection of a Unix domain socket has counts and no addresses',
      'connection › two requests of one connection have the same id, those of two connections have not',
      'routing › a fixed answer is given compressed to those who like that, each under a tag of its own',
      'examples › chunked.mjs does what it says',
    ],
  ),
  ...because(['bun'], 'JavaScriptCore puts the parser on top of the stack of a SyntaxError, whoever made it.', [
    'errors › a coded error begins its stack where it was made',
  ]),
  ...because(['bun'], 'Bun adds a charset to the type of a Blob, and that is what the answer then has.', [
    'examples › sources.mjs does what it says',
  ]),
  ...because(['bun'], 'The other server: it is node:http as Bun has it. The same test of millrace passes.', [
    'parity › parity › node, requests: OPTIONS * reaches the handler with the target *',
    'parity › parity › node, requests: an asterisk as the target of GET reaches the handler',
    'parity › parity › node, requests: a request of HTTP/2.0 in the form of HTTP/1 is answered, and the connection closes',
    'parity › parity › node, request bodies: a repeated Content-Length is refused with 400',
    'parity › parity › node, answers: the reason phrase of a status nobody knows is "unknown"',
  ]),
  ...because(['bun'], 'The other server: it is ws, on node:http as Bun has it. The same test of millrace/ws passes.', [
    'ws › socket › ws, client ws: a WebSocket is open before its client knows, and what it sends at once arrives in order',
    'ws › socket › ws, client undici: a WebSocket is open before its client knows, and what it sends at once arrives in order',
    'ws › server › ws, client ws: what is too long, or in too many pieces, is an error with a code',
  ]),
  ...because(['bun'], 'The client: Bun has a ws of its own, whose clients have no socket to write broken frames to.', [
    'ws › socket › ws, client ws: onmessage and the others hold one listener each',
    'ws › socket › millrace/ws, client ws: onmessage and the others hold one listener each',
  ]),
  ...because(
    ['bun', 'deno', 'node22', 'node24', 'newest'],
    'A few requests have to take less than half a millisecond, which code that was just loaded does not always do.',
    [
      'dispatch › synchronous answers go with the next turn, without a submit of their own',
      'dispatch › a store entered by one handler is not seen by the next, nor after the loop',
    ],
    { sometimes: true },
  ),
  ...because(
    ['deno'],
    'Deno opens descriptors of its own, for its caches, after the first look.',
    [
      'leaks › 100,000 requests leave nothing behind',
      'leaks › 10,000 connections that send nothing leave nothing behind',
    ],
    { sometimes: true },
  ),
  ...because(['deno'], 'The client: over TLS Deno’s reads on when it is told to pause.', [
    'over-tls › answers › files › a large file for a client that reads nothing takes no memory, and is told of when the client goes',
    'over-tls › faults › files › of writes to a client that takes nothing the first has timed out and the others have not begun',
  ]),
  ...because(['deno'], 'Deno keeps two descriptors of each worker that an addon can call back.', [
    'leaks › terminated workers leave nothing behind',
  ]),
  ...because(['deno'], 'The other server: it is ws, on node:https as Deno has it. The test of millrace/ws passes.', [
    'over-tls › ws › readme › ws, client ws: several servers share one HTTP server',
  ]),
  ...because(['deno'], 'A shell starts the program, without the permissions that Deno wants to be given.', [
    'faults › descriptors › a server short of descriptors accepts no more, says so, serves whom it has, and goes on by itself',
  ]),
  ...because(['deno'], 'Deno does not end a worker whose JavaScript blocks before that gives way.', [
    'faults › workers › a worker terminated in a handler that blocks closes its servers and nobody else’s',
  ]),
]

function because(runtimes, why, tests, options) {
  return tests.map((test) => ({ test, in: runtimes, why, ...options }))
}
