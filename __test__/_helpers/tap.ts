import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'

/** What is done to bytes before they are sent; each piece is sent in a packet of its own. */
export type Rewrite = (bytes: Buffer, index: number, tcp: Socket) => readonly Buffer[]

/**
 * Stands between TLS and TCP. Node.js crashes when the connection beneath a client of TLS is reset; with this between
 * them it is only told.
 */
export class Tap extends Duplex {
  private readonly tcp: Socket
  private readonly rewrite: Rewrite
  private writes = 0

  constructor(tcp: Socket, rewrite: Rewrite = (bytes) => [bytes]) {
    super()
    this.tcp = tcp
    this.rewrite = rewrite
    tcp.on('data', (bytes) => {
      if (!this.push(bytes)) tcp.pause()
    })
    tcp.on('end', () => this.push(null))
    // What cannot be said any more behind the other's end is no error.
    tcp.on('error', (error) => this.destroy(tcp.readableEnded ? undefined : error))
    tcp.on('close', () => this.destroy())
  }

  override _read(): void {
    this.tcp.resume()
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const pieces = this.rewrite(bytes, this.writes++, this.tcp)
    if (pieces.length === 1) this.tcp.write(pieces[0], done)
    else void this.send(pieces).then(() => done(), done)
  }

  override _final(done: () => void): void {
    this.tcp.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.tcp.destroy()
    done(error)
  }

  private async send(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.tcp.writable) return
      this.tcp.write(piece)
      await turn()
    }
  }
}
