import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'

// What is published is not the work tree: this packs the package, installs it elsewhere and uses it as a stranger would.

const run = promisify(execFile)
const root = path.dirname(require.resolve('millrace/package.json'))
let project: string

test.before(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'millrace-package-'))
  const { stdout } = await npm('pack', '--ignore-scripts', '--silent', '--pack-destination', project)
  const installed = path.join(project, 'node_modules', 'millrace')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', path.join(project, stdout.trim()), '-C', installed, '--strip-components', '1'])

  // The addon comes in a package of its own for each platform; until it is published it lies beside its loader.
  for (const name of await readdir(root)) {
    if (name.endsWith('.node')) await copyFile(path.join(root, name), path.join(installed, name))
  }
  for (const name of ['node-gyp-build', '@types']) {
    await symlink(path.join(root, 'node_modules', name), path.join(project, 'node_modules', name), 'junction')
  }
})

test.after.always(() => rm(project, { recursive: true, force: true }))

const program = `
const server = createServer((request, response) => response.end(request.path))
server.listen({ host: '127.0.0.1', port: 0 })
  .then(({ url }) => fetch(url + '/packed', { headers: { connection: 'close' } }))
  .then((answer) => answer.text())
  .then((text) => { console.log(text); return server.close() })
`

test('import serves from the packed package, and the process exits by itself', async (t) => {
  t.is(await start('serve.mjs', `import { createServer } from 'millrace'\n${program}`), '/packed\n')
})

test('require serves from the packed package, and the process exits by itself', async (t) => {
  t.is(await start('serve.cjs', `const { createServer } = require('millrace')\n${program}`), '/packed\n')
})

test('import and require give the same module', async (t) => {
  const source = `import { createRequire } from 'node:module'
    import * as imported from 'millrace'
    const required = createRequire(import.meta.url)('millrace')
    console.log(Object.keys(required).every((name) => required[name] === imported[name]))`
  t.is(await start('same.mjs', source), 'true\n')
})

test('types come along for import and for require', async (t) => {
  const source = `import { createServer, type Request, type Response, type ServerOptions } from 'millrace'
    const options: ServerOptions = { handler: (request: Request, response: Response) => void response.end(request.path) }
    export const address: Promise<{ port: number }> = createServer(options).listen({ port: 0 })
    // @ts-expect-error: an option that does not exist
    createServer({ prot: 80 })`
  for (const name of ['types.mts', 'types.cts']) await writeFile(path.join(project, name), source)
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'node20', '--types', 'node']
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await t.notThrowsAsync(run(process.execPath, [tsc, ...flags, 'types.mts', 'types.cts'], { cwd: project }))
})

test('nothing but the package goes along', async (t) => {
  const { stdout } = await npm('pack', '--ignore-scripts', '--dry-run', '--json')
  const [{ files }] = JSON.parse(stdout) as [{ files: Array<{ path: string }> }]
  const unexpected = files.filter(({ path: name }) => !/^(dist\/|binding\.|[A-Z]+(\.md)?$|package\.json$)/.test(name))
  t.deepEqual(unexpected, [])
  t.true(files.some(({ path: name }) => name === 'dist/index.d.mts'))
})

test('the program in the README runs, and ends when its server has closed', async (t) => {
  const [, source] = /```js\n(.*?)```/s.exec(await readFile(path.join(root, 'README.md'), 'utf8'))!
  t.regex(await start('readme.mjs', source), /^http:\/\/127\.0\.0\.1:\d+\n$/)
})

async function start(name: string, source: string): Promise<string> {
  const file = path.join(project, name)
  await writeFile(file, source)
  return (await run(process.execPath, [file], { timeout: 20_000 })).stdout
}

function npm(...args: string[]): Promise<{ stdout: string }> {
  return run('npm', args, { cwd: root, shell: process.platform === 'win32' })
}
