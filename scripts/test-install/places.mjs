// Where a package may lie, and how it may be reached.

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProject, execute, temporary } from './project.mjs'
import { Skipped, check, expect } from './suite.mjs'
import { ownPlatform } from './packages.mjs'

export async function testPlaces({ registry, nodes, version, tarballs }) {
  const node = nodes.at(-1)
  const project = createProject(registry, node)
  project.copyPrograms()
  await project.npm(['install', 'millrace'])

  await check('a path with spaces and letters of other alphabets', async () => {
    const odd = createProject(registry, node, 'mühle rüß 水车')
    odd.copyPrograms()
    await odd.npm(['install', 'millrace'])
    await odd.prints('imported /packed\n', ['serve.mjs'])
    await odd.prints('required /packed\n', ['serve.cjs'])
    await odd.prints('served served served served\n', ['worker.mjs'])
  })
  await check('a symlinked project, and --preserve-symlinks', async () => {
    const link = join(project.base, 'link')
    symlinkSync(project.directory, link)
    await project.prints('imported /packed\n', ['serve.mjs'], { cwd: link })
    const flags = ['--preserve-symlinks', '--preserve-symlinks-main']
    await project.prints('required /packed\n', [...flags, join(link, 'serve.cjs')], { cwd: link })
  })
  await check('the tarballs by their paths', async () => {
    const bare = createProject(registry, node)
    bare.copyPrograms()
    await bare.npm(['install', tarballs.main, tarballs.platforms.get(ownPlatform())])
    await bare.prints('imported /packed\n', ['serve.mjs'])
  })
  await check('a global installation, and its command', async () => {
    const prefix = join(project.base, 'global')
    await project.npm(['install', '--global', '--prefix', prefix, 'millrace'])
    const { stdout } = await project.run(join(prefix, 'bin', 'millrace'), ['--version'])
    expect(stdout === `${version}\n`, stdout)
    const {
      code,
      stdout: said,
      stderr,
    } = await execute(join(prefix, 'bin', 'millrace'), ['./public', '--port', '0'], {
      cwd: project.directory,
      env: project.env,
      timeout: 20_000,
      until: /https?:\/\//,
    })
    expect(code === 0, `ended with ${code}:\n${said}${stderr}`)
  })
  await check('two copies in one process', async () => {
    const copy = join(project.directory, 'copy')
    cpSync(join(project.directory, 'node_modules'), join(copy, 'node_modules'), { recursive: true })
    writeFileSync(join(copy, 'index.cjs'), `module.exports = require('millrace')\n`)
    project.write(
      'two.cjs',
      `const [one, other] = [require('millrace'), require('./copy/index.cjs')]
      const ask = async ({ createServer }) => {
        const server = createServer((request, response) => response.end('served'))
        const { url } = await server.listen({ host: '127.0.0.1', port: 0 })
        const text = await (await fetch(url, { headers: { connection: 'close' } })).text()
        await server.close()
        return text
      }
      Promise.all([ask(one), ask(other)]).then((texts) => console.log(one !== other, ...texts))`,
    )
    await project.prints('true served served\n', ['two.cjs'])
  })
  await check('node-gyp-build’s places, without a platform package', async () => {
    const built = createProject(registry, node)
    built.copyPrograms()
    await built.npm(['install', 'millrace'])
    const modules = join(built.directory, 'node_modules')
    const release = join(modules, 'millrace', 'build', 'Release')
    const prebuilds = join(modules, 'millrace', 'prebuilds', `${process.platform}-${process.arch}`)
    mkdirSync(release, { recursive: true })
    mkdirSync(prebuilds, { recursive: true })
    const file = join(release, 'millrace.node')
    renameSync(join(modules, `millrace-${ownPlatform()}`, `millrace.${ownPlatform()}.node`), file)
    await built.prints('required /packed\n', ['serve.cjs'])
    renameSync(file, join(prebuilds, `node.napi.${ownPlatform().endsWith('musl') ? 'musl' : 'glibc'}.node`))
    await built.prints('required /packed\n', ['serve.cjs'])
  })
  await check('a read-only file system', async () => {
    if (process.platform !== 'linux') throw new Skipped('mounted by means of Linux')
    const script =
      'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && ! touch x 2>/dev/null && exec "$1" serve.cjs'
    const namespace = process.getuid() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
    if (spawnSync('unshare', [...namespace, 'true']).status !== 0)
      throw new Skipped('no mount namespace can be made here')
    const { code, stdout, stderr } = await execute(
      'unshare',
      [...namespace, 'sh', '-c', script, project.directory, node.path],
      {
        env: { ...project.env, PATH: process.env.PATH },
      },
    )
    expect(code === 0 && stdout === 'required /packed\n', `${code}: ${stdout}${stderr}`)
  })
  await check('a file system that runs no code (noexec): says so', async () => {
    if (process.platform !== 'linux') throw new Skipped('mounted by means of Linux')
    const namespace = process.getuid() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
    const script = 'mount --bind "$0" "$0" && mount -o remount,noexec,bind "$0" && cd "$0" && exec "$1" serve.cjs'
    if (spawnSync('unshare', [...namespace, 'true']).status !== 0)
      throw new Skipped('no mount namespace can be made here')
    const { code, stderr } = await execute(
      'unshare',
      [...namespace, 'sh', '-c', script, project.directory, node.path],
      {
        env: { ...project.env, PATH: process.env.PATH },
      },
    )
    expect(code === 1 && /mounted with noexec/.test(stderr), `${code}: ${stderr}`)
  })
  await check('a user who may not write there', async () => {
    if (process.getuid() !== 0) throw new Skipped('another user needs root')
    for (const directory of [temporary, project.base]) chmodSync(directory, 0o755)
    const options = {
      cwd: project.directory,
      env: { PATH: project.env.PATH, HOME: '/nonexistent' },
      uid: 65534,
      gid: 65534,
    }
    const { code, stdout, stderr } = await execute(node.path, ['serve.cjs'], options)
    expect(code === 0 && stdout === 'required /packed\n', `${code}: ${stdout}${stderr}`)
  })
}
