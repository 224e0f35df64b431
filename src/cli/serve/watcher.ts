import { statSync, watch, type FSWatcher } from 'node:fs'
import path from 'node:path'

/** Editors write a file in several steps, and several files at once. */
const QUIET_MS = 60

/** Tells when one of some files has changed, or come, or gone. */
export class Watcher {
  /** What each file was when it was last looked at. */
  private readonly files = new Map<string, string>()
  private readonly folders = new Map<string, FSWatcher>()
  private readonly changed: () => void
  private timer: NodeJS.Timeout | undefined

  constructor(changed: () => void) {
    this.changed = changed
  }

  /** What is installed is not watched: it does not change while one works. */
  add(file: string): void {
    if (this.files.has(file) || file.split(path.sep).includes('node_modules')) return
    this.files.set(file, look(file))
    // The folder, not the file: editors put another file in its place.
    this.watchFolder(path.dirname(file))
  }

  close(): void {
    clearTimeout(this.timer)
    for (const folder of this.folders.values()) folder.close()
  }

  private watchFolder(folder: string): void {
    if (this.folders.has(folder)) return
    try {
      const watcher = watch(folder, () => this.notice())
      watcher.on('error', () => this.folders.delete(folder))
      this.folders.set(folder, watcher)
    } catch {
      // It may come later, within one that is there.
      const parent = path.dirname(folder)
      if (parent !== folder) this.watchFolder(parent)
    }
  }

  private notice(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.compare(), QUIET_MS)
  }

  private compare(): void {
    let isChanged = false
    for (const [file, before] of this.files) {
      const now = look(file)
      if (now === before) continue
      isChanged = true
      this.files.set(file, now)
      this.watchFolder(path.dirname(file))
    }
    if (isChanged) this.changed()
  }
}

function look(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false })
  return found === undefined ? '' : `${found.mtimeMs} ${found.size} ${found.ino}`
}
