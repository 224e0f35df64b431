import { statSync, watch, type BigIntStats, type FSWatcher } from 'node:fs'
import { lstat, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import { coded, messageOf, type CodedError } from '../errors'

/** Milliseconds that a watch takes for things. */
const TIMES = {
  /** How long files have to look the same before they are read: who copies a pair writes one after the other. */
  settle: 200,
  /** After it files that could not be used are tried once more, before anybody is told. */
  retry: 1000,
  /** How often files are looked at where the system tells of changes: it does not for network file systems. */
  watched: 60_000,
  /** And where it does not, or something is not there. */
  polled: 5000,
}

/** Symbolic links followed on the way to a file, as Linux does. */
const MOST_LINKS = 40

/**
 * Reads files again when they change: when they are written, replaced by a rename, or when a symbolic link on the way to
 * them leads elsewhere, as certbot and the secrets of Kubernetes have it. Keeps no process alive.
 *
 * What is watched are folders, because a file that is replaced takes its watch along; and what counts is not what the
 * system says of them but how the files look then, so that an event too many costs a few calls of `stat` and one too few
 * a minute.
 */
export class FileWatch {
  private files: readonly string[]
  private readonly reload: () => Promise<unknown>
  private readonly failed: (error: CodedError) => void
  private readonly times: typeof TIMES
  /** How the files looked when they were last read, or tried to. */
  private tried: string
  /** How they looked last. */
  private seen = ''
  private failures = 0
  private retryAt = 0
  private busy = false
  private again = false
  private closed = false
  private timer: NodeJS.Timeout | null = null
  private due = 0
  private readonly folders = new Map<string, Folder>()

  /**
   * Notes how the files look before this returns, so that what changes while they are first read is seen.
   *
   * @param files absolute paths
   * @param reload reads all of them again; called one at a time. It rejects when what it finds cannot be used.
   * @param failed told of that, when a second try does no better
   */
  constructor(
    files: readonly string[],
    reload: () => Promise<unknown>,
    failed: (error: CodedError) => void,
    times = TIMES,
  ) {
    this.files = files
    this.reload = reload
    this.failed = failed
    this.times = times
    this.tried = looksNow(files)
    void this.follow()
  }

  /** Watches other files instead, which are about to be read, or have been just now. */
  replace(files: readonly string[]): void {
    this.files = files
    this.tried = looksNow(files)
    this.failures = 0
    void this.follow()
  }

  close(): void {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    for (const { watcher } of this.folders.values()) watcher.close()
    this.folders.clear()
  }

  /** Looks after so many milliseconds at the latest: a folder in which much goes on must not put it off for ever. */
  private soon(delay: number): void {
    const due = performance.now() + delay
    if (this.closed || (this.timer !== null && this.due <= due)) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.due = due
    this.timer = setTimeout(() => void this.look(), delay).unref()
  }

  /** Something may have changed. Never rejects. */
  private async look(): Promise<void> {
    this.timer = null
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    this.again = false
    const files = this.files
    const now = await looks(files)
    if (!this.closed && files === this.files) await this.compare(now)
    this.busy = false
    if (this.again) this.soon(this.times.settle)
    await this.follow()
  }

  private async compare(now: string): Promise<void> {
    const isSettled = now === this.seen
    this.seen = now
    if (now === this.tried) {
      if (this.failures === 1 && performance.now() >= this.retryAt) await this.read()
    } else if (isSettled) {
      this.tried = now
      this.failures = 0
      await this.read()
    } else {
      this.soon(this.times.settle)
    }
  }

  private async read(): Promise<void> {
    const files = this.files
    try {
      await this.reload()
      this.failures = 0
    } catch (error) {
      if (this.closed || files !== this.files) return
      if (++this.failures === 1) {
        this.retryAt = performance.now() + this.times.retry
        return
      }
      const text = `The certificates from before stay in use: ${messageOf(error)}`
      this.failed(coded('ERR_TLS_RELOAD', text, error))
    }
  }

  /** Watches the folders in which a change can lead to other files, and sees to it that there is a next look. */
  private async follow(): Promise<void> {
    const files = this.files
    const ways = await Promise.all(files.map(foldersOf))
    const wanted = new Map<string, string>()
    for (const folder of ways.flatMap(({ folders }) => folders)) wanted.set(folder, await identityOf(folder))
    if (this.closed || files !== this.files) return
    for (const [folder, { id }] of this.folders) if (wanted.get(folder) !== id) this.leave(folder)
    for (const [folder, id] of wanted) this.enter(folder, id)
    const isWatched = ways.every(({ complete }) => complete) && [...wanted.keys()].every((one) => this.folders.has(one))
    this.soon(isWatched ? this.times.watched : this.times.polled)
    if (this.failures === 1) this.soon(Math.max(0, this.retryAt - performance.now()))
  }

  private enter(folder: string, id: string): void {
    if (this.folders.has(folder)) return
    try {
      const watcher = watch(folder, { persistent: false }, () => this.soon(this.times.settle))
      this.folders.set(folder, { watcher, id })
      watcher.on('error', () => this.leave(folder))
      // Something may have changed before.
      this.soon(this.times.settle)
    } catch {
      // No watches left, none on such a file system, or the folder has gone: then it is looked at now and then.
    }
  }

  private leave(folder: string): void {
    this.folders.get(folder)?.watcher.close()
    this.folders.delete(folder)
  }
}

/** A folder the system watches, and which it is: another one may come in its place. */
interface Folder {
  readonly watcher: FSWatcher
  readonly id: string
}

/** How files look, as text to compare. */
async function looks(files: readonly string[]): Promise<string> {
  const all = await Promise.all(files.map((file) => stat(file, { bigint: true }).then(look, () => MISSING)))
  return all.join()
}

function looksNow(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        return look(statSync(file, { bigint: true }))
      } catch {
        return MISSING
      }
    })
    .join()
}

const MISSING = '-'

function look({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}

/** Which folder this is. */
function identityOf(folder: string): Promise<string> {
  return stat(folder, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => MISSING,
  )
}

/**
 * The folders of a file and of all symbolic links on the way to it, these links' targets included. Not complete when
 * something is not there.
 */
async function foldersOf(file: string): Promise<{ folders: string[]; complete: boolean }> {
  const folders: string[] = []
  const left = partsOf(file)
  let at = path.parse(file).root
  for (let links = 0; left.length > 0;) {
    const next = path.join(at, left.shift()!)
    try {
      const found = await lstat(next)
      if (found.isSymbolicLink()) {
        if (++links > MOST_LINKS) return { folders, complete: false }
        folders.push(at)
        const target = path.resolve(at, await readlink(next))
        left.unshift(...partsOf(target))
        at = path.parse(target).root
      } else if (left.length === 0) {
        folders.push(at)
      } else {
        at = next
      }
    } catch {
      // The nearest folder that is there tells when the next one comes.
      return { folders: [...folders, at], complete: false }
    }
  }
  return { folders: [...new Set(folders)], complete: true }
}

function partsOf(file: string): string[] {
  return file.slice(path.parse(file).root.length).split(path.sep).filter(Boolean)
}
