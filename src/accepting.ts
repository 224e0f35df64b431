import { coded, type CodedError } from './errors'
import type { Handler } from './handler'
import { handled } from './stream'

/**
 * Accepting by hand: who waits for a connection, and which handler the connections got that were waited for. A
 * connection's number is used again; its handler is kept until then, which is one for each number at most.
 */
export class Accepting {
  private readonly waiting: Waiting[] = []
  private readonly chains = new Map<number, { generation: number; chain: readonly Handler[] }>()

  /** Resolves when a connection has been accepted. `chain` answers its requests, or the server's own handler. */
  wait(chain: readonly Handler[] | null): Promise<void> {
    return handled(
      new Promise((resolve, reject) => {
        this.waiting.push({ chain, resolve, reject })
      }),
    )
  }

  /** Told by the core, before the first request of that connection: its number and generation. */
  accepted(text: string): void {
    const [connection = 0, generation = 0] = text.split(' ').map(Number)
    const first = this.waiting.shift()
    if (first === undefined || first.chain === null) this.chains.delete(connection)
    else this.chains.set(connection, { generation, chain: first.chain })
    first?.resolve()
  }

  /** The handlers that a connection was accepted for. */
  chainOf(connection: number, generation: number): readonly Handler[] | null {
    const found = this.chains.get(connection)
    return found === undefined || found.generation !== generation ? null : found.chain
  }

  /** No connection comes any more. */
  close(): void {
    const error = coded('ERR_SERVER_CLOSED', 'The server was closed before it accepted a connection.')
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}

interface Waiting {
  readonly chain: readonly Handler[] | null
  readonly resolve: () => void
  readonly reject: (error: CodedError) => void
}
