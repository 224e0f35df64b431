import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import type { ExecutionContext } from 'ava'

const manifest = require('millrace/package.json') as { version: string; bin: { millrace: string } }
export const { version } = manifest
export const command = path.join(path.dirname(require.resolve('millrace/package.json')), manifest.bin.millrace)

/** What a stream has said so far, and what it says next. */
export class Said {
  text = ''
  private at = 0
  private readonly stream: Readable

  constructor(stream: Readable) {
    this.stream = stream.setEncoding('utf8').on('data', (text: string) => void (this.text += text))
  }

  /** Waits for something to be said after what was waited for before. */
  async next(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.text.slice(this.at))
      if (found !== null) {
        this.at += found.index + found[0].length
        return found
      }
      if (this.stream.closed) throw new Error(`${String(pattern)} was not said, but ${JSON.stringify(this.text)}`)
      await Promise.race([once(this.stream, 'data'), once(this.stream, 'close')])
    }
  }
}

export class Millrace {
  readonly child: ChildProcess
  readonly out: Said
  readonly errors: Said
  readonly ended: Promise<number | string | null>

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const { PORT, HOST, FORCE_COLOR, NO_COLOR, ...inherited } = process.env
    void [PORT, HOST, FORCE_COLOR, NO_COLOR]
    this.child = spawn(process.execPath, [command, ...args], { cwd, env: { ...inherited, ...env } })
    this.out = new Said(this.child.stdout!)
    this.errors = new Said(this.child.stderr!)
    this.ended = once(this.child, 'close').then(([code, signal]) => (signal ?? code) as number | string)
  }

  /** The URL it says it listens on. */
  async url(): Promise<string> {
    const ended = this.ended.then((code) => {
      throw new Error(`it ended with ${code}: ${this.errors.text}`)
    })
    return (await Promise.race([this.out.next(/^millrace is listening on (\S+)\n/m), ended]))[1]!
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string | null> {
    this.child.kill(signal)
    return this.ended
  }
}

/** Starts the command in a folder with these files, and sees to its end. */
export async function start(
  t: ExecutionContext,
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Millrace & { folder: string }> {
  const folder = await folderOf(t, files)
  const millrace = new Millrace(args, folder, env)
  t.teardown(async () => {
    millrace.child.kill('SIGKILL')
    await millrace.ended
  })
  return Object.assign(millrace, { folder })
}

export async function folderOf(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'millrace serves ')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), text)
  }
  return folder
}

export async function textOf(url: string, init?: RequestInit): Promise<string> {
  return (await fetch(url, { ...init, headers: { connection: 'close', ...init?.headers } })).text()
}
