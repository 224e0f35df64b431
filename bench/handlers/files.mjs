// The directory that the servers of the file scenarios serve, and its two files.

import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const FILES = new URL('../target/files/', import.meta.url).pathname

/** Seconds since 1970; the same for every run, so that it can be asked for and compared. */
export const MODIFIED = 1_700_000_000

export const fileNames = { '10k': '10k.bin', '10m': '10m.bin' }
const sizes = { '10k.bin': 10 * 1024, '10m.bin': 10 * 1024 * 1024 }

/** The bytes of a file, by its name. */
export function contentOf(name) {
  const content = Buffer.alloc(sizes[name])
  // A period that no block size divides: a block out of place is a wrong answer.
  for (let at = 0; at < content.length; at++) content[at] = (at * 31) % 251
  return content
}

/** Writes what is missing of the directory. */
export function writeFiles() {
  mkdirSync(FILES, { recursive: true })
  for (const [name, size] of Object.entries(sizes)) {
    const path = join(FILES, name)
    if (statSync(path, { throwIfNoEntry: false })?.size !== size) writeFileSync(path, contentOf(name))
    utimesSync(path, MODIFIED, MODIFIED)
  }
}
