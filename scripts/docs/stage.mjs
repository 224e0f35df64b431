// The pages of the site as VitePress reads them, in build/site/pages: docs/ and what navigation.mjs adds, with links that
// lead to pages of the site. Nothing is written into docs/.

import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, posix } from 'node:path'
import { aliases, borrowed, examples } from '../../site/navigation.mjs'
import { filesBelow, root } from '../_shared.mjs'
import { built } from './places.mjs'

const PICTURES = new Set(['.svg', '.png', '.jpg', '.webp'])

/** Writes all pages but the reference; gives their paths, and which of their links lead nowhere. */
export function stage() {
  const pages = new Map([
    ...filesBelow('docs', (name) => name.endsWith('.md')).map((path) => [
      posix.relative(posix.join(root, 'docs'), path),
      path,
    ]),
    ...Object.entries(borrowed).map(([source, page]) => [page, join(root, source)]),
  ])
  const problems = []
  for (const [page, path] of pages) write(page, rewritten(page, path, problems))
  for (const example of examples) write(example.page, exampleText(example, problems))
  for (const path of filesBelow('site/public'))
    copy(path, join(built('pages'), 'public', path.slice(path.lastIndexOf('/') + 1)))
  return { pages: [...pages.keys(), ...examples.map(({ page }) => page)], problems }
}

function rewritten(page, path, problems) {
  const text = outsideFences(readFileSync(path, 'utf8'), (part) => withLinks(part, page, path, problems))
  return `---\n${page === 'index.md' ? 'layout: landing\nsidebar: false\n' : ''}description: ${JSON.stringify(firstWords(text))}\n---\n\n${text}`
}

/** What an example does, and its files. */
function exampleText({ page, folder, title, files }, problems) {
  const readme = join(root, folder, 'README.md')
  const parts = existsSync(readme)
    ? [rewritten(page, readme, problems)]
    : [`# ${title}\n\nThe files of \`${folder}\`, as they are in the repository.`]
  for (const file of files ?? readdirSync(join(root, folder)).filter((name) => name.endsWith('.mjs'))) {
    const code = readFileSync(join(root, folder, file), 'utf8').trimEnd()
    parts.push(`## ${file}\n\n\`\`\`${extname(file).slice(1).replace('mjs', 'js')}\n${code}\n\`\`\``)
  }
  return `${parts.join('\n\n')}\n`
}

// The text of a link may be broken into lines, and hold one pair of brackets.
const LINK = /(!?)\[((?:[^[\]]|\[[^[\]]*\])*)\]\(([^()\s]+)\)/g

function withLinks(part, page, path, problems) {
  return part.replaceAll(LINK, (whole, picture, text, target) => {
    if (/^(?:[a-z]+:|#)/.test(target)) return whole
    const [place, fragment] = target.split('#')
    const file = join(dirname(path), place)
    if (!existsSync(file)) {
      problems.push(`${page}: there is no ${target}`)
      return whole
    }
    const name = posix.relative(root, file)
    if (PICTURES.has(extname(file))) {
      const published = `pictures/${name.replaceAll('/', '-')}`
      copy(file, join(built('pages'), published))
      return `${picture}[${text}](${between(page, published)})`
    }
    const other = pageOf(name)
    // A file that is no page is named; there is nowhere to send anybody.
    if (other === undefined) return text
    return `[${text}](${between(page, other)}${fragment === undefined ? '' : `#${fragment}`})`
  })
}

/** The page of the site that shows a file or folder of the repository. */
function pageOf(name) {
  const example = examples.find(({ folder }) => name === folder || name.startsWith(`${folder}/`))
  if (example !== undefined) return example.page
  if (borrowed[name] ?? aliases[name]) return borrowed[name] ?? aliases[name]
  return name.startsWith('docs/') && name.endsWith('.md') ? name.slice('docs/'.length) : undefined
}

function between(page, other) {
  const path = posix.relative(posix.dirname(page), other)
  return path.startsWith('.') ? path : `./${path}`
}

/** Changes what is not within a fence of code. */
function outsideFences(text, change) {
  return text
    .split(/^((?:```|~~~)[^]*?^(?:```|~~~)[ ]*$)/m)
    .map((part, at) => (at % 2 === 0 ? change(part) : part))
    .join('')
}

/** The first paragraph, for search engines and those who send a link to someone. */
function firstWords(text) {
  const paragraph = text.split(/\n{2,}/).find((part) => /^[A-Z*`[]/.test(part)) ?? ''
  const plain = paragraph
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[*`]|(?<!\w)_|_(?!\w)/g, '')
    .replaceAll(/\s+/g, ' ')
  return plain.length <= 160 ? plain : `${plain.slice(0, plain.lastIndexOf(' ', 157))} …`
}

function write(page, text) {
  const path = join(built('pages'), page)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}
