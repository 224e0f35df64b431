import { spawnSync } from 'node:child_process'

/** The file that could not be read is one of the last that were. */
const LAST = 8

/**
 * What the runtime says of the file among these that is no JavaScript, which an error caught in a thread does not: which
 * line it is. Null when it finds none.
 */
export function syntaxErrorOf(files: ReadonlySet<string>): string | null {
  if (process.versions['bun'] !== undefined || process.versions['deno'] !== undefined) return null
  for (const file of [...files].reverse().slice(0, LAST)) {
    const { status, stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8', timeout: 5000 })
    if (status === 1 && stderr.includes('SyntaxError')) return stderr.replace(/\n\s+at [^]*$/, '').trimEnd()
  }
  return null
}
