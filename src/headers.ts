/** The needles of names asked for, so that a name costs its lower-casing once. */
const needles = new Map<string, string>()
const NEEDLES = 256

const NAME_LOWER = 0x61 // a
const NAME_CAPITALISED = 0x41 // A

/**
 * The headers (or trailers) of a request: a view that looks a name up in the received text when asked, and makes no
 * object per header. Stays valid for as long as you hold it. Iterates over `[name, value]` with lower-case names, one
 * entry per received line.
 */
export class Headers {
  private readonly block: string

  /** @internal */
  constructor(block: string) {
    this.block = block
  }

  /**
   * The value of a header, or null when it is missing. Repeated lines are joined by `', '`, those of `cookie` by `'; '`
   * (RFC 9110 5.3, RFC 6265 5.4). The name is looked up without regard to case.
   */
  get(name: string): string | null {
    const needle = needles.get(name) ?? needleFor(name)
    const block = this.block
    const at = block.indexOf(needle)
    if (at < 0) return null
    const value = valueAt(block, at + needle.length, needle.length)
    const next = block.indexOf(needle, at + needle.length)
    return next < 0 ? value : joined(block, needle, value, next)
  }

  /** Whether a header was received, in any case of letters. */
  has(name: string): boolean {
    return this.block.includes(needles.get(name) ?? needleFor(name))
  }

  /** Every value of a header, one per received line, in order. */
  getAll(name: string): string[] {
    const needle = needles.get(name) ?? needleFor(name)
    const values: string[] = []
    for (let at = this.block.indexOf(needle); at >= 0; at = this.block.indexOf(needle, at + needle.length)) {
      values.push(valueAt(this.block, at + needle.length, needle.length))
    }
    return values
  }

  /** The values of `set-cookie`, which must never be joined. The Fetch standard's name; requests seldom carry it. */
  getSetCookie(): string[] {
    return this.getAll('set-cookie')
  }

  /** Every line as `[name, value]`, in order, names spelt as the client sent them. */
  get raw(): Array<[string, string]> {
    const lines: Array<[string, string]> = []
    scan(this.block, (lower, original, value) => void lines.push([originalName(lower, original), value]))
    return lines
  }

  /** Every line as `[name, value]`, in order, with lower-case names. */
  entries(): IterableIterator<[string, string]> {
    const lines: Array<[string, string]> = []
    scan(this.block, (lower, _original, value) => void lines.push([lower, value]))
    return lines.values()
  }

  /** The lower-case names, each once, in the order of their first lines. */
  keys(): IterableIterator<string> {
    const names = new Set<string>()
    scan(this.block, (lower) => void names.add(lower))
    return names.values()
  }

  /** The values of all lines, in order. */
  values(): IterableIterator<string> {
    const values: string[] = []
    scan(this.block, (_lower, _original, value) => void values.push(value))
    return values.values()
  }

  /** Calls `callback(value, name, headers)` for each line, in the Fetch standard's order of arguments. */
  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) callback(value, name, this)
  }

  /** As {@link entries}. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }

  /**
   * For logs and `JSON.stringify`: an object (without a prototype) of lower-case names, repeated lines joined as by
   * {@link get}.
   */
  toJSON(): Record<string, string> {
    const result = Object.create(null) as Record<string, string>
    for (const name of this.keys()) result[name] = this.get(name) ?? ''
    return result
  }
}

/** Headers and trailers that are not there. */
export const NO_HEADERS = new Headers('')

function needleFor(name: string): string {
  const needle = `\n${String(name).toLowerCase()}:`
  // A program asks for few names; one that asks for names it was sent must not grow the table for ever.
  if (needles.size >= NEEDLES) needles.clear()
  needles.set(name, needle)
  return needle
}

/** The value whose spelling mark stands at `at`; `needleLength` is that of `\nname:`. */
function valueAt(block: string, at: number, needleLength: number): string {
  const mark = block.charCodeAt(at)
  const start = mark === NAME_LOWER || mark === NAME_CAPITALISED ? at + 1 : at + needleLength
  const end = block.indexOf('\n', start)
  return end < 0 ? block.substring(start) : block.substring(start, end)
}

function joined(block: string, needle: string, first: string, next: number): string {
  const separator = needle === '\ncookie:' ? '; ' : ', '
  let result = first
  for (let at = next; at >= 0; at = block.indexOf(needle, at + needle.length)) {
    result += separator + valueAt(block, at + needle.length, needle.length)
  }
  return result
}

/** Calls back for each line with the lower-case name, its spelling (a mark or the received name) and the value. */
function scan(block: string, line: (lower: string, original: string, value: string) => void): void {
  let at = 0
  while (at < block.length) {
    const colon = block.indexOf(':', at)
    let end = block.indexOf('\n', colon)
    if (end < 0) end = block.length
    const lower = block.substring(at + 1, colon)
    const mark = block.charAt(colon + 1)
    // The received name takes its length and one colon more.
    const start = mark === '=' ? colon + lower.length + 3 : colon + 2
    line(lower, mark === '=' ? block.substring(colon + 2, start - 1) : mark, block.substring(start, end))
    at = end
  }
}

function originalName(lower: string, original: string): string {
  if (original === 'a') return lower
  if (original === 'A') return lower.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase())
  return original
}
