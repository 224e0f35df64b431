import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

// The code in the documentation, by the words behind its fences:
//
//   js                a program, which a test runs
//   js fragment       a part of one, which has a `server` from before and listens afterwards: run as well
//   js other-server   what one would write for somebody else's server: its syntax is checked
//   ts, ts fragment   checked against the types of the package

export interface Block {
  readonly page: string
  /** The line of the page on which the code begins, from 1. */
  readonly line: number
  readonly kind: 'program' | 'fragment' | 'other-server' | 'typescript'
  readonly isFragment: boolean
  readonly source: string
}

/** The root of the repository. */
export const HOME = path.dirname(require.resolve('millrace/package.json'))

/** Every page, by its path from the root of the repository. */
export const PAGES: readonly string[] = [
  'README.md',
  ...readdirSync(path.join(HOME, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll(path.sep, '/')}`)
    .sort(),
]

export function blocksOf(page: string): Block[] {
  const text = readFileSync(path.join(HOME, page), 'utf8')
  return [...text.matchAll(/^([ \t]*)(```+)(\w*)([^\n]*)\n(.*?)^[ \t]*\2$/gms)].flatMap((match) => {
    const [, indent, , language, words, body] = match
    if (/^(?:mjs|cjs|jsx?|tsx?|mts|cts|javascript|typescript)$/.test(language) === false) return []
    const line = text.slice(0, match.index).split('\n').length + 1
    const kind = KINDS[`${language}${words.trimEnd()}`]
    if (kind === undefined) throw new Error(`${page}:${line - 1}: nobody runs \`\`\`${language}${words}`)
    const source = indent === '' ? body : body.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    return [{ page, line, kind, isFragment: words.trim() === 'fragment', source }]
  })
}

/** What the page calls the file: `// app.mjs` as its first line. */
export function nameOf({ source }: Block): string | undefined {
  return /^\/\/ ([\w.-]+\.m?[jt]s)\n/.exec(source)?.[1]
}

/** The whole program of a fragment. */
export function complete({ source, isFragment }: Block): string {
  return isFragment ? `${beforeFragment(source)}${source}${AFTER_FRAGMENT}` : source
}

/** What a fragment has from the program it is a part of, in one line. */
export function beforeFragment(source: string): string {
  const server = /^(?:const|let) server\b/m.test(source) ? '' : '; const server = createServer()'
  return `import { createServer } from 'millrace'${server}\n`
}

export const AFTER_FRAGMENT = "console.log((await server.listen({ host: '127.0.0.1', port: 3000 })).url)\n"

const KINDS: Readonly<Record<string, Block['kind']>> = {
  js: 'program',
  'js fragment': 'fragment',
  'js other-server': 'other-server',
  ts: 'typescript',
  'ts fragment': 'typescript',
}
