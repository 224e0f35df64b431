// `npm --prefix bench run charts`: the charts of the documentation, and the figures in docs/benchmarks.md, from the last
// results that were kept. With `--check` nothing is written, and what is out of date is named.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

import { published } from './lib/published.mjs'

const isCheck = process.argv.includes('--check')
const stale = published().filter(({ file, content }) => content !== read(file))

for (const { file, content } of stale) {
  if (isCheck) console.error(`${file} is not what bench/results has: npm --prefix bench run charts`)
  else write(file, content)
}
if (isCheck && stale.length > 0) process.exitCode = 1

function write(file, content) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  console.log(file)
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw error
  }
}
