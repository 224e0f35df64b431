// Looks at the pages that were built: every link within the site leads to a page that is there and to a name on it, every
// file that a page needs is there, and nothing comes from elsewhere or needs what the policy forbids.

import { existsSync, readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { filesBelow, root } from '../_shared.mjs'
import { built } from './places.mjs'

/** Gives all that is wrong. */
export function check(site = built('html'), tell = console.log) {
  const pages = new Map()
  for (const path of filesBelow(relative(root, site), (name) => name.endsWith('.html'))) {
    const html = readFileSync(path, 'utf8')
    pages.set(addressOf(site, path), {
      html,
      ids: new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => decoded(id))),
    })
  }
  const problems = [...pages].flatMap(([address, page]) => [
    ...deadLinks(site, address, page, pages),
    ...foreign(address, page),
    ...unreadable(address, page),
  ])
  tell(`${pages.size} pages looked through`)
  return problems
}

function* deadLinks(site, address, { html }, pages) {
  for (const [, , attribute, value] of html.matchAll(/<(a|link|script|img|source)\b[^>]*?\s(href|src)="([^"]*)"/g)) {
    const target = decoded(value)
    if (/^(?:https?:|mailto:|data:)/.test(target)) continue
    const { pathname, hash } = new URL(target, `http://site${address}`)
    const place = decodeURIComponent(pathname)
    const page = pages.get(place)
    const fragment = decodeURIComponent(hash.slice(1))
    if (page === undefined) {
      if (!existsSync(join(site, place)) || place.endsWith('/'))
        yield `${address}: ${attribute} ${target} leads nowhere`
    } else if (fragment !== '' && !page.ids.has(fragment)) {
      yield `${address}: ${target} names no place on that page`
    }
  }
}

/** What a page would fetch from elsewhere, or the policy refuse. */
function* foreign(address, { html }) {
  const outside = /<(?:link|script|img|source|iframe)\b[^>]*?\s(?:href|src)="((?:https?:)?\/\/[^"]*)"/g
  for (const [, url] of html.matchAll(outside)) yield `${address}: ${url} comes from elsewhere`
  for (const [tag] of html.matchAll(/<\w+\b[^>]*\sstyle="[^"]*"[^>]*>/g))
    yield `${address}: style within the page: ${tag}`
}

function* unreadable(address, { html }) {
  const headings = [...html.matchAll(/<h([1-6])\b/g)].map(([, level]) => Number(level))
  if (headings.filter((level) => level === 1).length !== 1) yield `${address}: it has no h1, or several`
  for (const [tag] of html.matchAll(/<img\b[^>]*>/g)) if (!/\salt[=\s>]/.test(tag)) yield `${address}: no alt: ${tag}`
  if (!/<main\b/.test(html)) yield `${address}: it has no main landmark`
}

function addressOf(site, path) {
  return `/${posix.relative(site, path)}`.replace(/(?:index)?\.html$/, '')
}

function decoded(text) {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
