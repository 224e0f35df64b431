// Each package manager with each of its layouts of node_modules, or none.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createProject, tool } from './project.mjs'
import { check, expect } from './suite.mjs'
import { versionOf } from './tools.mjs'

export async function testManagers({ registry, nodes }) {
  const node = nodes.at(-1)
  for (const manager of managers(registry)) {
    await check(manager.name, async () => {
      const project = createProject(registry, node)
      project.copyPrograms()
      Object.assign(project.env, manager.env)
      project.write('.npmrc', `registry=${registry.url}\n`)
      for (const [file, text] of Object.entries(manager.files ?? {})) project.write(file, text)
      await project.run(node.path, manager.install)
      const flags = manager.flags ?? []
      await project.prints('imported /packed\n', [...flags, 'serve.mjs'])
      await project.prints('required /packed\n', [...flags, 'serve.cjs'])
      await project.prints('imported true\n', [...flags, 'ws.mjs'])
      return manager.look?.(project)
    })
  }
}

function managers({ url }) {
  const [host] = /\d+\.\d+\.\d+\.\d+/.exec(url)
  const yarnEnv = {
    YARN_NPM_REGISTRY_SERVER: url.slice(0, -1),
    YARN_UNSAFE_HTTP_WHITELIST: host,
    YARN_ENABLE_TELEMETRY: '0',
    YARN_ENABLE_GLOBAL_CACHE: '0',
    YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
    YARN_ENABLE_SCRIPTS: '0',
  }
  const yarn = { install: [tool('@yarnpkg', 'cli-dist', 'bin', 'yarn.js'), 'add', 'millrace'] }
  const berry = `yarn ${versionOf('@yarnpkg/cli-dist')}`
  const pnpm10 = { install: [tool('pnpm-10', 'bin', 'pnpm.cjs'), 'add', 'millrace'] }
  const pnpm11 = { install: [tool('pnpm-11', 'bin', 'pnpm.mjs'), 'add', 'millrace'] }
  const hoisted = {
    env: { npm_config_node_linker: 'hoisted' },
    files: { 'pnpm-workspace.yaml': 'nodeLinker: hoisted\n' },
  }
  return [
    { name: `pnpm ${versionOf('pnpm-10')}, isolated`, ...pnpm10, look: isIsolated },
    { name: `pnpm ${versionOf('pnpm-10')}, hoisted`, ...pnpm10, ...hoisted, look: isHoisted },
    { name: `pnpm ${versionOf('pnpm-11')}, isolated`, ...pnpm11, look: isIsolated },
    { name: `pnpm ${versionOf('pnpm-11')}, hoisted`, ...pnpm11, ...hoisted, look: isHoisted },
    {
      name: `yarn ${versionOf('yarn-1')}`,
      install: [tool('yarn-1', 'bin', 'yarn.js'), 'add', 'millrace'],
      look: isHoisted,
    },
    {
      name: `${berry}, node_modules`,
      ...yarn,
      env: { ...yarnEnv, YARN_NODE_LINKER: 'node-modules' },
      files: { 'yarn.lock': '' },
      look: isHoisted,
    },
    {
      name: `${berry}, Plug'n'Play`,
      ...yarn,
      env: { ...yarnEnv, YARN_NODE_LINKER: 'pnp', YARN_PNP_ENABLE_ESM_LOADER: '1' },
      files: { 'yarn.lock': '' },
      flags: ['--require', './.pnp.cjs', '--loader', './.pnp.loader.mjs', '--no-warnings'],
      look: isUnplugged,
    },
  ]
}

function isIsolated({ directory }) {
  expect(existsSync(join(directory, 'node_modules', '.pnpm')), 'there is no node_modules/.pnpm')
  expect(!existsSync(join(directory, 'node_modules', 'node-gyp-build')), 'node_modules is hoisted')
}

function isHoisted({ directory }) {
  expect(existsSync(join(directory, 'node_modules', 'node-gyp-build')), 'node_modules is not hoisted')
}

function isUnplugged({ directory }) {
  expect(existsSync(join(directory, '.yarn', 'unplugged')), 'nothing was unplugged')
  expect(!existsSync(join(directory, 'node_modules', 'millrace')), 'there is a node_modules')
}
