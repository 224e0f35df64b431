// What TypeDoc has written, fitted into the site; and the sidebar, with it in its place.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { groups } from '../../site/navigation.mjs'
import { filesBelow, root } from '../_shared.mjs'
import { built } from './places.mjs'

const FOLDER = 'reference'

/** The entries of the package, by the folder that TypeDoc gives them. */
const modules = { millrace: 'millrace', ws: 'millrace/ws' }

/** Names the pages as their addresses are to be, and links what comments say of other pages; gives their paths. */
export function finishReference() {
  const paths = filesBelow(posix.relative(root, built(join('pages', FOLDER))))
  return paths.map((path) => {
    const page = posix.relative(built('pages'), path)
    const text = readFileSync(path, 'utf8')
      .replaceAll(/(\]\([^)\s]*?)README\.md/g, '$1index.md')
      // What a class or interface is called has no place for what it can be made with.
      .replace(/^(# \w+)\\<.*$/m, '$1')
      // A comment of the source names a page by where it is in the repository.
      .replaceAll(/`?\bdocs\/([\w/-]+\.md)(#\w+)?`?/g, (_, target, fragment = '') => {
        return `[${target.replace('.md', '')}](${posix.relative(posix.dirname(page), target)}${fragment})`
      })
    const name = path.replace('README.md', 'index.md')
    renameSync(path, name)
    const module = /^reference\/(\w+)\/README\.md$/.exec(page)?.[1]
    if (page === `${FOLDER}/README.md`) writeFileSync(name, overview())
    else writeFileSync(name, module === undefined ? text : constantsAndTypes(module, text))
    return page.replace('README.md', 'index.md')
  })
}

/** What has a page of its own is in the sidebar and in the overview. */
function constantsAndTypes(module, text) {
  return text
    .replace(/^# \w+$/m, `# Constants and types of ${modules[module]}`)
    .replaceAll(/^## (?:Classes|Interfaces|Functions)\n[^]*?(?=^## |(?![^]))/gm, '')
    .replace('## Type Aliases', '## Types')
    .replace('## Variables', '## Constants')
}

function overview() {
  const lists = readModules().map(({ title, path, children }) => {
    const kinds = children.map(({ title, children }) => {
      const links = children.map(({ title, path }) => `[${title}](${path})`)
      return `- **${title}**: ${links.join(', ')}`
    })
    return `## ${modules[title]}\n\n${kinds.join('\n')}\n- [Constants and types](${path})`
  })
  return `# Reference\n\nEvery public class, function and option, as it is described where it is declared. What the package exports:
\n${lists.join('\n\n')}\n`
}

/** Writes the sidebar; gives the pages that are listed and not there, or there and not listed. */
export function writeSidebar(pages) {
  const listed = groups.flatMap(({ pages }) => pages.map(([page]) => page))
  const home = ['index.md']
  const missing = listed.filter((page) => !pages.includes(page))
  const unlisted = pages.filter((page) => ![...listed, ...home].includes(page) && !page.startsWith(`${FOLDER}/`))

  const reference = readModules().map(moduleGroup)
  const guides = groups.map(({ title, pages }) => ({
    text: title,
    items: pages.filter(([page]) => !missing.includes(page)).map(([page, text]) => ({ text, link: addressOf(page) })),
  }))
  const back = { text: 'Reference', items: guides.find(({ text }) => text === 'Reference').items }
  writeFileSync(built('sidebar.json'), JSON.stringify({ [`/${FOLDER}/`]: [back, ...reference], '/': guides }))
  return [
    ...missing.map((page) => `site/navigation.mjs lists ${page}, which is not there`),
    ...unlisted.map((page) => `site/navigation.mjs does not list ${page}`),
  ]
}

function moduleGroup({ title, path, children }) {
  return {
    text: modules[title],
    items: [{ text: 'Constants and types', link: addressOf(`${FOLDER}/${path}`) }, ...children.map(kindGroup)],
  }
}

function readModules() {
  return JSON.parse(readFileSync(built('reference.json'), 'utf8').replaceAll('README.md', 'index.md'))
}

function kindGroup({ title, children }) {
  return {
    text: title,
    collapsed: title !== 'Classes',
    items: children.map(({ title, path }) => ({ text: title, link: addressOf(`${FOLDER}/${path}`) })),
  }
}

function addressOf(page) {
  return `/${page.replace(/index\.md$/, '').replace(/\.md$/, '')}`
}
