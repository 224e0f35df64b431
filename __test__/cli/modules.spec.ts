import ava from 'ava'
import { folderOf, Millrace, start, textOf } from './command'

// What the command makes of modules.

const test = ava.serial

const entry = JSON.stringify(require.resolve('millrace'))

for (const [what, file, source] of [
  ['a handler', 'app.mjs', `export default (request, response) => response.end('served')`],
  ['a handler of CommonJS', 'app.cjs', `module.exports = (request, response) => response.end('served')`],
  ['a handler of CommonJS in .js', 'app.js', `module.exports = (request, response) => response.end('served')`],
  [
    'a handler that a compiler has exported',
    'app.js',
    `exports.__esModule = true; exports.default = (request, response) => response.end('served')`,
  ],
  [
    'a list of handlers',
    'app.cjs',
    `const { DECLINED } = require(${entry})
     module.exports = [() => DECLINED, (request, response) => response.end('served')]`,
  ],
  ['options with a handler', 'app.mjs', `export default { handler: (request, response) => response.end('served') }`],
  [
    'options with routes',
    'app.mjs',
    `export default { routes: { 'GET /': (request, response) => response.end('served') } }`,
  ],
  ['a promise', 'app.mjs', `export default Promise.resolve((request, response) => response.end('served'))`],
  [
    'a server',
    'app.cjs',
    `const { createServer } = require(${entry})
     module.exports = createServer().get('/', (request, response) => response.end('served'))`,
  ],
  ['a module in a folder with spaces', 'my apps/ä.mjs', `export default (request, response) => response.end('served')`],
] as Array<[string, string, string]>) {
  test(`${what} is served until a signal comes`, async (t) => {
    const millrace = await start(t, { [file]: source }, [file, '--port', '0'])
    const url = await millrace.url()
    t.regex(url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
    t.is(await textOf(url), 'served')
    t.is(await millrace.stop(), 0)
    t.is(millrace.out.text, `millrace is listening on ${url}\n`)
    t.is(millrace.errors.text, '')
  })
}

for (const [what, source, message] of [
  ['nothing', '', 'app.mjs has no default export: there has to be a handler'],
  [
    'an empty object',
    'export default {}',
    'The default export of app.mjs is an empty object, without `handler` or `routes`: there has to be a handler,',
  ],
  ['something else by name', 'export const app = 1', 'app.mjs has no default export (it exports app): there has to be'],
  ['a number', 'export default 7', 'The default export of app.mjs has to be a handler, a list of handlers,'],
  [
    'an object that answers nothing',
    'export default { port: 1 }',
    'The default export of app.mjs has to be a handler,',
  ],
  ['fetch', 'export default { fetch() {} }', 'app.mjs exports a function `fetch`, which takes a Request'],
  ['fetch by name', 'export function fetch() {}', 'app.mjs exports a function `fetch`, which takes a Request'],
  [
    'a server of node:http',
    `import { createServer } from 'node:http'; export default createServer()`,
    'app.mjs exports the application of another framework, or a server of node:http.',
  ],
  [
    'a server that listens',
    `import millrace from ${entry}; const s = millrace.createServer(); await s.listen(); export default s`,
    'app.mjs exports a server that listens already: such a program is run by `node app.mjs`.',
  ],
  [
    'options that are none',
    'export default { handler() {}, prot: 1 }',
    'app.mjs: There is no option prot. Did you mean port?',
  ],
  [
    'a close that is none',
    'export default () => {}; export const close = 1',
    'The export `close` of app.mjs has to be a',
  ],
  [
    'a promise that fails',
    `export default Promise.reject(new Error('no luck'))`,
    'app.mjs exports a promise that has failed.\n\nError: no luck\n',
  ],
  ['what throws', `\n\nthrow new Error('no luck')`, 'app.mjs could not be loaded.\n\nError: no luck\n    at file:'],
  [
    'what is missing',
    `import './there.mjs'`,
    'app.mjs could not be loaded.\n\nError [ERR_MODULE_NOT_FOUND]: Cannot find module',
  ],
] as Array<[string, string, string]>) {
  test(`a module that exports ${what} is refused with a reason`, async (t) => {
    const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '--port', '0'])
    t.is(await millrace.ended, 1)
    t.is(millrace.out.text, '')
    t.true(millrace.errors.text.startsWith(`millrace: ${message}`), millrace.errors.text)
  })
}

for (const args of [[], ['--threads', '2']]) {
  test(`a syntax error is shown with its line${args.length === 0 ? '' : ', also from threads'}`, async (t) => {
    const files = { 'app.mjs': `import './part.mjs'`, 'part.mjs': `\nexport const 7 = 1\n` }
    const millrace = await start(t, files, ['app.mjs', '--port', '0', ...args])
    t.is(await millrace.ended, 1)
    t.regex(millrace.errors.text, /^millrace: app\.mjs could not be loaded\.\n/)
    t.regex(millrace.errors.text, /part\.mjs:2\nexport const 7 = 1\n/)
  })
}

