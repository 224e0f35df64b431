// Markdown as GitHub reads it, and tables that fit a telephone.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The names of headings that GitHub gives them, so that a link works there and here. */
export function slugify(text) {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}

export function configure(markdown) {
  const { rules } = markdown.renderer
  // A table scrolls by itself instead of making the page wider, by keyboard as well.
  rules.table_open = () => '<div class="table" role="group" aria-label="Table" tabindex="0"><table>\n'
  rules.table_close = () => '</table></div>\n'
  markdown.core.ruler.push('cells', ({ tokens }) => {
    for (const [at, token] of tokens.entries()) {
      if (token.type === 'td_open' || token.type === 'th_open') finishCell(token, tokens[at + 1].content)
    }
  })
  markdown.core.ruler.push('languages', ({ tokens }) => {
    for (const token of tokens) finishCode(token)
  })
  markdown.core.ruler.push('pictures', ({ tokens, env }) => {
    for (const { children } of tokens) {
      for (const token of children ?? []) if (token.type === 'image') giveSize(token, env)
    }
  })
  // Long names may go on in another line where they have a dot.
  const { code_inline: code } = rules
  rules.code_inline = (...args) => code(...args).replaceAll(/(?<=[a-z]{4})\.(?=[a-zA-Z]{4})/g, '.<wbr>')
  // Two braces are Vue's in a page, not in Markdown.
  const { text } = rules
  rules.text = (...args) => text(...args).replaceAll('{{', '&#123;&#123;')
}

/** What the highlighter does not know, and what comes near. */
const languages = { caddyfile: 'nginx', haproxy: 'ini' }

function finishCode(token) {
  // Code that is indented looks like code between fences.
  if (token.type === 'code_block') {
    token.type = 'fence'
    token.info = /^(?:\$ )?(?:bash|cargo|curl|git|node|npm|npx) /.test(token.content) ? 'sh' : 'text'
  } else if (token.type === 'fence') {
    token.info = languages[token.info] ?? token.info
  }
}

/** A picture has its place before it is there. */
function giveSize(token, { path }) {
  const file = join(dirname(path), token.attrGet('src'))
  const size = file.endsWith('.svg') && /<svg\b[^>]*\swidth="(\d+)" height="(\d+)"/.exec(readFileSync(file, 'utf8'))
  if (!size) return
  token.attrSet('width', size[1])
  token.attrSet('height', size[2])
}

function finishCell(token, content) {
  const align = /text-align:\s*(\w+)/.exec(token.attrGet('style') ?? '')?.[1]
  token.attrs = (token.attrs ?? []).filter(([name]) => name !== 'style')
  if (align !== undefined) token.attrJoin('class', align)
  // What is seen of it: links and places to be linked to have more to them.
  const { length } = content.replaceAll(/<[^>]*>|\]\([^)]*\)/g, '')
  if (length > 60) token.attrJoin('class', 'long')
  else if (length > 25) token.attrJoin('class', 'medium')
}
