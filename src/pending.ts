import type { Response } from './response'

const SLOT_BITS = 24
const SLOT_MASK = (1 << SLOT_BITS) - 1

/**
 * The exchanges that go on after their handler has returned, by connection. A connection is `I/O thread << 24 | slot`,
 * and slots are used again, so this is a list of lists indexed by small numbers: about ten times as fast as a Map keyed
 * by a number above 2^31.
 */
export class PendingExchanges {
  private readonly threads: Array<Array<Response | null>> = []
  size = 0

  add(response: Response): void {
    const slots = this.slots(response._connection)
    const slot = response._connection & SLOT_MASK
    // Filled up without holes, or V8 would turn a list whose first entry is far out into a dictionary.
    while (slots.length <= slot) slots.push(null)
    response._next = slots[slot]!
    slots[slot] = response
    this.size++
  }

  find(connection: number, generation: number, sequence: number): Response | null {
    const slots = this.threads[connection >>> SLOT_BITS]
    if (slots === undefined) return null
    let response = slots[connection & SLOT_MASK] ?? null
    while (response !== null && (response._sequence !== sequence || response._generation !== generation)) {
      response = response._next
    }
    return response
  }

  remove(response: Response): void {
    const slots = this.slots(response._connection)
    const slot = response._connection & SLOT_MASK
    let at = slots[slot] ?? null
    if (at === response) {
      slots[slot] = response._next
    } else {
      while (at !== null && at._next !== response) at = at._next
      if (at === null) return
      at._next = response._next
    }
    response._next = null
    this.size--
  }

  /** Calls back for each; the callback may remove the one it is given. */
  forEach(callback: (response: Response) => void): void {
    for (const slots of this.threads) {
      if (slots === undefined) continue
      for (const head of slots) {
        for (let response = head; response !== null;) {
          const next: Response | null = response._next
          callback(response)
          response = next
        }
      }
    }
  }

  private slots(connection: number): Array<Response | null> {
    const thread = connection >>> SLOT_BITS
    while (this.threads.length <= thread) this.threads.push([])
    return this.threads[thread]!
  }
}
