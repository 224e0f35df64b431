import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { AFTER_FRAGMENT, beforeFragment, blocksOf, HOME, nameOf, PAGES, type Block } from './blocks'

// All code of the documentation is held against the types of the package, the JavaScript too: a name that is none is
// found there even when no test comes by it. A file is named by the line it begins on, or as the page names it.

const folder = path.join(HOME, 'build', 'docs-types')
const blocks = PAGES.flatMap(blocksOf)

test.before(() => rmSync(folder, { recursive: true, force: true }))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

test.serial('TypeScript in the documentation has the types of the package', async (t) => {
  const checked = blocks.filter(({ kind }) => kind === 'typescript')
  t.true(checked.length > 0)
  t.is(await compile('typescript', checked, '.mts', { strict: true, noUnusedLocals: false }), '')
})

test.serial('JavaScript in the documentation has the names of the package', async (t) => {
  const checked = blocks.filter(({ kind }) => kind === 'program' || kind === 'fragment')
  t.true(checked.length > 20)
  t.is(await compile('javascript', checked, '.mjs', { allowJs: true, checkJs: true, strict: false }), '')
})

test.serial('programs for other servers can be parsed', async (t) => {
  const checked = blocks.filter(({ kind }) => kind === 'other-server')
  t.is(await compile('others', checked, '.mjs', { allowJs: true, checkJs: false, strict: false }), '')
})

test('every page with programs has a spec that shows them', (t) => {
  const specs = path.join(HOME, '__test__', 'docs')
  const named = readdirSync(specs)
    .filter((name) => name.endsWith('.spec.ts'))
    .flatMap((name) => [...readFileSync(path.join(specs, name), 'utf8').matchAll(/\bpage\('([^']+)'\)/g)])
    .map(([, name]) => name)
  const programs = blocks.filter(({ kind }) => kind === 'program' || kind === 'fragment')
  t.deepEqual([...new Set(programs.map(({ page }) => page))].sort(), named.sort())
})

/** What the compiler finds wrong in the blocks, each a module of its own with the lines of its page. */
async function compile(name: string, checked: readonly Block[], extension: string, options: object): Promise<string> {
  if (checked.length === 0) return ''
  const project = path.join(folder, name)
  for (const block of checked) {
    const before = block.isFragment ? beforeFragment(block.source) : ''
    const after = block.isFragment ? AFTER_FRAGMENT : 'export {}\n'
    const folder = path.join(project, block.page)
    mkdirSync(folder, { recursive: true })
    const named = path.join(folder, nameOf(block)?.replace(/\.ts$/, '.mts') ?? '')
    const file = existsSync(named) ? path.join(folder, `${block.line}${extension}`) : named
    writeFileSync(file, `${before}${'\n'.repeat(block.line - before.split('\n').length)}${block.source}${after}`)
  }
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'dom'],
    module: 'node20',
    types: ['node'],
    noEmit: true,
    skipLibCheck: true,
    ...options,
  }
  writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['.'] }))
  const tsc = path.join(HOME, 'node_modules', 'typescript', 'bin', 'tsc')
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, '-p', project, '--pretty', 'false'], { cwd: project }, (error, output) =>
      resolve(error === null ? '' : output || error.message),
    )
  })
}
