import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import ava from 'ava'
import { start, textOf } from './command'

// `--watch`: what has changed is served, and what is broken is not.

const test = ava.serial

const APP = `import { text } from './lib/text.mjs'
  export default (request, response) => response.end(text)`

test('a change of a module that is imported is served on the same port, which is never without a listener', async (t) => {
  const files = { 'app.mjs': APP, 'lib/text.mjs': `export const text = 'one'` }
  const millrace = await start(t, files, ['app.mjs', '-p', '0', '--watch'])
  const url = await millrace.url()
  t.is(await textOf(url), 'one')

  const seen: string[] = []
  const done = new AbortController()
  const client = (async () => {
    // A connection that comes in the moment in which the old one stops can be closed by it.
    while (!done.signal.aborted) seen.push(await textOf(url).catch(({ cause }: { cause: Error }) => codeOf(cause)))
  })()
  await writeFile(path.join(millrace.folder, 'lib/text.mjs'), `export const text = 'two'`)
  await millrace.errors.next(/^millrace: app\.mjs has been loaded anew\.\n/m)
  done.abort()
  await client
  t.is(await textOf(url), 'two')
  t.deepEqual(
    seen.filter((text) => !['one', 'two', 'ECONNRESET', 'UND_ERR_SOCKET'].includes(text)),
    [],
  )
  t.is(await millrace.stop(), 0)
})

test('what cannot be loaded is told, the one from before goes on, and the next change is served', async (t) => {
  const files = { 'app.mjs': APP, 'lib/text.mjs': `export const text = 'one'` }
  const millrace = await start(t, files, ['app.mjs', '-p', '0', '--watch'])
  const url = await millrace.url()
  const write = (text: string): Promise<void> => writeFile(path.join(millrace.folder, 'lib/text.mjs'), text)

  await write(`export const 7`)
  await millrace.errors.next(/app\.mjs could not be loaded\.[^]*SyntaxError[^]*\n\nWaiting for a change\.\n/)
  t.is(await textOf(url), 'one')
  await write(`throw new Error('no luck'); export const text = ''`)
  await millrace.errors.next(
    /app\.mjs could not be loaded\.\n\nError: no luck\n {4}at [^]*\n\nWaiting for a change\.\n/,
  )
  t.is(await textOf(url), 'one')

  await write(`import './more.mjs'; export const text = 'two'`)
  await millrace.errors.next(/Cannot find module[^]*\n\nWaiting for a change\.\n/)
  await writeFile(path.join(millrace.folder, 'lib/more.mjs'), '')
  await millrace.errors.next(/has been loaded anew\.\n/)
  t.is(await textOf(url), 'two')
  t.is(await millrace.stop(), 0)
})

test('a module that is broken at first is served once it is not', async (t) => {
  const millrace = await start(t, { 'app.mjs': `throw new Error('no luck')` }, ['app.mjs', '-p', '0', '--watch'])
  await millrace.errors.next(/Error: no luck[^]*\n\nWaiting for a change\.\n/)
  await writeFile(path.join(millrace.folder, 'app.mjs'), `export default (request, response) => response.end('one')`)
  t.is(await textOf(await millrace.url()), 'one')
  t.is(await millrace.stop(), 0)
})

test('a signal ends it also while there is nothing to serve', async (t) => {
  const millrace = await start(t, { 'app.mjs': `throw new Error('no luck')` }, ['app.mjs', '-p', '0', '--watch'])
  await millrace.errors.next(/Waiting for a change\.\n/)
  t.is(await millrace.stop('SIGINT'), 0)
})

test('what hangs while it is loaded gives way to the next change', async (t) => {
  const millrace = await start(t, { 'app.mjs': `console.error('hangs'); for (;;);` }, ['app.mjs', '-p', '0', '--watch'])
  // A thread that never comes to its event loop says nothing: what it was to say is not waited for.
  await sleep(500)
  await writeFile(path.join(millrace.folder, 'app.mjs'), `export default (request, response) => response.end('one')`)
  t.is(await textOf(await millrace.url()), 'one')
  t.is(await millrace.stop(), 0)
})

test('what ends by itself is served again after the next change', async (t) => {
  const source = `export default (request, response) => { response.end('one'); setTimeout(() => { throw new Error('no luck') }) }`
  const millrace = await start(t, { 'app.mjs': source }, ['app.mjs', '-p', '0', '--watch'])
  const url = await millrace.url()
  await textOf(url).catch(() => undefined)
  await millrace.errors.next(/^millrace: app\.mjs has failed\.\n\nError: no luck[^]*\n\nWaiting for a change\.\n/m)
  await writeFile(path.join(millrace.folder, 'app.mjs'), `export default (request, response) => response.end('two')`)
  await millrace.errors.next(/has been loaded anew\.\n/)
  t.is(await textOf(url), 'two')
  t.is(await millrace.stop(), 0)
})

test('modules of CommonJS are watched with what they require, and in all threads', async (t) => {
  const files = {
    'app.cjs': `module.exports = (request, response) => response.end(require('./text.cjs'))`,
    'text.cjs': `module.exports = 'one'`,
  }
  files['app.cjs'] = `const text = require('./text.cjs'); module.exports = (request, response) => response.end(text)`
  const millrace = await start(t, files, ['app.cjs', '-p', '0', '--watch', '--threads', '2'])
  const url = await millrace.url()
  t.is(await textOf(url), 'one')
  await writeFile(path.join(millrace.folder, 'text.cjs'), `module.exports = 'two'`)
  await millrace.errors.next(/has been loaded anew\.\n/)
  t.is(await textOf(url), 'two')

  await rm(path.join(millrace.folder, 'text.cjs'))
  await millrace.errors.next(/Cannot find module[^]*Waiting for a change\.\n/)
  t.is(await textOf(url), 'two')
  await writeFile(path.join(millrace.folder, 'text.cjs'), `module.exports = 'three'`)
  await millrace.errors.next(/has been loaded anew\.\n/)
  t.is(await textOf(url), 'three')
  t.is(await millrace.stop(), 0)
})

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message
}