test('an error of a handler is printed and answered 500, and serving goes on', async (t) => {
  const source = `export default (request, response) => {
    if (request.path === '/') throw new Error('no luck')
    response.end('served')
  }`
  const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0'])
  const url = await millrace.url()
  t.is((await fetch(url)).status, 500)
  await millrace.errors.next(/^Error: no luck\n {4}at .*app\.mjs:2/m)
  t.is(await textOf(`${url}more`), 'served')
  t.is(await millrace.stop(), 0)
})

for (const args of [[], ['--threads', '2']]) {
  test(`a rejection nobody handles ends it with 1${args.length === 0 ? '' : ', also in a thread'}`, async (t) => {
    const source = `export default (request, response) => { void Promise.reject(new Error('no luck')); response.end() }`
    const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0', ...args])
    void fetch(await millrace.url()).catch(() => undefined)
    t.is(await millrace.ended, 1)
    t.regex(millrace.errors.text, /Error: no luck\n {4}at .*app\.mjs:1/)
  })
}

test('a module that ends its thread ends the command with the same exit code', async (t) => {
  const source = `export default () => process.exit(7)`
  const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0', '--threads', '2'])
  void fetch(await millrace.url()).catch(() => undefined)
  t.is(await millrace.ended, 7)
})

test('all threads answer on one port', async (t) => {
  const source = `import { threadId } from 'node:worker_threads'
    export default (request, response) => response.end(String(threadId))`
  const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0', '--threads', '2'])
  const url = await millrace.url()
  const seen = new Set<string>()
  // The system spreads connections by their ports: 60 of them on one side are as likely as 2^-59.
  for (let i = 0; i < 60 && seen.size < 2; i++) seen.add(await textOf(url))
  t.is(seen.size, 2)
  const other = new Millrace(['app.mjs', '-p', new URL(url).port, '--threads', '2'], millrace.folder, {})
  t.is(await other.ended, 1)
  t.regex(other.errors.text, /another program has this port\. --port \d+ is free \(EADDRINUSE\)\.\n$/)
  t.is(await millrace.stop(), 0)
})

if (process.features['typescript' as keyof typeof process.features] === undefined) {
  test('TypeScript is refused with a reason where the runtime does not take it', async (t) => {
    const folder = await folderOf(t, { 'app.ts': 'export default (a: unknown, b: any) => b.end()' })
    const millrace = new Millrace(['app.ts'], folder, {})
    t.is(await millrace.ended, 1)
    t.regex(millrace.errors.text, /^millrace: app\.ts could not be loaded: Node\.js v\S+ does not run TypeScript/)
  })
} else {
  test('TypeScript is served where the runtime takes it', async (t) => {
    const source = `export default (_request: unknown, response: { end(text: string): void }): void => response.end('served')`
    const millrace = await start(t, { 'app.ts': source }, ['app.ts', '-p', '0'])
    t.is(await textOf(await millrace.url()), 'served')
    t.is(await millrace.stop(), 0)
  })
}

for (const args of [[], ['--threads', '2']]) {
  test(`a module that waits for nothing that could come is refused${args.length === 0 ? '' : ', also in threads'}`, async (t) => {
    const millrace = await start(t, { 'app.mjs': 'await new Promise(() => undefined)' }, [
      'app.mjs',
      '-p',
      '0',
      ...args,
    ])
    t.is(await millrace.ended, 1)
    t.is(millrace.errors.text, 'millrace: app.mjs waits at its top level for something that never comes.\n')
  })
}

for (const source of ['throw { get message() { throw 2 } }', 'throw { get [Symbol.toStringTag]() { throw 2 } }']) {
  test(`\`${source}\` is told with the name of the module`, async (t) => {
    const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '--port', '0'])
    t.is(await millrace.ended, 1)
    t.regex(millrace.errors.text, /^millrace: app\.mjs could not be loaded\.\n/)
  })
}

test('a module may take its time to load', async (t) => {
  const source = `await new Promise((resolve) => setTimeout(resolve, 300))
    export default (request, response) => response.end('served')`
  for (const args of [[], ['--watch']]) {
    const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '--port', '0', ...args])
    t.is(await textOf(await millrace.url()), 'served')
    t.is(await millrace.stop(), 0)
  }
})

test('an empty word is no folder', async (t) => {
  const millrace = await start(t, {}, ['', '--port', '0'])
  t.is(await millrace.ended, 2)
  t.regex(millrace.errors.text, /^millrace: what to serve is missing/)
})
