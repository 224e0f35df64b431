// A consumer's type check, with nothing of this repository but @types/node.

import { join } from 'node:path'
import { root } from '../_shared.mjs'
import { createProject, tool } from './project.mjs'
import { check } from './suite.mjs'
import { versionOf } from './tools.mjs'

const strict = [
  '--noEmit',
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noUncheckedIndexedAccess',
  '--skipLibCheck',
  'false',
]
const lib = [
  '--target',
  'es2022',
  '--lib',
  'es2022',
  '--types',
  'node',
  '--typeRoots',
  join(root, 'node_modules', '@types'),
]
const resolutions = {
  node16: ['--module', 'node16', '--moduleResolution', 'node16'],
  nodenext: ['--module', 'nodenext', '--moduleResolution', 'nodenext'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
}

export async function testTypes({ registry, nodes }) {
  const project = createProject(registry, nodes.at(-1))
  project.copyPrograms()
  await project.npm(['install', 'millrace'])
  for (const compiler of ['typescript-5.4', 'typescript-5.9', 'typescript-newest']) {
    for (const [name, flags] of Object.entries(resolutions)) {
      // With a bundler's modules there is no `import x = require()`.
      const files = name === 'bundler' ? ['consumer.ts'] : ['consumer.mts', 'consumer.cts']
      const tsc = tool(compiler, 'bin', 'tsc')
      await check(`TypeScript ${versionOf(compiler)}, moduleResolution ${name}`, async () => {
        await project.run(project.node.path, [tsc, ...strict, ...lib, ...flags, ...files])
      })
    }
  }
}
