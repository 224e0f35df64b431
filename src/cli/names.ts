import { isIP } from 'node:net'
import { UsageError } from './command'

/**
 * The names of a command line, each once: case does not tell them apart (RFC 4343). Throws {@link UsageError} for what a
 * certificate could be made for but no client would find in it, and for what has more to it than a name.
 */
export function namesOf(words: readonly string[]): readonly string[] {
  for (const word of words) {
    const problem = problemOf(word)
    if (problem !== null) throw new UsageError(`${JSON.stringify(word)} is no name: ${problem}.`)
  }
  return [...new Map([...words].reverse().map((word) => [word.toLowerCase(), word])).values()].reverse()
}

function problemOf(word: string): string | null {
  if (word.includes('/')) return 'leave out https:// and the path'
  if (/^\[.*\]$/.test(word)) return 'leave out the brackets'
  if (/^\[.*\]:\d*$/.test(word)) return 'leave out the brackets and the port'
  if (/^[^:]+:\d*$/.test(word)) return 'leave out the port'
  // Clients ask without it, and compare without it (RFC 6066 3).
  if (word.endsWith('.')) return 'leave out the dot at its end'
  // What ends in a number is an address for browsers, never a name (WHATWG URL, "ends in a number").
  if (isIP(word) === 0 && /(?:^|\.)(?:\d+|0x[\da-f]*)$/i.test(word))
    return 'it ends in a number, but it is no IP address'
  return null
}
