import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'

const home = path.dirname(require.resolve('millrace/package.json'))

test('docs/coming-from.md names tests that are there', (t) => {
  const docs = readFileSync(path.join(home, 'docs', 'coming-from.md'), 'utf8')
  const named = [...docs.matchAll(/\| `([\w/-]+\.spec\.ts)`: (.+?) *\|$/gm)]
  t.true(named.length > 40)
  for (const [, file, title] of named) {
    const source = readFileSync(path.join(home, '__test__', file), 'utf8')
    t.true(source.includes(`test('${title}'`), `${file}: ${title}`)
  }
})

test('docs/coming-from.md has no empty cell, and a test in each row of what is there', (t) => {
  const docs = readFileSync(path.join(home, 'docs', 'coming-from.md'), 'utf8')
  const rows = docs.split('\n').filter((line) => line.startsWith('| ') && !/^\| (there|-+) /.test(line))
  for (const row of rows) {
    t.regex(row, /\.spec\.ts`: |\| not yet +\| no test yet +\|/)
    t.notRegex(row, /\| +\|/)
  }
})
