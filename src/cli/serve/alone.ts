import type { ServerAddress } from '../../address'
import { listen } from './listen'
import type { Settings } from './settings'
import { siteOf, type Shared } from './site'
import type { Target } from './target'

/** What serves, as far as the command has to know. */
export interface Running {
  readonly address: ServerAddress
  /** Never resolves; rejects when it has ended by itself. */
  readonly failed: Promise<never>
  /** Lets requests finish for so many milliseconds, and tidies up. */
  close(grace: number): Promise<void>
}

/** Serves in this thread. */
export async function serveAlone(target: Target, settings: Settings, shared: Shared): Promise<Running> {
  const { server, place, close } = await siteOf(target, settings, shared)
  const address = await listen(server, place)
  return {
    address,
    failed: new Promise<never>(() => undefined),
    close,
  }
}
