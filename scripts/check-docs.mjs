// What the documentation points at must be there: relative links in Markdown, and the source files it names.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { filesBelow, root } from './_shared.mjs'

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map((name) => join(root, name))
pages.push(join(root, 'bench', 'README.md'), join(root, 'fuzz', 'README.md'))
pages.push(...filesBelow('docs', (name) => name.endsWith('.md')))

const link = /\]\((?!https?:|mailto:|#)([^)#\s]+)/g
const source = /\b((?:crates|src|scripts|__test__|bench|fuzz|examples)\/[\w./-]*\w\.(?:rs|ts|mjs|sh|md))\b/g

const problems = []
for (const page of pages.filter(existsSync)) {
  const text = readFileSync(page, 'utf8')
  for (const [, target] of text.matchAll(link)) expect(page, join(dirname(page), target), target)
  for (const [whole, target] of text.matchAll(source)) {
    // `src/…` in a page of a folder may mean that folder's own.
    if (!existsSync(join(dirname(page), target))) expect(page, join(root, target), whole)
  }
}
for (const problem of problems) console.error(problem)
console.log(
  problems.length === 0 ? 'documentation: points at what is there' : `documentation: ${problems.length} dead ends`,
)
process.exitCode = problems.length === 0 ? 0 : 1

function expect(page, path, name) {
  if (!existsSync(path)) problems.push(`${relative(root, page)}: there is no ${name}`)
}
