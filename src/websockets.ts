import type { ServerWebSocket } from './websocket'

const SLOT_BITS = 24
const SLOT_MASK = (1 << SLOT_BITS) - 1

/**
 * The open WebSockets by connection: a list of lists indexed by I/O thread and slot, for the reason told in
 * `pending.ts`. A connection is one WebSocket at most, and its last record comes before the slot is used again.
 */
export class WebSockets {
  private readonly threads: Array<Array<ServerWebSocket<unknown> | null>> = []

  add(socket: ServerWebSocket<unknown>): void {
    const thread = socket._connection >>> SLOT_BITS
    while (this.threads.length <= thread) this.threads.push([])
    const slots = this.threads[thread]!
    const slot = socket._connection & SLOT_MASK
    // Filled up without holes, or V8 would turn a list whose first entry is far out into a dictionary.
    while (slots.length <= slot) slots.push(null)
    slots[slot] = socket
  }

  find(connection: number, generation: number): ServerWebSocket<unknown> | null {
    const slots = this.threads[connection >>> SLOT_BITS]
    if (slots === undefined) return null
    const socket = slots[connection & SLOT_MASK] ?? null
    return socket !== null && socket._generation === generation ? socket : null
  }

  remove(socket: ServerWebSocket<unknown>): void {
    const slots = this.threads[socket._connection >>> SLOT_BITS]
    if (slots?.[socket._connection & SLOT_MASK] !== socket) return
    slots[socket._connection & SLOT_MASK] = null
  }
}
