// Installations that lack the addon or have the wrong one: the program ends, with an error that says what to do.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ownPlatform } from './packages.mjs'
import { createProject, tool } from './project.mjs'
import { check, expect } from './suite.mjs'

export async function testFailures({ registry, nodes, version }) {
  const own = `millrace-${ownPlatform()}`
  const oldest = nodes[0]
  const newest = nodes.at(-1)
  const foreign = ['darwin', ownPlatform() === 'darwin-arm64' ? 'x64' : 'arm64']

  for (const node of [oldest, newest]) {
    await check(
      `npm install --omit=optional on Node.js ${node.version}: says what was left out, and the exit code is 1`,
      async () => {
        const project = await installed(node, ['--omit=optional'])
        const stderr = await failsWith(project, [`${own}: not installed`, /npm install --include=optional/])
        expect(!/\n\s+at /.test(stderr.split('(ERR_ADDON_UNAVAILABLE)')[0]), stderr)
        await project.npm(['install', '--include=optional'])
        await project.prints('required /packed\n', ['serve.cjs'])
      },
    )
  }
  await check('pnpm add --no-optional: names the settings of pnpm', async () => {
    const project = createProject(registry, newest)
    project.copyPrograms()
    await project.run(newest.path, [tool('pnpm-10', 'bin', 'pnpm.cjs'), 'add', 'millrace', '--no-optional'])
    await failsWith(project, [`${own}: not installed`, 'pnpm-workspace.yaml'])
  })
  await check('yarn add --ignore-optional: names the option', async () => {
    const project = createProject(registry, newest)
    project.copyPrograms()
    await project.run(newest.path, [tool('yarn-1', 'bin', 'yarn.js'), 'add', 'millrace', '--ignore-optional'])
    await failsWith(project, [`${own}: not installed`, /--ignore-optional/])
  })
  await check('node_modules from another system: says which, and the advice works', async () => {
    const [os, cpu] = foreign
    const project = await installed(newest, [`--os=${os}`, `--cpu=${cpu}`])
    const stderr = await failsWith(project, [`millrace-${os}-${cpu} is installed instead`, '.dockerignore'])
    const [, args] = /`npm (install --os=[^`]*)`/.exec(stderr)
    await project.npm(args.split(' '))
    await project.prints('required /packed\n', ['serve.cjs'])
  })
  await check('a platform package of another version: says both, and the advice works', async () => {
    const project = await installed(newest, [])
    await project.npm(['install', `${own}@0.0.1`, '--force'])
    // As an old lock file has it: below node_modules, and not of the package's own.
    rmSync(join(project.directory, 'node_modules', 'millrace', 'node_modules'), { recursive: true, force: true })
    await failsWith(project, ['its addon has version 0.0.1', `version ${version}`, `npm install millrace@${version}`])
  })
  await check('a platform package whose file is gone: says where', async () => {
    const project = await installed(newest, [])
    rmSync(join(project.directory, 'node_modules', own, `millrace.${ownPlatform()}.node`))
    await failsWith(project, [`${own}: installed without its file`, 'is missing from'])
  })
  await check('node --no-addons and --permission: name the flag', async () => {
    const project = await installed(newest, [])
    await failsWith(project, ['without --no-addons'], ['--no-addons'])
    await failsWith(project, ['--allow-addons'], ['--permission', '--allow-fs-read=*'])
  })

  async function installed(node, flags) {
    const project = createProject(registry, node)
    project.copyPrograms()
    mkdirSync(join(project.directory, 'node_modules'))
    await project.npm(['install', 'millrace', ...flags])
    return project
  }

  async function failsWith(project, told, flags = []) {
    const { stderr } = await project.run(project.node.path, [...flags, 'serve.cjs'], { code: 1 })
    for (const what of ['ERR_ADDON_UNAVAILABLE', ...told]) {
      expect(what instanceof RegExp ? what.test(stderr) : stderr.includes(what), `no ${what} in:\n${stderr}`)
    }
    return stderr
  }
}
