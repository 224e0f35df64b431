import { access } from 'node:fs/promises'
import path from 'node:path'
import { UsageError, type Command, type Failure, type Given } from './command'
import { serveAlone, type Running } from './serve/alone'
import { painter, wantsColours } from './serve/colours'
import { serveInThreads, SHARES_PORTS } from './serve/crew'
import { HELP } from './serve/help'
import { OPTIONS, settingsOf, type Settings } from './serve/settings'
import { tlsOf, type Shared } from './serve/site'
import { firstSignal } from './serve/stop'
import { line, summary, type Summary } from './serve/summary'
import { targetOf, type Target } from './serve/target'
import { Ended } from './serve/threads'
import { version } from './version'

/** How long a stop may take before it is told what is waited for. */
const PATIENCE_MS = 300

export const serve: Command = {
  name: 'serve',
  summary: 'serve a module or a folder; the word can be left out',
  help: HELP,
  options: OPTIONS,
  run: serveUntilSignal,
}

async function serveUntilSignal(given: Given): Promise<number> {
  const { target, settings } = understand(given)
  const signal = firstSignal()
  const certificate = tlsOf(settings)
  const isInThreads = target.kind === 'module' && (settings.watch || settings.threads > 1)
  const shared: Shared = {
    reusePort: isInThreads && SHARES_PORTS,
    tls: certificate,
    isColoured: wantsColours(process.stdout, process.env),
  }
  const starting = isInThreads
    ? serveInThreads({ target, settings, shared }, news(target))
    : serveAlone(target, settings, shared)
  try {
    const running = await Promise.race([starting, signal])
    if (typeof running === 'string') return 0
    tell({
      version: version(),
      what: target.kind === 'folder' ? `the folder ${target.name}` : target.name,
      address: running.address,
      certificate: certificate?.cert as string | undefined,
      threads: settings.threads,
      watch: settings.watch,
      notes: await notesOn(target, settings),
    })
    await Promise.race([signal, running.failed])
    await stop(running, settings.grace)
    return 0
  } catch (error) {
    if (!(error instanceof Ended)) throw error
    console.error(`millrace: ${error.message}`)
    return error.exitCode
  }
}

function understand(given: Given): { target: Target; settings: Settings } {
  const [word, ...more] = given.words
  // A variable of a shell that is not set leaves "", which would mean this folder, with all that is in it.
  if (word === undefined || word === '')
    throw new UsageError('what to serve is missing: a module, as app.mjs, or a folder.')
  if (more.length > 0) throw new UsageError(`one module or folder is served, but ${more.length + 1} are given.`)
  const target = targetOf(word, ['cert', 'help'])
  const settings = settingsOf(given, process.env, process.stdout.isTTY === true)
  if (target.kind === 'folder') {
    if (settings.watch) throw new UsageError('--watch is for modules: of a folder each file is sent as it is by then.')
    if (settings.compression) {
      throw new UsageError('--compression is for modules: of a folder, name.br, .zst or .gz is sent in place of name.')
    }
  } else if (settings.list || settings.spa) {
    throw new UsageError(`${settings.list ? '--list' : '--spa'} is for folders, and ${word} is a module.`)
  }
  return { target, settings }
}

function tell(told: Summary): void {
  const { stdout } = process
  // Programs wait for this line: it goes out before anything else happens.
  console.log(stdout.isTTY ? summary(told, painter(wantsColours(stdout, process.env))) : line(told))
}

async function notesOn({ kind, path: folder }: Target, { list, spa }: Settings): Promise<string[]> {
  if (kind !== 'folder' || list) return []
  const hasIndex = await access(path.join(folder, 'index.html')).then(
    () => true,
    () => false,
  )
  if (hasIndex) return []
  return [spa ? 'there is no index.html for --spa to send.' : 'there is no index.html; --list shows what there is.']
}

/** What becomes of changes, on standard error: standard output is for the address and the log. */
function news({ name }: Target): { reloaded(): void; failed(error: Failure): void } {
  const paint = painter(wantsColours(process.stderr, process.env))
  return {
    reloaded: () => console.error(paint('green', `millrace: ${name} has been loaded anew.`)),
    failed: ({ message }) => {
      console.error(`millrace: ${message}\n\n${paint('yellow', 'Waiting for a change.')}`)
    },
  }
}

async function stop(running: Running, grace: number): Promise<void> {
  const timer = setTimeout(() => {
    console.error('millrace: waiting for requests under way; once more to stop at once.')
  }, PATIENCE_MS)
  try {
    await running.close(grace)
  } finally {
    clearTimeout(timer)
  }
}
