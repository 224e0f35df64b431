import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'

const home = path.dirname(require.resolve('millrace/package.json'))

/** A copy of the package without its addon, and with a binding of the test's own. */
function installed(t: ExecutionContext, binding?: string): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-binding-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  cpSync(path.join(home, 'dist'), path.join(directory, 'dist'), { recursive: true })
  cpSync(path.join(home, 'package.json'), path.join(directory, 'package.json'))
  symlinkSync(path.join(home, 'node_modules'), path.join(directory, 'node_modules'))
  if (binding !== undefined) writeFileSync(path.join(directory, 'binding.cjs'), binding)
  return directory
}

function listen(directory: string): string {
  const program = `
    const { createServer } = require('./dist/index.js')
    const server = createServer()
    server.listen().then(() => console.log('listening'), (error) => {
      console.log(error.code, '|', error.message, '|', error.cause?.errors?.length)
    })`
  return spawnSync(process.execPath, ['-e', program], { cwd: directory, encoding: 'utf8' }).stdout
}

test('without an addon listen rejects with one error that names every way tried', (t) => {
  const said = listen(installed(t))
  t.regex(said, /^ERR_ADDON_UNAVAILABLE \| The native part of millrace could not be loaded on \w+-\w+ with Node v/)
  t.regex(said, /binding\.cjs/)
  t.regex(said, /npm run build/)
  t.regex(said, /\| 2$/m)
})

test('an addon of another version is refused', (t) => {
  const said = listen(installed(t, `exports.version = () => '0.0.1'`))
  t.regex(said, /ERR_ADDON_UNAVAILABLE/)
  t.regex(said, /The addon has version 0\.0\.1, but the package has version/)
})

test('making a server loads no addon', (t) => {
  const directory = installed(t, `console.log('loaded')`)
  const program = `const server = require('./dist/index.js').createServer(); console.log(server.stats().requests)`
  t.is(spawnSync(process.execPath, ['-e', program], { cwd: directory, encoding: 'utf8' }).stdout, '0\n')
})
