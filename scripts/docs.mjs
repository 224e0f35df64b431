// `npm run docs [-- --build] [--screens] [--draft] [--port N]`: the documentation as a site, made of docs/ and of the types,
// checked, and served by millrace itself on http://127.0.0.1:4000. --build only builds and checks, --screens has a browser
// look at it, --draft tells what is wrong and goes on.

import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { check } from './docs/check.mjs'
import { finish } from './docs/finish.mjs'
import { built, site } from './docs/places.mjs'
import { finishReference, writeSidebar } from './docs/reference.mjs'
import { stage } from './docs/stage.mjs'
import { fail, newest, step } from './_shared.mjs'

const { values } = parseArgs({
  options: {
    build: { type: 'boolean' },
    screens: { type: 'boolean' },
    draft: { type: 'boolean' },
    port: { type: 'string', default: '4000' },
  },
})
const began = performance.now()

install()
build()
console.log(`\nthe documentation is in build/site/html, made in ${Math.round((performance.now() - began) / 1000)} s`)
if (values.screens) {
  const { screens } = await import('./docs/screens.mjs')
  if (!(await screens())) process.exitCode = 1
} else if (!values.build) {
  await serve(Number(values.port))
}

function build() {
  // A draft is served by whatever is there.
  if (!values.draft && !step(process.execPath, [join('scripts', 'ensure-built.mjs')])) {
    fail('the package did not build.')
  }
  for (const name of ['html', 'pages', 'node_modules']) rmSync(built(name), { recursive: true, force: true })
  mkdirSync(built('pages'), { recursive: true })
  // Pages become code that imports packages of the generator, which are looked for beside them.
  symlinkSync(join(site, 'node_modules'), built('node_modules'), 'junction')

  demand(
    generate(['typedoc', 'bin', 'typedoc'], ['--treatWarningsAsErrors', String(!values.draft)]),
    'what is public is not described as it should be; the reason is above.',
  )
  const staged = stage()
  tell([...staged.problems, ...writeSidebar([...staged.pages, ...finishReference()])])
  if (!generate(['vitepress', 'bin', 'vitepress.js'], ['build'])) fail('the site did not build; the reason is above.')
  finish()
  tell(check())
}

function generate([name, ...path], args) {
  const script = join(site, 'node_modules', name, ...path)
  if (!existsSync(script)) fail(`there is no ${script}: remove site/node_modules and try again.`)
  const env = { ...process.env, NODE_ENV: 'production', ...(values.draft ? { DRAFT: '1' } : {}) }
  return step(process.execPath, [script, ...args], { cwd: site, env })
}

/** The generator has packages of its own, which nobody else needs. */
function install() {
  const lock = join(site, 'package-lock.json')
  if (newest([join(site, 'node_modules', '.package-lock.json')]) >= newest([lock])) return
  if (!step('npm', ['ci', '--prefix', site], { shell: process.platform === 'win32' })) {
    fail('the packages in site/ could not be installed.')
  }
}

async function serve(port) {
  const { serveSite } = await import('./docs/serve.mjs')
  try {
    const { url } = await serveSite({ port })
    console.log(`the documentation is served on ${url}/`)
  } catch (error) {
    const hint = error.code === 'EADDRINUSE' ? ` Try \`npm run docs -- --port ${port + 1}\`.` : ''
    fail(`${error.message}${hint}`)
  }
}

function tell(problems) {
  if (problems.length === 0) return
  console.error(`\n${problems.join('\n')}`)
  demand(false, `the documentation has ${problems.length} ${problems.length === 1 ? 'fault' : 'faults'}; see above.`)
}

function demand(well, otherwise) {
  if (well) return
  if (!values.draft) fail(otherwise)
  console.error(`a draft: ${otherwise}`)
}
