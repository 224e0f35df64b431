import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'

import { summarize } from '../lib/campaign.mjs'
import { altText, panelsSvg } from '../lib/panels.mjs'
import { projectRoot } from '../lib/peers.mjs'
import { charts, fill, published } from '../lib/published.mjs'
import { scenarios } from '../lib/scenarios.mjs'

const chart = { title: 'A & B', panels: [{ scenario: 'hello', figure: 'cpu', title: 'µs < 10' }] }
const runs = { deno: [{ cpu: 8, javascript: 8 }], millrace: [{ cpu: 4, javascript: 1 }], floor: [{ rate: 1 }] }
const measured = [{ scenario: 'hello', results: summarize(runs) }]
const byName = new Map([['hello', measured[0]]])

test('the charts and figures of the documentation are those of the results', () => {
  const files = published()
  for (const { file, content } of files) {
    assert.equal(readFileSync(file, 'utf8'), content, `${basename(file)}: npm --prefix bench run charts`)
  }
  const drawn = files.map(({ file }) => basename(file)).filter((name) => name.endsWith('.svg'))
  assert.deepEqual(readdirSync(join(projectRoot, 'docs', 'charts')).sort(), drawn.sort())
})

test('every chart is on the page', () => {
  const page = readFileSync(join(projectRoot, 'docs', 'benchmarks.md'), 'utf8')
  for (const [name, { panels }] of Object.entries(charts)) {
    assert.match(page, new RegExp(`^!\\[.{60,}\\]\\(charts/${name}\\.svg\\)$`, 'm'))
    for (const { scenario } of panels) assert.ok(scenario in scenarios, scenario)
  }
})

test('a chart has the best first, its words as text, and a title for those who do not see it', () => {
  const svg = panelsSvg(chart, byName)
  assert.ok(svg.indexOf('>millrace<') < svg.indexOf('>deno<'))
  assert.match(svg, /<title>A &amp; B\. µs &lt; 10: millrace 4\.00, deno 8\.00\.<\/title>/)
  assert.match(svg, />no such figure</)
  assert.equal(altText(chart, byName), 'A & B. µs < 10: millrace 4.00, deno 8.00.')
})

test('a chart has nothing wider than a telephone shows', () => {
  for (const { file, content } of published().filter(({ file }) => file.endsWith('.svg'))) {
    for (const [, x, size, words] of content.matchAll(
      /<text x="([\d.]+)" y="[\d.]+"( class="title")?[^>]*>([^<]*)</g,
    )) {
      // Letters of a system's font are about so wide.
      assert.ok(Number(x) + words.length * (size ? 9 : 7.6) <= 480, `${basename(file)}: ${words}`)
    }
  }
})

test('what is between the marks of a page is made anew, and nothing else', () => {
  const text = 'before\n<!-- figures: hello -->\nold\n<!-- end -->\nafter\n'
  const filled = fill(text, new Map([['hello', chart]]), measured)
  assert.match(filled, /^before\n<!-- figures: hello -->\n\n\| server [^]*\n\n<!-- end -->\nafter\n$/)
  assert.match(filled, /\| millrace \|/)
  assert.equal(fill(filled, new Map([['hello', chart]]), measured), filled)
})
