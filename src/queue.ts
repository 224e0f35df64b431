/**
 * What waits, first come first served. Taking the first costs the same however many wait, which `Array.prototype.shift`
 * does not: V8 moves all of a large array, and a client that has some hundred thousand messages wait would stop the thread
 * for minutes.
 */
export class Queue<T> {
  private first: Link<T> | null = null
  private last: Link<T> | null = null
  private count = 0

  get length(): number {
    return this.count
  }

  push(value: T): void {
    const link = { value, next: null }
    if (this.last === null) this.first = link
    else this.last.next = link
    this.last = link
    this.count++
  }

  /** The first, which stays; undefined when nothing waits. */
  peek(): T | undefined {
    return this.first?.value
  }

  shift(): T | undefined {
    const link = this.first
    if (link === null) return undefined
    this.first = link.next
    if (this.first === null) this.last = null
    this.count--
    return link.value
  }
}

interface Link<T> {
  readonly value: T
  next: Link<T> | null
}
