import * as modules from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import * as hooks from './hooks'

/** What is younger than the types this is compiled with. */
interface Modules {
  registerHooks?(given: { resolve: hooks.Resolve }): unknown
  register?(specifier: string, options: object): void
}

/** Tells of each file that is imported in this thread from now on, and of those that are missing. */
export function reportFiles(tell: (file: string) => void): void {
  const told = (url: string): void => {
    if (url.startsWith('file:')) tell(fileURLToPath(url))
  }
  const { registerHooks, register } = modules as Modules
  if (registerHooks !== undefined) {
    hooks.report(told)
    registerHooks({ resolve: hooks.resolve })
  } else if (register !== undefined) {
    // The hooks run in a thread of their own there.
    const { port1, port2 } = new MessageChannel()
    port1.on('message', told).unref()
    const place = pathToFileURL(path.join(__dirname, 'hooks.js')).href
    register.call(modules, place, { data: { port: port2 }, transferList: [port2] })
  }
}

/** Tells of the files that have been required so far, of which hooks of older runtimes are not told. */
export function reportRequired(tell: (file: string) => void): void {
  for (const file of Object.keys(require.cache)) if (!file.startsWith(OWN)) tell(file)
}

const OWN = path.join(__dirname, '..', '..') + path.sep
