import type { HeadForms } from './coding'
import { fieldOf, specialOf, type Field } from './fields'

/** Ways from one head to the next that are remembered. */
const WAYS = 8
/**
 * Heads remembered before all are forgotten: a program has a few dozen, a generator of names must not fill the memory.
 */
const MOST_HEADS = 1024
/** Longer values are seldom seen twice. */
const LONGEST_VALUE = 256

/**
 * The headers of a response, made ready for the wire once and shared by all responses that set the same headers in the
 * same order: `setHeader` then is two comparisons, and the whole block is copied word by word. Works like V8's hidden
 * classes: each head knows the heads that one more header leads to.
 *
 * A header whose value is always new leads nowhere: a way is remembered only when it is taken twice in a row.
 */
export class Head {
  readonly fields: readonly Field[]
  readonly special: number
  /** Bytes of the block. */
  readonly length: number
  /** The block, padded to whole words. */
  readonly words: Int32Array
  /** The head as it is where answers may be compressed, once that has been asked. */
  forms: HeadForms | null
  private ways: Array<Way | null> | null
  /** The head that the way to this one began at. */
  private readonly root: Head
  /** Of a root: heads that ways lead to from it. */
  private heads: number

  constructor(fields: readonly Field[], root: Head | null = null) {
    const block = Buffer.from(fields.map((field) => (field.written ? field.line : '')).join(''), 'latin1')
    const words = new Int32Array((block.length + 3) >>> 2)
    new Uint8Array(words.buffer).set(block)
    this.fields = fields
    this.special = specialOf(fields)
    this.length = block.length
    this.words = words
    this.forms = null
    this.ways = null
    this.root = root ?? this
    this.heads = 0
  }

  /** The head with a header set, or null when that way has not been taken before. */
  next(name: string, value: string): Head | null {
    const ways = this.ways
    if (ways === null) return null
    const way = ways[slot(name, value)]!
    return way !== null && way.name === name && way.value === value ? way.head : null
  }

  /** Remembers that a header has been set here. */
  taken(name: string, value: string): void {
    if (value.length > LONGEST_VALUE) return
    const ways = (this.ways ??= Array.from({ length: WAYS }, () => null))
    const at = slot(name, value)
    const way = ways[at]!
    if (way === null || way.candidate !== value || way.candidateName !== name) {
      if (way === null) ways[at] = new Way(name, value)
      else way.consider(name, value)
      return
    }
    const root = this.root
    if (++root.heads > MOST_HEADS) {
      root.heads = 0
      root.ways = null
      return
    }
    way.lead(new Head(withField(this.fields, fieldOf(name, value)), root))
  }
}

/** A remembered way to another head, and the one that may take its place. */
class Way {
  name: string
  value: string
  head: Head | null
  candidateName: string
  candidate: string

  constructor(name: string, value: string) {
    this.name = ''
    this.value = ''
    this.head = null
    this.candidateName = name
    this.candidate = value
  }

  consider(name: string, value: string): void {
    this.candidateName = name
    this.candidate = value
  }

  lead(head: Head): void {
    this.name = this.candidateName
    this.value = this.candidate
    this.head = head
  }
}

function slot(name: string, value: string): number {
  return (name.length * 3 + value.length) & (WAYS - 1)
}

/** The fields with one set: in the place of the first of that name, or at the end. */
export function withField(fields: readonly Field[], field: Field): Field[] {
  return withFields(fields, field.lower, [field])
}

/** The fields with those of a name replaced by others. */
export function withFields(fields: readonly Field[], lower: string, replacements: readonly Field[]): Field[] {
  const result: Field[] = []
  let placed = false
  for (const field of fields) {
    if (field.lower !== lower) {
      result.push(field)
    } else if (!placed) {
      result.push(...replacements)
      placed = true
    }
  }
  if (!placed) result.push(...replacements)
  return result
}

/** Where every response begins, unless a handler that has declined left it fields. */
export const NO_FIELDS = new Head([])
