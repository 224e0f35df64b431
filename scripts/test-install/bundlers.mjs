// Programs that were bundled, with the package left out of the bundle, and with all of it but the addon in it.

import { cpSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createProject } from './project.mjs'
import { check, expect } from './suite.mjs'
import { tools, versionOf } from './tools.mjs'

const require = createRequire(join(tools, 'bundlers.cjs'))

export async function testBundlers({ registry, nodes }) {
  const esbuild = `esbuild ${versionOf('esbuild')}`
  const webpack = `webpack ${versionOf('webpack')}`
  const project = createProject(registry, nodes.at(-1))
  project.copyPrograms()
  await project.npm(['install', 'millrace'])

  await check(`${esbuild}, external: ['millrace']`, async () => {
    await bundled({ entryPoints: ['serve.mjs'], outfile: 'out/external.mjs', format: 'esm', external: ['millrace'] })
    await project.prints('imported /packed\n', ['out/external.mjs'])
  })
  await check(`${esbuild}, the package in the bundle, the platform packages external`, async () => {
    const external = ['millrace-*']
    const { warnings } = await bundled({
      entryPoints: ['serve.cjs'],
      outfile: 'out/inside.cjs',
      format: 'cjs',
      external,
    })
    expect(warnings.length === 0, warnings)
    await project.prints('required /packed\n', ['out/inside.cjs'])
  })
  await check(`${esbuild}, the package and the addon in one folder, moved away from node_modules`, async () => {
    const away = join(project.base, 'shipped')
    const { warnings } = await bundled({
      entryPoints: ['serve.cjs'],
      outdir: 'out/copied',
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      loader: { '.node': 'copy' },
    })
    expect(warnings.length === 0, warnings)
    cpSync(join(project.directory, 'out', 'copied'), away, { recursive: true })
    expect(
      readdirSync(away).some((name) => name.endsWith('.node')),
      readdirSync(away),
    )
    await project.prints('required /packed\n', [join(away, 'serve.cjs')])
  })
  await check(`${esbuild}, a bundle without its addon says what it lacks`, async () => {
    const alone = join(project.base, 'alone.cjs')
    await bundled({ entryPoints: ['serve.cjs'], outfile: alone, format: 'cjs', external: ['millrace-*'] })
    const { stderr } = await project.run(project.node.path, [alone], { code: 1, cwd: project.base })
    expect(/ERR_ADDON_UNAVAILABLE[^]*put into a bundle, without its addon/.test(stderr), stderr)
  })
  await check(`${webpack}, externals: ['millrace']`, async () => {
    await packed({ entry: './serve.cjs', filename: 'externals.cjs', externals: { millrace: 'commonjs millrace' } })
    await project.prints('required /packed\n', ['out/externals.cjs'])
  })
  await check(`${webpack}, the package in the bundle, the platform packages external`, async () => {
    await packed({
      entry: './serve.cjs',
      filename: 'inside-webpack.cjs',
      externals: [
        ({ request }, done) => (request.startsWith('millrace-') ? done(null, `commonjs ${request}`) : done()),
      ],
    })
    await project.prints('required /packed\n', ['out/inside-webpack.cjs'])
  })

  function bundled(options) {
    const { build } = require('esbuild')
    return build({ bundle: true, platform: 'node', logLevel: 'silent', absWorkingDir: project.directory, ...options })
  }

  async function packed({ entry, filename, externals }) {
    const compiler = require('webpack')({
      mode: 'production',
      target: 'node20',
      context: project.directory,
      entry,
      externals,
      node: { __dirname: false },
      output: { path: join(project.directory, 'out'), filename },
    })
    const stats = await new Promise((resolve, reject) => {
      compiler.run((error, result) => (error ? reject(error) : resolve(result)))
    })
    await new Promise((resolve) => compiler.close(resolve))
    const { errors, warnings } = stats.toJson()
    const told = [...errors, ...warnings].map(({ message }) => message)
    // Of node-gyp-build, which a bundle that finds its platform package does not come to.
    const others = told.filter((message) => !/Critical dependency/.test(message))
    expect(others.length === 0, others)
  }
}
