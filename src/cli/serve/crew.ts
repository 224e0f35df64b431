import type { ServerAddress } from '../../address'
import { Failure } from '../command'
import type { Running } from './alone'
import { checkFree } from './listen'
import type { Task } from './messages'
import type { Place } from './site'
import { Threads } from './threads'
import { Watcher } from './watcher'

/** What watching has to tell a person. */
export interface News {
  reloaded(): void
  failed(error: Failure): void
}

/** Threads cannot share a port where the system does not let several sockets listen on it. */
export const SHARES_PORTS = process.platform !== 'win32'

/** How long those from before are given to stop accepting before it is told that there are new ones. */
const HANDOVER_MS = 500

/** Serves in several threads, or in one that can be replaced. Resolves once they listen. */
export async function serveInThreads(task: Task, news: News): Promise<Running> {
  const { watch, threads } = task.settings
  if (threads > 1 && !SHARES_PORTS) throw new Failure('--threads wants a system where sockets can share a port.')
  if (watch) return new Watched(task, news).start()
  const crew = new Threads(task, () => undefined)
  try {
    const place = await crew.loaded()
    if ('path' in place && threads > 1) throw new Failure('--threads wants a port: a Unix domain socket is not shared.')
    await checkFree(place)
    const address = await crew.listen(place)
    return { address, failed: crew.failed, close: (grace) => crew.close(grace) }
  } catch (error) {
    await crew.end()
    throw error
  }
}

/** A module whose changes are loaded beside it, and take its place when they can. */
class Watched {
  private readonly task: Task
  private readonly news: News
  private readonly watcher = new Watcher(() => this.change())
  private serving: Threads | null = null
  private loading: Threads | null = null
  private readonly leaving = new Set<Threads>()
  private place: Place | null = null
  private wanted = false
  private isFirst = true
  private isStopping = false
  private hasFailed = false
  private listening!: (address: ServerAddress) => void
  private fail!: (error: unknown) => void

  constructor(task: Task, news: News) {
    this.task = task
    this.news = news
    this.watcher.add(task.target.path)
  }

  async start(): Promise<Running> {
    const failed = new Promise<never>((_resolve, reject) => {
      this.fail = (error) => {
        this.hasFailed = true
        reject(error)
      }
    })
    const first = new Promise<ServerAddress>((resolve) => {
      this.listening = resolve
    })
    this.change()
    const address = await Promise.race([first, failed])
    return { address, failed, close: (grace) => this.close(grace) }
  }

  private change(): void {
    if (this.isStopping) return
    this.wanted = true
    // What is being loaded is old already.
    if (this.loading === null) void this.load()
    else void this.loading.end()
  }

  private async load(): Promise<void> {
    while (this.wanted && !this.isStopping) {
      this.wanted = false
      const next = (this.loading = new Threads(this.task, (file) => this.watcher.add(file)))
      try {
        await this.replace(next)
      } catch (error) {
        await next.end()
        if (!this.wanted && !this.isStopping && !this.hasFailed) this.news.failed(error as Failure)
      }
      this.loading = null
    }
  }

  private async replace(next: Threads): Promise<void> {
    const place = await next.loaded()
    const before = this.serving
    let left: Promise<void> | null = null
    if (before !== null && !isShared(place)) await (left = this.leave(before))
    if (this.place === null) await this.begin(next, place)
    else await next.listen(this.place)
    this.serving = next
    next.failed.catch((error: Failure) => this.crashed(next, error))
    if (before !== null) {
      left ??= this.leave(before)
      await Promise.race([left, new Promise((resolve) => setTimeout(resolve, HANDOVER_MS).unref())])
    }
    if (this.isFirst) this.isFirst = false
    else this.news.reloaded()
  }

  /** No change of the module can help when the place cannot be had. */
  private async begin(threads: Threads, place: Place): Promise<void> {
    try {
      await checkFree(place)
      const address = await threads.listen(place)
      this.place = 'path' in place ? place : { host: place.host, port: address.port }
      this.listening(address)
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  /** Nobody serves until the next change. */
  private crashed(threads: Threads, error: Failure): void {
    if (this.serving !== threads || this.isStopping) return
    this.serving = null
    void threads.end()
    this.news.failed(error)
  }

  private async leave(threads: Threads): Promise<void> {
    this.leaving.add(threads)
    try {
      await threads.close(this.task.settings.grace)
    } catch (error) {
      await threads.end()
      if (!this.isStopping) this.news.failed(error as Failure)
    }
    this.leaving.delete(threads)
  }

  private async close(grace: number): Promise<void> {
    this.isStopping = true
    this.watcher.close()
    await this.loading?.end()
    await Promise.all([this.serving, ...this.leaving].map((threads) => threads?.close(grace)))
  }
}

/** Whether two sockets can listen there at once. */
function isShared(place: Place): boolean {
  return SHARES_PORTS && !('path' in place)
}
