// What a site needs that VitePress does not make: the policy for its scripts, a 404 that says so without JavaScript, and
// each file once more for clients that take it compressed.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { filesBelow } from '../_shared.mjs'
import { built } from './places.mjs'

const TEXT = new Set(['.html', '.js', '.css', '.json', '.svg'])
/** Below, both fit into the first packets of a connection. */
const WORTH_IT = 1024

export function finish() {
  fillNotFound()
  const files = filesBelow(join('build', 'site', 'html'))
  const pages = files.filter((path) => path.endsWith('.html'))
  for (const page of pages) dropStyles(page)
  writePolicy(pages)
  for (const path of files) if (TEXT.has(extname(path))) compress(path)
}

/** Without JavaScript the page that VitePress makes is empty. */
function fillNotFound() {
  const path = join(built('html'), '404.html')
  const text = '<h1>There is no such page</h1><p><a href="/">The documentation of millrace</a> begins here.</p>'
  const page = readFileSync(path, 'utf8')
  writeFileSync(path, page.replace('<div id="app"></div>', `$&<noscript><main>${text}</main></noscript>`))
}

// The theme's style sheet says the same (style.css); scripts may set styles, but pages must not have any in their text.
const STYLES = [' style="position:relative;"', ' style="--vp-vh:0px;"']

function dropStyles(path) {
  const html = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    STYLES.reduce((text, style) => text.replaceAll(style, ''), html),
  )
}

/** Scripts within pages, which choose light or dark before anything is drawn, are allowed by their hashes. */
function writePolicy(pages) {
  const hashes = new Set()
  for (const page of pages) {
    for (const [, attributes, script] of readFileSync(page, 'utf8').matchAll(/<script\b([^>]*)>([^]*?)<\/script>/g)) {
      if (/\bsrc=/.test(attributes)) continue
      hashes.add(`'sha256-${createHash('sha256').update(script).digest('base64')}'`)
    }
  }
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${[...hashes].sort().join(' ')}`,
    "style-src 'self'",
    // The theme's icons are data: URLs in its style sheet.
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  writeFileSync(built('policy.txt'), policy.join('; '))
}

function compress(path) {
  const content = readFileSync(path)
  if (content.length < WORTH_IT) return
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length }
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params }))
}
