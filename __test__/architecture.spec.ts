import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'

const home = path.dirname(require.resolve('millrace/package.json'))
const text = readFileSync(path.join(home, 'docs', 'architecture.md'), 'utf8')

test('docs/architecture.md names no file and no folder that is not there', (t) => {
  const named = text.match(
    /(?<![\w./-])(?:src|crates|scripts|__test__|bench|docs|site|npm|fuzz|examples)\/[\w./-]*\w/g,
  )!
  t.true(new Set(named).size > 40)
  for (const name of new Set(named)) t.true(existsSync(path.join(home, name)), name)
})

test('docs/architecture.md has every crate and every folder', (t) => {
  for (const name of foldersIn('crates')) t.true(text.includes(name), name)
  for (const name of foldersIn('src')) t.true(text.includes(`src/${name}/`), name)
  for (const name of foldersIn('.')) if (!OF_TOOLS.test(name)) t.true(text.includes(`${name}/`), name)
})

/** Made by tools, or kept for them. */
const OF_TOOLS = /^(?:\.|build$|dist$|node_modules$|target|docs$)/

function foldersIn(folder: string): string[] {
  const entries = readdirSync(path.join(home, folder), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}
