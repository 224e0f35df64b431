// On each version of Node.js, with the npm that goes with it: installed as users install it, then every entry of the
// package, from ECMAScript and from CommonJS, and its command.

import { get } from 'node:http'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProject, execute } from './project.mjs'
import { check, expect, inLanes, seconds } from './suite.mjs'
import { compilers, find } from './tools.mjs'

export async function testRuntimes({ registry, nodes, version, limit }) {
  const projects = nodes.map((node) => createProject(registry, node))
  // One after another, as the time is told.
  for (const project of projects) await testInstallation(project, limit)
  await inLanes(projects.map((project) => () => testEntries(project, version)))
}

async function testInstallation(project, limit) {
  project.copyPrograms()
  await check(`${project.node.version}: installs without a compiler and answers a request`, async () => {
    const found = compilers.filter((name) => find(name, project.env.PATH))
    expect(found.length === 0, `on the PATH: ${found.join(', ')}`)
    const began = performance.now()
    await project.npm(['install', 'millrace'])
    const installed = performance.now()
    await project.prints('imported /packed\n', ['serve.mjs'])
    const whole = performance.now() - began
    expect(whole < limit, `${seconds(whole)} from nothing to the first answer`)
    return `npm took ${seconds(installed - began)}, the first answer was there after ${seconds(whole)}`
  })
}

async function testEntries(project, version) {
  const on = project.node.version
  const prints = (name, file, text) => check(`${on}: ${name}`, () => project.prints(text, [file]))
  await prints('require serves', 'serve.cjs', 'required /packed\n')
  await prints('a WebSocket echoes', 'socket.mjs', 'echoed\n')
  await prints('millrace/ws by import', 'ws.mjs', 'imported true\n')
  await prints('millrace/ws by require', 'ws.cjs', 'required true\n')
  await prints('TLS with a certificate of its own', 'tls.mjs', 'TLSv1.3\n')
  await prints('worker threads, one after another', 'worker.mjs', 'served served served served\n')
  await check(`${on}: npx millrace --version`, async () => {
    const { stdout } = await npx(project, '--version')
    expect(stdout === `${version}\n`, stdout)
  })
  await check(`${on}: npx millrace ./public`, () =>
    serves(project, './public', '/', readFileSync(join(project.directory, 'public', 'index.html'), 'utf8')),
  )
  await check(`${on}: npx millrace app.mjs`, () => serves(project, 'app.mjs', '/path', 'app /path'))
}

function npx(project, ...args) {
  return project.run(project.node.path, [npxOf(project), 'millrace', ...args])
}

// Until it says where it listens; then it is asked, and ended as a service manager would.
async function serves(project, what, path, text) {
  const { directory: cwd, env, node } = project
  let answer
  // The command itself, as `npx` starts it: npm passes no signal on from a pipe.
  const millrace = join(cwd, 'node_modules', '.bin', 'millrace')
  const { code, stdout, stderr } = await execute(millrace, [what, '--port', '0'], {
    cwd,
    env,
    timeout: 20_000,
    until: /https?:\/\/(?:localhost|127\.0\.0\.1|\[::1?\]):(\d+)/,
    once: async ([, port]) => (answer = await fetchText(port, path)),
  })
  expect(
    answer === text,
    `${what} with ${node.version} answered ${answer} and not ${text}, ended with ${code}:\n${stdout}${stderr}`,
  )
  expect(code === 0, `${what} ended with ${code} after SIGTERM:\n${stdout}${stderr}`)
}

function npxOf({ node }) {
  return node.npm.replace('npm-cli', 'npx-cli')
}

function fetchText(port, path) {
  return new Promise((resolve, reject) => {
    get({ port, path, host: 'localhost', agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      answer.on('end', () => resolve(text))
    }).on('error', reject)
  })
}
