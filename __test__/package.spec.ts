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
  for (const name of ['node-gyp-build', '@types', 'undici']) {
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

const chat = `
const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
  const client = new WebSocket('ws://127.0.0.1:' + wss.address().port)
  client.onmessage = ({ data }) => { console.log(data); client.close() }
})
wss.on('connection', (ws) => {
  ws.send(String(ws.readyState === OPEN))
  ws.on('close', () => wss.close())
})
`

test('millrace/ws serves when imported as ws is', async (t) => {
  const source = `import { WebSocket } from 'undici'\nimport Class, { WebSocketServer, WebSocket as Named } from 'millrace/ws'
    const OPEN = Class === Named && Class.Server === WebSocketServer ? Class.OPEN : 'no'\n${chat}`
  t.is(await start('socket.mjs', source), 'true\n')
})

test('millrace/ws serves when required as ws is', async (t) => {
  const source = `const { WebSocket } = require('undici')\nconst Class = require('millrace/ws')
    const { WebSocketServer } = Class\nconst OPEN = Class.Server === WebSocketServer ? Class.OPEN : 'no'\n${chat}`
  t.is(await start('socket.cjs', source), 'true\n')
})

test('types of millrace/ws come along for import and for require', async (t) => {
  const use = `
    const wss: WebSocketServer = new WebSocketServer({ port: 0, perMessageDeflate: { threshold: 10 } })
    wss.on('connection', (ws, request) => {
      const address: string | undefined = request.socket.remoteAddress
      ws.on('message', (data: RawData, isBinary: boolean) => ws.send(data, { binary: isBinary }, (error?: Error) => error))
      if (ws.readyState === WebSocket.OPEN) ws.close(1000, address)
    })
    // @ts-expect-error: a client
    new WebSocket('ws://localhost')`
  await writeFile(
    path.join(project, 'ws.mts'),
    `import WebSocket, { WebSocketServer, type RawData } from 'millrace/ws'\n${use}`,
  )
  await writeFile(
    path.join(project, 'ws.cts'),
    `import { WebSocket, WebSocketServer, type RawData } from 'millrace/ws'
    import Class = require('millrace/ws')\n${use}
    const own: Class.Server = new Class.Server({ noServer: true })\nexport const open: 1 = Class.OPEN
    class Mine extends Class { isAlive = true }
    own.on('connection', (ws: Class & { isAlive?: boolean }) => ws.on('message', (data: Class.RawData) => data))
    export const all = new Map<Class, Mine>()`,
  )
  await t.notThrowsAsync(check('ws.mts', 'ws.cts'))
})

test('types come along for import and for require', async (t) => {
  const source = `import { createServer, type Request, type Response, type ServerOptions } from 'millrace'
    const options: ServerOptions = { handler: (request: Request, response: Response) => void response.end(request.path) }
    export const address: Promise<{ port: number }> = createServer(options).listen({ port: 0 })
    // @ts-expect-error: an option that does not exist
    createServer({ prot: 80 })`
  for (const name of ['types.mts', 'types.cts']) await writeFile(path.join(project, name), source)
  await t.notThrowsAsync(check('types.mts', 'types.cts'))
})

test('nothing but the package goes along', async (t) => {
  const { stdout } = await npm('pack', '--ignore-scripts', '--dry-run', '--json')
  const [{ files }] = JSON.parse(stdout) as [{ files: Array<{ path: string }> }]
  const unexpected = files.filter(({ path: name }) => !/^(dist\/|binding\.|[A-Z]+(\.md)?$|package\.json$)/.test(name))
  t.deepEqual(unexpected, [])
  t.true(files.some(({ path: name }) => name === 'dist/index.d.mts'))
  t.true(files.some(({ path: name }) => name === 'dist/ws/index.d.cts'))
})

test('the command comes along', async (t) => {
  const installed = path.join(project, 'node_modules', 'millrace')
  const { bin, version } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8')) as {
    bin: { millrace: string }
    version: string
  }
  const { stdout } = await run(process.execPath, [path.join(installed, bin.millrace), '--version'])
  t.is(stdout, `${version}\n`)
})

function check(...names: string[]): Promise<unknown> {
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'node20', '--types', 'node']
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  return run(process.execPath, [tsc, ...flags, ...names], { cwd: project })
}

async function start(name: string, source: string): Promise<string> {
  const file = path.join(project, name)
  await writeFile(file, source)
  return (await run(process.execPath, [file], { timeout: 20_000 })).stdout
}

function npm(...args: string[]): Promise<{ stdout: string }> {
  return run('npm', args, { cwd: root, shell: process.platform === 'win32' })
}
