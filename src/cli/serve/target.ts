import { readdirSync, statSync, type Stats } from 'node:fs'
import path from 'node:path'
import { UsageError } from '../command'
import { nearest } from '../nearest'

/** What is to be served. */
export interface Target {
  readonly kind: 'folder' | 'module'
  /** As it was given. */
  readonly name: string
  /** Its absolute path. */
  readonly path: string
}

/** The command line names nothing that is there. */
export class NoTarget extends UsageError {}

/**
 * Finds out what a word of the command line stands for.
 *
 * @param commands what else the word could have been meant to be
 */
export function targetOf(word: string, commands: readonly string[]): Target {
  const place = path.resolve(word)
  const found = look(place)
  if (found === null) throw new NoTarget(nothing(word, place, commands))
  if (found.isDirectory()) return { kind: 'folder', name: word, path: place }
  if (!found.isFile()) throw new UsageError(`${JSON.stringify(word)} is neither a file nor a folder.`)
  if (MODULE.test(word)) return { kind: 'module', name: word, path: place }
  throw new UsageError(
    `${JSON.stringify(word)} is no module (.js, .mjs, .cjs, .ts, .mts, .cts). To serve it as a file, give its folder: ` +
      `${JSON.stringify(path.dirname(word))}.`,
  )
}

function look(place: string): Stats | null {
  try {
    return statSync(place)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw new UsageError(`${message}.`)
  }
}

function nothing(word: string, place: string, commands: readonly string[]): string {
  const isWord = /^[\w-]+$/.test(word)
  const what = isWord ? 'file or folder, and no command,' : 'file or folder'
  const near = nearest(word, [...(isWord ? commands : []), ...neighbours(word, place)])
  return `There is no ${what} ${JSON.stringify(word)}.${near === null ? '' : ` Did you mean ${near}?`}`
}

/** What could be served beside a place, as it would be named there. */
function neighbours(word: string, place: string): string[] {
  const folder = word.slice(0, word.length - path.basename(word).length)
  try {
    return readdirSync(path.dirname(place), { withFileTypes: true })
      .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || MODULE.test(entry.name)))
      .map(({ name }) => folder + name)
  } catch {
    return []
  }
}

const MODULE = /\.[cm]?[jt]sx?$/i
